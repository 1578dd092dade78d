"""The simulator over 100,000 claims: what a draft would have given for them, from the first claim to the kept result.

The claims are laid in by set statements with the outcomes that approvals leave, of 12,000 residents over 90 days, under
rules with caps by day, month and year, a shared cap, a ceiling and a level that raises points. The draft changes
amounts and caps. A round is one whole run, with all its commits.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from points import clock
from points.awards.models import CapUsage, Claim, ClaimState
from points.awards.simulating.actions import run
from points.awards.simulating.models import Simulation, SimulationState
from points.awards.usage import Row, Subjects
from points.db import db, new_id, transaction
from points.people.actions import create_scheme
from points.people.models import AreaKind
from points.rulebook.actions import add_version
from points.rulebook.models import EarningRule
from points.rulebook.rules import Facts, Rule, assess, caps_for, rule_from

from . import harness
from .awards import PEOPLE, area, residents
from .benchmark import Figures, rounded
from .books import settle

SCALE = float(os.environ.get("POINTS_BENCH_SCALE", "1"))
CLAIMS, DAYS = round(100_000 * SCALE), 90
COMMUNITIES, RULES, CHUNK = 40, 40, 2_000
ZONE = "Asia/Shanghai"
STARS = {
    "code": "star", "title": "星级", "over": "points", "measure": "earned", "per": "year",
    "steps": [{"from": 20, "title": "一星"},
              {"from": 60, "title": "二星", "effects": [{"type": "coefficient", "factor": "1.1"}]}],
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    scheme_id: int
    officer: int
    since: Any
    until: Any


def document(amount: int, a_month: int) -> dict[str, Any]:
    return {
        "format": "points-rulebook/1", "label": f"{amount}", "title": "测量", "source": {"title": "为测量而写"},
        "effective_on": "2020-01-01", "decimals": 1, "levels": [STARS],
        "ceilings": [{"balance": "points", "most": 500, "overflow": "pool"}],
        "groups": [{"code": "care", "title": "关爱", "caps": [{"what": "points", "most": 60, "per": "month"}]}],
        "rules": [
            {
                "code": f"r{n}", "title": f"第 {n} 项", "unit": "hour", "roles": ["resident"],
                "groups": ["care"] if n % 4 == 0 else [],
                "amount": {"type": "per_unit", "points": amount + n % 5, "rounding": "half_up"},
                "caps": [{"what": "points", "most": 40, "per": "day"},
                         {"what": "points", "most": a_month, "per": "month"},
                         {"what": "times", "most": 200, "per": "year", "who": "household"}][: n % 4],
            }
            for n in range(RULES)
        ],
    }  # fmt: skip


def laid_in() -> Place:
    """Lay the claims in, as if all had been approved. Needs an application context on an empty, migrated database."""
    chance, at = random.Random(5), clock.now()
    with transaction():
        scheme = create_scheme(code="bench", name="测量", points_scale=1, at=at)
        root = area(scheme.id, AreaKind.SUBDISTRICT, "测量街道", None)
        communities = [area(scheme.id, AreaKind.COMMUNITY, f"第 {n} 社区", root) for n in range(COMMUNITIES)]
        people = residents(scheme.id, communities, at)
        version = add_version(scheme.id, document(2, 120), loaded_by=people[0][0], at=at).version
        found = db.session.scalars(select(EarningRule).where(EarningRule.version_id == version.id))
        rules = [(row.id, rule_from(row.body)) for row in found]
        scheme_id = scheme.id
    used: dict[Row, int] = {}
    for begun in range(0, CLAIMS, CHUNK):
        with transaction():
            rows = [
                claim(scheme_id, chance, people, rules, used, at, n) for n in range(begun, min(CLAIMS, begun + CHUNK))
            ]
            db.session.execute(insert(Claim), rows)
    taken = [
        {"scheme_id": scheme_id, "subject_id": subject, "cap": cap, "period": period, "used": count}
        for (subject, cap, period), count in used.items()
    ]
    for begun in range(0, len(taken), CHUNK):
        with transaction():
            db.session.execute(insert(CapUsage), taken[begun : begun + CHUNK])
    settle()
    db.session.commit()
    today = clock.local_date(at, ZONE)
    return Place(scheme_id, people[0][0], today - timedelta(days=DAYS), today)


def claim(
    scheme_id: int, chance: random.Random, people: list[tuple[int, str]], rules: list[tuple[int, Rule]],
    used: dict[Row, int], at: Any, n: int,
) -> dict[str, Any]:  # fmt: skip
    """One claim as its approval would have left it; the latest last."""
    person_id, path = people[chance.randrange(PEOPLE)]
    rule_id, rule = rules[n % RULES]
    made_at = at - timedelta(days=DAYS) * (1 - n / CLAIMS)
    done_on, subjects = clock.local_date(made_at, ZONE), Subjects(person_id, scheme_id=scheme_id)
    facts = Facts(1000 * chance.randint(1, 5), "self", done_on, roles=frozenset({"resident"}))
    rows = {key: subjects.row(key) for key in caps_for(rule, done_on)}
    seen = assess(rule, facts, {key: used.get(row, 0) for key, row in rows.items()}, 1)
    for take in seen.takes:
        used[rows[take.key]] = used.get(rows[take.key], 0) + take.amount
    kept = seen.to_dict() | {"subjects": subjects.to_dict(), "result": ""}
    return {
        "scheme_id": scheme_id, "id": new_id(), "rule_id": rule_id, "person_id": person_id, "entered_by": person_id,
        "source": "self", "quantity": facts.quantity, "done_on": done_on, "done_at": "09:30", "place": f"{n % 90} 号楼",
        "note": "陪楼下老邻居去医院换药", "state": ClaimState.APPROVED, "forecast": kept, "outcome": kept,
        "points": seen.points, "key": f"k{n}", "request_hash": "0" * 64, "made_at": made_at, "area_path": path,
        "decided_by": person_id, "decided_at": made_at, "path": [], "choices": {}, "flags": [],
    }  # fmt: skip


def prepare() -> tuple[Callable[[], dict[str, float]], Callable[[], None]]:
    stack = contextlib.ExitStack()
    where = stack.enter_context(tempfile.TemporaryDirectory(prefix="points-bench-sqlite-"))
    base = stack.enter_context(harness.postgres())
    urls = {"SQLite": f"sqlite:///{where}/points.sqlite3", "PostgreSQL": harness.database(base, "points_bench")}
    apps, places = {}, {}
    for engine, url in urls.items():
        apps[engine] = stack.enter_context(harness.application(url))
        print(f"Laying in {CLAIMS:,} claims…", file=sys.stderr, flush=True)
        places[engine] = laid_in()

    def measure() -> dict[str, float]:
        took = {}
        for engine, place in places.items():
            with apps[engine].app_context():
                took[engine] = simulated(place)
        return took

    return measure, stack.close


def simulated(place: Place) -> float:
    """Seconds of one run."""
    with transaction():
        one = Simulation(
            scheme_id=place.scheme_id, id=new_id(), title="草案", label="草案", body=document(3, 100),
            from_on=place.since, to_on=place.until, total=CLAIMS, asked_by=place.officer, asked_at=clock.now(),
            key=str(new_id()),
        )  # fmt: skip
        db.session.add(one)
    simulation_id = one.id
    begun = time.perf_counter()
    run(place.scheme_id, simulation_id, zone=ZONE, scale=1)
    took = time.perf_counter() - begun
    kept = db.session.get_one(Simulation, (place.scheme_id, simulation_id), populate_existing=True)
    if kept.state != SimulationState.DONE or (kept.result or {})["all"][2] != CLAIMS:
        raise RuntimeError(f"{kept.state}: {kept.error} {(kept.result or {}).get('all')}")
    db.session.rollback()
    return took


def sum_up(rounds: list[dict[str, float]]) -> tuple[float, str]:
    """Seconds of the slower engine, and how many claims a second each judged."""
    medians = {engine: statistics.median(one[engine] for one in rounds) for engine in rounds[0]}
    words = [f"{engine} {rounded(took)} s, {CLAIMS / took:,.0f} claims/s" for engine, took in medians.items()]
    return max(medians.values()), "; ".join(words)


BENCHMARKS: list[Any] = [Figures("simulator.run_s", f"s, a run over {CLAIMS:,} claims", prepare, sum_up)]
