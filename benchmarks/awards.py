"""The reviewers' queue with 100,000 open claims: what a page of it costs the server, from request to the last byte.

The claims are laid in by set statements, as like real ones as forecast, path and oddities make them: 40 communities,
12,000 residents, 60 rules, 90 days of history beside what is open. Then pages are asked for as reviewers do: the first
one by an officer of the whole subdistrict and by the staff of one community, a page deep down, and narrowed by each
filter. Every page is a whole request: session, permissions, rows, oddities, counts, the open item, the template.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import insert

from points import clock
from points.awards.models import Claim, ClaimState
from points.db import db, new_id, transaction
from points.ledger import HolderKind
from points.ledger.accounts import holders
from points.people.actions import create_scheme
from points.people.models import Area, AreaKind, Assignment, Person, PrivacyConsent, Role, SignIn
from points.people.visitor import PRIVACY_VERSION, token_hash
from points.rulebook.assessment import Assessment, Line
from points.rulebook.models import EarningRule, RulebookVersion

from . import harness
from .benchmark import Figures, rounded
from .books import settle

SCALE = float(os.environ.get("POINTS_BENCH_SCALE", "1"))
OPEN, DECIDED = round(100_000 * SCALE), round(100_000 * SCALE)
PEOPLE, COMMUNITIES, RULES = 12_000, 40, 60
CHUNK = 2_000
KINDS = ("volunteering", "report", "service", "mediation", "suggestion", "other")
SOURCES = ("self", "self", "self", "leader", "staff", "backfill", "import")
ODD = ("photo", "same_day", "above_usual", "first_large")


@dataclass(frozen=True)
class Place:
    """The application with its claims, and the sign-ins of an officer and of one community's staff."""

    app: Flask
    officer: str
    staff: str
    community_id: int


def laid_in(app: Flask) -> Place:
    """Lay the claims in. Needs an application context on an empty, migrated database."""
    chance, at = random.Random(5), clock.now()
    with transaction():
        scheme = create_scheme(code="bench", name="测量", points_scale=0, at=at)
        root = area(scheme.id, AreaKind.SUBDISTRICT, "测量街道", None)
        communities = [area(scheme.id, AreaKind.COMMUNITY, f"第 {n} 社区", root) for n in range(COMMUNITIES)]
        officer, staff = (person(scheme.id, place, at) for place in (root, communities[7]))
        for who, role, where in ((officer, Role.OFFICER, root), (staff, Role.STAFF, communities[7])):
            db.session.add(
                Assignment(
                    scheme_id=scheme.id, id=new_id(), person_id=who, role=role, area_id=where.id, since=at, given_by=who
                )
            )
        people = residents(scheme.id, communities, at)
        rules = book(scheme.id, at)
        tokens = [sign_in(scheme.id, who, at) for who in (officer, staff)]
    for state, count in ((ClaimState.APPROVED, DECIDED), (ClaimState.WAITING, OPEN)):
        for start in range(0, count, CHUNK):
            with transaction():
                rows = [
                    claim(scheme.id, chance, people, rules, state, at, start + n)
                    for n in range(min(CHUNK, count - start))
                ]
                db.session.execute(insert(Claim), rows)
    settle()
    db.session.commit()
    return Place(app, tokens[0], tokens[1], communities[7].id)


def area(scheme_id: int, kind: AreaKind, name: str, parent: Area | None) -> Area:
    made = Area(
        scheme_id=scheme_id, id=new_id(), kind=kind, name=name, parent_id=parent.id if parent else None, path=""
    )
    made.path = f"{parent.path if parent else '/'}{made.id}/"
    db.session.add(made)
    db.session.flush()
    return made


def person(scheme_id: int, place: Area, at: Any) -> int:
    made = new_id()
    db.session.execute(holders.insert(), [{"scheme_id": scheme_id, "id": made, "kind": HolderKind.PERSON}])
    db.session.add(
        Person(scheme_id=scheme_id, id=made, number=f"S{made}"[:20], name="陈建国", area_id=place.id, created_at=at)
    )
    db.session.add(
        PrivacyConsent(scheme_id=scheme_id, id=new_id(), person_id=made, notice_version=PRIVACY_VERSION, agreed_at=at)
    )
    db.session.flush()
    return made


