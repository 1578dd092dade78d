"""The table of results in docs/benchmarks.md, from the lines that a run printed.

./run bench 2>machine.txt | tee lines.jsonl
.venv/bin/python -m benchmarks.table lines.jsonl "2 cores, …"
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs/benchmarks.md"
BEGIN, END = "<!-- results: written by benchmarks/table.py -->\n", "<!-- end of results -->\n"

# What is demanded and what is aimed at: of the ratio, or of the value where there is none.
AT_LEAST: Mapping[str, tuple[float, float]] = {
    "ledger.post": (1.0, 1.3),
    "ledger.post.hot_shop": (0.9, 1.0),
    "service.redeem.1": (0.12, 0.25),
    "service.redeem.8": (0.25, 0.5),
    "http.redeem": (0.12, 0.25),
    "sqlite.redeem": (0.12, 0.25),
    "bulk.awards.postgresql": (0.25, 0.35),
    "bulk.awards.sqlite": (0.4, 0.6),
    "peer.hordak": (3, 5),
    "http.balance": (0.4, 0.6),
    "rulebook.assess_per_s": (1000, 3000),
}
AT_MOST: Mapping[str, tuple[float, float]] = {
    "bulk.slowest_redeem_ms": (150, 60),
    "growth.balance": (1.5, 1.1),
    "growth.statement": (1.5, 1.1),
    "growth.statement.deep": (1.5, 1.1),
    "audit.million_s": (10, 3),
    "awards.queue_ms": (100, 60),
    "simulator.run_s": (120, 60),
}


def row(line: Mapping[str, Any]) -> str:
    name, ratio = line["name"], line["ratio"]
    word, (demand, aim) = ("≥", AT_LEAST[name]) if name in AT_LEAST else ("≤", AT_MOST[name])
    cells = [f"`{name}`", f"{line['value']:,g} {line['unit']}", line["beside"], "" if ratio is None else f"{ratio:g}"]
    return f"| {' | '.join([*cells, f'{word} {demand:g}', f'{word} {aim:g}'])} |"


def table(lines: Iterable[Mapping[str, Any]], machine: str) -> str:
    head = ["| benchmark | value | beside | ratio | demand | aim |", "|---|---|---|---|---|---|"]
    return "\n".join([f"{machine}\n", *head, *map(row, lines)]) + "\n"


def main(where: str, machine: str) -> None:
    lines = [json.loads(line) for line in Path(where).read_text().splitlines() if line.startswith("{")]
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + table(lines, machine) + END + after)


if __name__ == "__main__":
    main(*sys.argv[1:])
