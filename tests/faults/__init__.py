"""Faults on purpose: storms of clients, killed processes, cut connections, full disks, forged rows, and a simulator.

``ground`` is the small town that everything happens in, ``answers`` what clients were told, ``verdict`` what the books
must then say, ``sabotage`` the deliberately broken builds that each of these has to notice. ``python -m tests.faults``
is the long run; docs/faults.md says how to read its report. Nothing in here is imported by the product.
"""
