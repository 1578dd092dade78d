"""The books in other people's formats: plain-text accounting, a table of postings (CSV), and all of it as JSON Lines.

Rows stream from one moment of the database; holders stand as their numbers, so no file names anybody.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from .export_rows import account_rows, hold_lines, lines, quantity, streaming, unit_rows
from .leaves import moment, number
from .plain_text import beancount, hledger
from .snapshot import Scheme

COLUMNS = (
    *("transfer", "line", "kind", "occurred_at", "recorded_at", "source_kind", "source_id", "reverses", "part"),
    *("actor", "key", "account", "holder", "class", "mark", "stripe", "unit", "amount", "seq", "balance_after"),
    "undoes",
)


def table(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """Lines of CSV: a header, then one line per posting in the order recorded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for p in streaming(connection).execute(lines(scheme.id)):
        writer.writerow(
            (
                *(p.transfer_id, p.line, _cell(p.kind), p.occurred_at.isoformat(), p.recorded_at.isoformat()),
                *(_cell(p.source_kind), p.source_id, p.reverses_id, p.part, p.actor_id, _cell(p.key)),
                *(p.account_id, p.holder_id, _cell(p.klass), _cell(p.mark), p.stripe, _cell(p.code)),
                *(quantity(p.amount, p.scale), p.seq, quantity(p.balance_after, p.scale), p.undoes),
            )
        )
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _cell(words: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


def json_lines(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """One JSON object a line, told apart by "type": scheme, units, accounts, transfers with their lines, holds with
    theirs, and at the end how many there were of each. Ids are text, amounts whole minor units, moments UTC."""
    counts: Counter[str] = Counter()
    for kind, facts in _objects(connection, scheme):
        counts[kind] += 1
        yield json.dumps({"type": kind, **facts}, ensure_ascii=False, separators=(",", ":")) + "\n"
    yield json.dumps({"type": "end", **{f"{kind}s": counts[kind] for kind in TYPES}}, separators=(",", ":")) + "\n"


TYPES = ("unit", "account", "transfer", "hold")


def _objects(connection: Connection, scheme: Scheme) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = streaming(connection)
    yield "scheme", {"id": number(scheme.id), "code": scheme.code, "zone": scheme.zone, "version": 1}
    for unit in rows.execute(unit_rows(scheme.id)):
        yield "unit", {"id": number(unit.id), "code": unit.code, "kind": unit.kind, "scale": unit.scale}
    for a in rows.execute(account_rows(scheme.id)):
        yield (
            "account",
            {
                **{"id": number(a.account_id), "holder": number(a.holder_id), "unit": number(a.unit_id)},
                **{"class": a.klass, "mark": a.mark, "stripe": a.stripe, "floor": a.floor, "ceiling": a.ceiling},
                **{"balance": a.balance, "held": a.held, "seq": a.seq},
            },
        )
    for _, found in groupby(rows.execute(lines(scheme.id)), key=lambda line: line.transfer_id):
        of_one = list(found)
        head = of_one[0]
        yield (
            "transfer",
            {
                **{"id": number(head.transfer_id), **_asked(head), "recorded": moment(head.recorded_at)},
                **{"reverses": number(head.reverses_id), "part": head.part},
                "lines": [
                    {
                        **{"line": p.line, "account": number(p.account_id), "amount": p.amount, "seq": p.seq},
                        **{"balance_after": p.balance_after, "undoes": p.undoes},
                    }
                    for p in of_one
                ],
            },
        )
    for _, found in groupby(rows.execute(hold_lines(scheme.id)), key=lambda line: line.id):
        of_one = list(found)
        head = of_one[0]
        resolved = None if head.resolved_at is None else moment(head.resolved_at)
        yield (
            "hold",
            {
                **{"id": number(head.id), **_asked(head), "held": moment(head.held_at), "until": moment(head.until)},
                **{"outcome": head.outcome, "transfer": number(head.transfer_id)},
                **{"resolved": resolved, "resolved_by": number(head.resolved_by)},
                "lines": [{"line": x.line, "account": number(x.account_id), "amount": x.amount} for x in of_one],
            },
        )


def _asked(head: Any) -> dict[str, Any]:
    """What a transfer and a hold have in common: who asked for what, and the paper behind it."""
    return {
        **{"kind": head.kind, "key": head.key, "actor": number(head.actor_id), "request": head.request_hash},
        **{"source_kind": head.source_kind, "source": number(head.source_id), "occurred": moment(head.occurred_at)},
    }


FORMATS: Mapping[str, Callable[[Connection, Scheme], Iterator[str]]] = {
    "beancount": beancount,
    "csv": table,
    "hledger": hledger,
    "jsonl": json_lines,
}
