"""Backup and restore: one archive file with every table, every photo, and a manifest that knows each member's hash.

Verbs: ``dumping.back_up``, ``restoring.restore``; ``archive.verify`` proves a file without touching anything. Laws: an
archive is one moment of the database, whatever is written meanwhile; it holds no key; it is there whole or not at all;
a damaged one is refused before anything is written; a restore only ever fills an empty database.

The format knows no engine: a table is a text file as PostgreSQL's COPY writes it, so that an archive made on SQLite
loads into PostgreSQL and the other way round, and can be read without this program.
"""
