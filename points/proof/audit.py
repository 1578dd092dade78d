"""The audit: works the books out again from their postings and names the first bad row of every law that is broken.

One pass over all postings in the order of their transfers (``audit_pass``), and questions about what is few beside
them: accounts, reversals, holds (``audit_few``), and the seals' own sums; ``verify`` goes on to what they seal.
Nothing of it trusts a constraint, a trigger or a cached balance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from .audit_accounts import accounts_of, check_account, check_cache
from .audit_few import check_few
from .audit_pass import check_postings
from .snapshot import snapshot
from .verify import broken_seals


@dataclass(frozen=True)
class Finding:
    """A broken law and the first row that breaks it."""

    law: str
    row: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.law}: {', '.join(f'{name} {value}' for name, value in self.row.items())}"


@dataclass(frozen=True)
class Audit:
    """What was looked at, and every broken law; ``is_clean`` when there is none."""

    accounts: int
    transfers: int
    postings: int
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        return not self.findings

    def as_plain(self, scheme: str) -> dict[str, object]:
        """For JSON."""
        counts = {"accounts": self.accounts, "transfers": self.transfers, "postings": self.postings}
        found = [{"law": finding.law, "row": dict(finding.row)} for finding in self.findings]
        return {"scheme": scheme, "clean": self.is_clean, **counts, "findings": found}


@dataclass
class Findings:
    """The first row that breaks each law, in the order in which they were met."""

    rows: dict[str, Mapping[str, object]] = field(default_factory=dict)

    def note(self, law: str, **row: object) -> None:
        self.rows.setdefault(law, row)


def audit(scheme_id: int) -> Audit:
    """Audit a scheme's books as they stand at one moment."""
    with snapshot() as connection:
        return audit_on(connection, scheme_id)


def audit_on(connection: Connection, scheme_id: int) -> Audit:
    found = Findings()
    zone = connection.scalar(ZONE, {"scheme": scheme_id}) or "UTC"
    accounts = accounts_of(connection, scheme_id)
    for account in accounts.values():
        check_account(account, found.note)
    transfers, postings = check_postings(connection, scheme_id, zone, accounts, found.note)
    for account in accounts.values():
        check_cache(account, found.note)
    check_few(connection, scheme_id, accounts, found.note)
    for broken in broken_seals(connection, scheme_id):
        found.note("the seals hold together", what=broken.what, day=str(broken.day), transfer=broken.transfer_id)
        break
    findings = tuple(Finding(law, row) for law, row in found.rows.items())
    return Audit(len(accounts), transfers, postings, findings)


ZONE = text("SELECT zone FROM schemes WHERE id = :scheme")
