"""Proof that the books are right, for anybody who asks: audit, rebuild, seals and their verification, exports.

Reads what the kernel (``points.ledger``) wrote, and writes nothing but seals. Nothing here is on the way of a posting.
"""