def residents(scheme_id: int, communities: list[Area], at: Any) -> list[tuple[int, str]]:
    ids = [new_id() for _ in range(PEOPLE)]
    db.session.execute(
        holders.insert(), [{"scheme_id": scheme_id, "id": one, "kind": HolderKind.PERSON} for one in ids]
    )
    rows = [
        {
            "scheme_id": scheme_id,
            "id": one,
            "number": f"R{n:06}",
            "name": f"{'王李张刘陈'[n % 5]}{n}",
            "area_id": communities[n % COMMUNITIES].id,
            "created_at": at,
        }
        for n, one in enumerate(ids)
    ]
    db.session.execute(insert(Person), rows)
    return [(one, communities[n % COMMUNITIES].path) for n, one in enumerate(ids)]


def book(scheme_id: int, at: Any) -> list[int]:
    since = clock.local_date(at, "Asia/Shanghai") - timedelta(days=400)
    version = RulebookVersion(
        scheme_id=scheme_id,
        id=new_id(),
        label="测量",
        title="积分细则",
        effective_on=since,
        body={"rules": []},
        body_hash=secrets.token_hex(16),
        loaded_by=1,
        loaded_at=at,
    )
    db.session.add(version)
    db.session.flush()
    found = []
    for n in range(RULES):
        body = {
            "code": f"rule{n}",
            "title": f"第 {n} 项好事",
            "kind": KINDS[n % 6],
            "unit": "hour",
            "amount": {"type": "per_unit", "points": 1 + n % 5},
        }
        row = EarningRule(
            scheme_id=scheme_id,
            id=new_id(),
            version_id=version.id,
            code=body["code"],
            place=n + 1,
            title=body["title"],
            kind=body["kind"],
            category=f"c{n % 8}",
            body=body,
        )
        db.session.add(row)
        found.append(row.id)
    db.session.flush()
    return found


def claim(
    scheme_id: int,
    chance: random.Random,
    people: list[tuple[int, str]],
    rules: list[int],
    state: ClaimState,
    at: Any,
    n: int,
) -> dict[str, Any]:
    person_id, path = chance.choice(people)
    granted = state == ClaimState.APPROVED
    made_at = at - timedelta(days=90 if granted else 0, seconds=chance.randrange(10 * 86_400))
    worth = chance.choice((1, 2, 2, 3, 5, 10, 40))
    line = Line("each", "每次 {worth_points} 分", {"worth_points": worth}, worth)
    seen = Assessment(scale=0, points=worth, honour=worth, minutes=60, mark="never", lines=(line, line), quantity=1000)
    forecast = seen.to_dict() | {"subjects": {"person": person_id}}
    return {
        "scheme_id": scheme_id,
        "id": new_id(),
        "rule_id": rules[n % RULES],
        "person_id": person_id,
        "entered_by": person_id,
        "source": chance.choice(SOURCES),
        "quantity": 1000 * chance.randint(1, 5),
        "done_on": clock.local_date(made_at, "Asia/Shanghai"),
        "done_at": "morning",
        "place": f"{n % 90} 号楼",
        "note": "陪楼下老邻居去医院换药，排队、取药、送回家",
        "state": state,
        "forecast": forecast,
        "outcome": forecast if granted else None,
        "points": worth if granted else None,
        "key": f"k{state}{n}",
        "request_hash": "0" * 64,
        "made_at": made_at,
        "area_path": path,
        "sharers": 1,
        "decided_by": person_id if granted else None,
        "decided_at": made_at if granted else None,
        "path": [{"title": "审核", "by": ["staff", "officer"], "votes": 1, "panel": 1, "in": "community"}],
        "stage": 0,
        "round": 1,
        "flags": [ODD[n % 4]] if n % 20 == 0 and not granted else [],
        "choices": {},
    }


def sign_in(scheme_id: int, person_id: int, at: Any) -> str:
    token = secrets.token_urlsafe(32)
    db.session.add(
        SignIn(
            token_hash=token_hash(token),
            id=new_id(),
            scheme_id=scheme_id,
            person_id=person_id,
            kind="token",
            created_at=at,
            last_seen_at=at,
            second_factor_at=at,
            expires_at=at + timedelta(days=1),
        )
    )
    return token


