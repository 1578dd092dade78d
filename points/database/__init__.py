"""The database server as its operator sees it: roles and their grants, the scale-out contract, distribution with Citus.

Laws: which rows stay is marked at the tables (``db.kept``) and nowhere else; every table but the directory's puts
``scheme_id`` first in all its keys, so that ``distribute`` needs no change of code.
"""
