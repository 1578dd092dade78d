"""Opening balances, and what the first sign-in earns: given once (or once a period) to everybody they are for, whenever
they join."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from ... import clock
from ...clock import period_of
from ...db import db, in_own_transaction
from ...inbox import Told, tell_many
from ...jobs import Context
from ...ledger.queries import units_of
from ...people.models import Person, PrivacyConsent, Scheme
from ...rulebook.models import RulebookVersion
from ...rulebook.parsing import life_from
from ...rulebook.queries import KnownRule, rules_of, version_on
from ...rulebook.rules import mark_of
from ..balances import UNIT_OF, open_own, unit_code
from ..budgets import marks_for
from ..levels import scale_of
from ..models import Claim, Source
from .ceiling import brim_of
from .filing import Due, file_given
from .giving import Gift, give, life_of, some_lacking
from .groups import people_in
from .rules import minor

FIRST = "first_sign_in"
BACK = timedelta(days=400)  # so far back first sign-ins are looked for


def give_opening(work: Context) -> int:
    """Due work: the opening balances of the rulebook in force, to everybody of its groups who has not had them. The
    same balance is given to one person once (or once a period), whatever later versions say of it."""
    version = version_on(work.scheme_id, work.day)
    entries: list[Mapping[str, Any]] = list(version.body.get("opening", ())) if version else []
    given = 0
    for entry in entries:
        assert version is not None
        given += give_one(work, version, entry)
    return given


def give_one(work: Context, version: RulebookVersion, entry: Mapping[str, Any]) -> int:
    scheme = db.session.get_one(Scheme, work.scheme_id)
    gift = in_own_transaction(partial(gift_of, scheme, version, entry, work))
    group = people_in(scheme.id, entry, work.day)
    given = 0
    for some in some_lacking(scheme.id, group, gift.prefix):
        now = give(scheme, gift, some, work.at, stop=work.should_stop)
        given += now.posted
        if entry["balance"] == "points":
            name = gift.prefix.removesuffix(":")
            told = [Told(one, "opening_received", {"points": points}, "/me", name) for one, points in now.has.items()]
            in_own_transaction(partial(tell_many, scheme.id, [one for one in told if one.values["points"]], work.at))
        work.progress(given, 0)
        if now.refused:  # the budget is spent: the rest waits until it is raised
            break
    return given


def gift_of(scheme: Scheme, version: RulebookVersion, entry: Mapping[str, Any], work: Context) -> Gift:
    """Opens the balance's unit when it is the rulebook's own and has never been given."""
    balance = entry["balance"]
    unit_id = units_of(scheme.id).get(unit_code(balance))
    if unit_id is None:
        unit_id = open_own(scheme.id, version.body, balance)
    amount = minor(entry["amount"], scale_of(scheme.id, version.body, balance))
    budget = marks_for(scheme.id, [unit_id], work.day.year, "")[unit_id] if balance in UNIT_OF else ""
    life, per = life_of(version.body, balance), entry.get("per", "once")
    mark = mark_of(life_from(life), work.day) if life else "never"
    prefix = f"opening:{balance}:" if per == "once" else f"opening:{balance}:{period_of(work.day, per)[0]}:"
    brim = brim_of(scheme.id, version.body, balance, scale_of(scheme.id, version.body, balance), work.at)
    return Gift(unit_id, amount, mark, prefix, "opening", version.id, budget, brim=brim)


# ---------------------------------------------------------------- the first sign-in


def first_sign_ins(scheme_id: int, known: KnownRule, since: datetime) -> list[tuple[int, datetime]]:
    """Those who have signed in for the first time since (and agreed to the notice) and have not been filed for."""
    earlier = aliased(PrivacyConsent)
    query = (
        select(PrivacyConsent.person_id, PrivacyConsent.agreed_at)
        .join(Person, (Person.scheme_id == PrivacyConsent.scheme_id) & (Person.id == PrivacyConsent.person_id))
        .where(PrivacyConsent.scheme_id == scheme_id, PrivacyConsent.agreed_at >= since)
        .where(Person.disabled_at.is_(None))
        .where(
            ~exists()
            .where(earlier.scheme_id == scheme_id, earlier.person_id == PrivacyConsent.person_id)
            .where(earlier.agreed_at < PrivacyConsent.agreed_at)
        )
        .where(
            ~exists().where(
                Claim.scheme_id == scheme_id,
                Claim.entered_by == PrivacyConsent.person_id,
                Claim.key == first_key(known),
                Claim.source == Source.SYSTEM,
            )
        )
        .order_by(PrivacyConsent.person_id)
        .limit(500)
    )
    return [(person_id, agreed_at) for person_id, agreed_at in db.session.execute(query)]


def first_key(known: KnownRule) -> str:
    """One for a rule's code, in every version: the first sign-in is rewarded once."""
    return f"first:{known.code}"[:36]


def file_first_sign_ins(work: Context) -> int:
    """Due work: what the first sign-in earns, for those who signed in since the rulebook says so."""
    version = version_on(work.scheme_id, work.day)
    wanted = [known for known in rules_of(version) if known.rule.trigger == FIRST] if version else []
    filed = 0
    for known in wanted:
        assert version is not None
        began = max(clock.day_start(version.effective_on, work.zone), work.at - BACK)
        for person_id, agreed_at in first_sign_ins(work.scheme_id, known, began):
            due = Due(person_id, known, first_key(known), clock.local_date(agreed_at, work.zone), known.title)
            filed += in_own_transaction(partial(file_one, work.scheme_id, due, work.at))
            work.progress(filed, 0)
    return filed


def file_one(scheme_id: int, due: Due, at: datetime) -> bool:
    return file_given(db.session.get_one(Scheme, scheme_id), due, at) is not None