# ---------------------------------------------------------------- asking


def pages(place: Place) -> dict[str, tuple[str, str]]:
    """What is asked for: name → (sign-in, address)."""
    found = {
        "officer": (place.officer, "/queue"),
        "community": (place.staff, "/queue"),
        "odd": (place.officer, "/queue?flag=any"),
        "odd in a community": (place.staff, "/queue?flag=photo"),
        "rule": (place.officer, "/queue?rule=rule17"),
        "category": (place.officer, "/queue?category=c3"),
        "kind": (place.staff, "/queue?kind=report"),
        "source": (place.officer, "/queue?source=import"),
        "area": (place.officer, f"/queue?area={place.community_id}"),
        "points": (place.officer, "/queue?least=40"),
        "age": (place.officer, "/queue?age=7"),
        "everything": (place.staff, "/queue?kind=report&source=staff&least=5&age=3&flag=none"),
        "approved": (place.officer, "/queue?state=approved"),
    }
    return found | {"deep": (place.officer, f"/queue?after={deep(place)}")}


def deep(place: Place) -> str:
    """The cursor of a page in the middle of what is open."""
    from points.web.paging import pack

    query = db.select(Claim.made_at, Claim.id).where(Claim.state == ClaimState.WAITING)
    row = db.session.execute(query.order_by(Claim.made_at, Claim.id).offset(OPEN // 2).limit(1)).one()
    db.session.rollback()
    return pack((row.made_at, row.id))


def milliseconds(place: Place) -> dict[str, float]:
    """What each page takes: the median of a few, after one that warms what is kept between requests."""
    client = place.app.test_client()
    took = {}
    for name, (token, address) in pages(place).items():
        rounds = []
        for _ in range(6):
            started = time.perf_counter()
            answer = client.get(address, headers={"Authorization": f"Bearer {token}"})
            rounds.append((time.perf_counter() - started) * 1000)
            if answer.status_code != 200 or b"data-id" not in answer.data:
                raise RuntimeError(f"{name}: {answer.status_code}")
        took[name] = statistics.median(rounds[1:])
    return took


def queues() -> tuple[Callable[[], dict[str, dict[str, float]]], Callable[[], None]]:
    stack = contextlib.ExitStack()
    where = stack.enter_context(tempfile.TemporaryDirectory(prefix="points-bench-sqlite-"))
    base = stack.enter_context(harness.postgres())
    urls = {"SQLite": f"sqlite:///{where}/points.sqlite3", "PostgreSQL": harness.database(base, "points_bench")}
    places = {name: stack.enter_context(prepared(url)) for name, url in urls.items()}

    def measure() -> dict[str, dict[str, float]]:
        found = {}
        for name, place in places.items():
            with place.app.app_context():
                found[name] = milliseconds(place)
        return found

    return measure, stack.close


@contextlib.contextmanager
def prepared(url: str) -> Iterator[Place]:
    with harness.application(url) as app:
        print(f"Laying in {OPEN + DECIDED:,} claims…", file=sys.stderr, flush=True)
        yield laid_in(app)


def slowest(rounds: list[dict[str, dict[str, float]]]) -> tuple[float, str]:
    """The slowest page of the slower engine; beside it each engine's first page and slowest."""
    words, worst = [], 0.0
    for engine in rounds[0]:
        medians = {page: statistics.median(one[engine][page] for one in rounds) for page in rounds[0][engine]}
        print(
            json.dumps({engine: {page: rounded(took) for page, took in medians.items()}}, ensure_ascii=False),
            file=sys.stderr,
            flush=True,
        )
        page = max(medians, key=lambda one: medians[one])
        words.append(
            f"{engine} first page {rounded(medians['officer'])} ms, slowest ({page}) {rounded(medians[page])} ms"
        )
        worst = max(worst, medians[page])
    return worst, "; ".join(words)


BENCHMARKS: list[Any] = [
    Figures("awards.queue_ms", f"ms, the slowest of 14 pages, {OPEN:,} open claims", queues, slowest)
]
