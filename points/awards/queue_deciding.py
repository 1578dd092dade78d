"""Decisions as forms send them: one on a claim's own page, many from the list, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import db, in_own_transaction, is_id
from ..errors import DomainError, NotFound
from ..people.visitor import Visitor
from ..web.formats import listed, points
from ..web.formats import sentence_of as said
from ..web.schemas import tidy
from .models import Claim, ClaimState
from .oddities import Oddity
from .queries import Line, lines, seen_by_reviewer
from .queue_oddities import limits_of, oddities_of
from .queue_words import oddity_words
from .reviewing import approve, reject, send_back
from .schemas import decided_points

MOST_DECISIONS = 200
DECISIONS = {"approve": approve, "return": send_back, "reject": reject}


@dataclass(frozen=True)
class Result:
    """What became of one decision of a submission. ``done``: approve, return, reject, held (odd: it waits for somebody
    to open it), or nothing when it was refused. ``state``: of the claim now, when something was done. ``points``: what
    it earns, credited or on its way; nothing while others have to look at it as well."""

    claim_id: int
    name: str
    title: str
    done: str
    points: int
    sentence: str
    state: str = ""


@dataclass(frozen=True)
class Decision:
    """What a form decides about one claim."""

    verb: str
    reason: str
    points: str
    outcome: str
    together: bool = False  # picked with others: the odd ones are held back
    grades: tuple[str, ...] = ()  # as the reviewer sees them; and the coefficients that are the reviewer's
    coefficients: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, verb: str, form: Mapping[str, str], mark: str, together: bool = False) -> Decision:
        given, outcome = form.get("points" + mark, ""), form.get("outcome" + mark, "")
        reason = form.get("reason" + mark) or (form.get("why" + mark, "") if verb == "approve" else "")
        grades = getattr(form, "getlist", lambda name: [])("grades" + mark)
        picks = {
            name.removeprefix("coef-").removesuffix(mark): value[:40]
            for name, value in form.items()
            if name.startswith("coef-") and name.endswith(mark) and value
        }
        return cls(
            verb,
            tidy(reason),
            given,
            outcome[:40],
            together,
            tuple(one[:40] for one in grades[:50]),
            tuple(sorted(picks.items())[:20]),
        )


def decisions_in(form: Mapping[str, str]) -> Iterator[tuple[int, Decision]]:
    """The decisions of a form: ``do-<id>``, ``reason-<id>``, ``points-<id>``…; picked rows take ``all``."""
    for name, chosen in form.items():
        kind, _, number = name.partition("-")
        if kind != "do" or not (number.isascii() and number.isdigit() and len(number) <= 19):
            continue
        verb = chosen or (form.get("all", "") if form.get(f"pick-{number}") else "")
        if verb in DECISIONS and is_id(int(number)):
            yield int(number), Decision.of(verb, form, f"-{number}", together=not chosen)


def decide_all(who: Visitor, form: Mapping[str, str], key: UUID) -> list[Result]:
    """Each decision in a transaction of its own and with its own result. A reload repeats none: each claim's key
    follows from the form's."""
    wanted = list(decisions_in(form))[:MOST_DECISIONS]
    odd = odd_of(who, [claim_id for claim_id, one in wanted if one.together and one.verb == "approve"])
    results = []
    for claim_id, one in wanted:
        if claim_id in odd:
            results.append(held(who, claim_id, odd[claim_id]))
        else:
            results.append(tried(who, claim_id, one, uuid5(key, str(claim_id))))
    return results


def odd_of(who: Visitor, claim_ids: list[int]) -> dict[int, list[Oddity]]:
    """What is odd about those of the claims that wait, as far as this visitor sees them."""
    if not claim_ids:
        return {}
    found = list(
        db.session.scalars(
            db.select(Claim).where(seen_by_reviewer(who), Claim.id.in_(claim_ids), Claim.state == ClaimState.WAITING)
        )
    )
    odd = oddities_of(who.scheme_id, found, limits_of(who.settings), who.points_scale, who.person_id)
    db.session.rollback()
    return odd


def tried(who: Visitor, claim_id: int, wanted: Decision, key: UUID) -> Result:
    """The decision carried out, or why it was not."""
    try:
        return decided(who, claim_id, wanted, key)
    except (DomainError, ValidationError) as error:
        return refused(who, claim_id, error)


def decided(who: Visitor, claim_id: int, wanted: Decision, key: UUID) -> Result:
    """Carry one decision out. Raises whatever the action raises, ValidationError for points that are no number."""
    action, verb = DECISIONS.get(wanted.verb), wanted.verb
    if action is None:
        raise NotFound()
    at = clock.now()
    more: dict[str, Any] = {"reason": wanted.reason}
    if verb == "approve":
        more |= {"points": decided_points(wanted.points, who.points_scale), "outcome": wanted.outcome}
        more |= {"grades": wanted.grades, "coefficients": dict(wanted.coefficients)}
    claim = in_own_transaction(lambda: action(who, claim_id, key=key, at=at, **more))
    line = line_of_row(who, claim_id)
    given = line.claim.points if line.claim.points is not None else expected(line.claim)
    return Result(
        claim_id=claim_id,
        name=listed(line.person),
        title=line.title,
        done=verb,
        points=given if verb == "approve" and ClaimState(claim.state).is_granted else 0,
        sentence=sentence(verb, line, given),
        state=line.claim.state,
    )


def expected(claim: Claim) -> int:
    return int((claim.outcome or claim.forecast or {}).get("points", 0))


def sentence(verb: str, line: Line, given: int) -> str:
    """What was done, by where the claim is now."""
    values = {"name": listed(line.person), "title": line.title, "points": points(given)}
    if verb == "return":
        return gettext("%(name)s，%(title)s：退回补充", **values)
    if verb == "reject":
        return gettext("%(name)s，%(title)s：不通过", **values)
    state = line.claim.state
    if state == ClaimState.APPROVED and not given and line.claim.transfer_id is None:
        return gettext("%(name)s，%(title)s：通过，按细则这一次没有分", **values)
    if state == ClaimState.APPROVED:
        return gettext("%(name)s，%(title)s：通过，%(points)s 分已入账", **values)
    if state == ClaimState.ON_NOTICE:
        return gettext("%(name)s，%(title)s：通过，%(points)s 分公示后入账", **values)
    if state in (ClaimState.DUE, ClaimState.STUCK):
        return gettext("%(name)s，%(title)s：通过，%(points)s 分到日子入账", **values)
    if state == ClaimState.WAITING:
        return gettext("%(name)s，%(title)s：您同意了，还要另一位看", **values)
    return gettext("%(name)s，%(title)s：办好了", **values)


def line_of_row(who: Visitor, claim_id: int) -> Line:
    """Raises NotFound."""
    found = db.session.execute(lines().where(seen_by_reviewer(who), Claim.id == claim_id)).one_or_none()
    if found is None:
        raise NotFound()
    return Line(*found)


def named(who: Visitor, claim_id: int) -> tuple[str, str]:
    try:
        line = line_of_row(who, claim_id)
    except NotFound:
        return "", ""
    return listed(line.person), line.title


def refused(who: Visitor, claim_id: int, error: DomainError | ValidationError) -> Result:
    return Result(claim_id, *named(who, claim_id), "", 0, refusal_words(error))


def held(who: Visitor, claim_id: int, odd: list[Oddity]) -> Result:
    """Not decided: something is odd, so somebody opens it."""
    return Result(claim_id, *named(who, claim_id), "held", 0, gettext("；").join(map(oddity_words, odd)))


def refusal_words(error: DomainError | ValidationError) -> str:
    if isinstance(error, DomainError):
        return said(error)
    found = error.messages_dict if isinstance(error.messages, dict) else {"": error.messages}
    return " ".join(gettext(str(one)) for some in found.values() for one in some)


def tally(results: list[Result]) -> str:
    """What was done, in words: only what there is."""
    count = {verb: sum(1 for one in results if one.done == verb) for verb in DECISIONS}
    agreed = sum(1 for one in results if one.done == "approve" and one.state == ClaimState.WAITING)
    passed, earned = count["approve"] - agreed, points(sum(one.points for one in results))
    parts = [
        (passed, gettext("通过 %(n)s 条共 %(points)s 分", n=passed, points=earned)),
        (agreed, gettext("同意 %(n)s 条，还要另一位看", n=agreed)),
        (count["return"], gettext("退回 %(n)s 条", n=count["return"])),
        (count["reject"], gettext("不通过 %(n)s 条", n=count["reject"])),
    ]
    return gettext("，").join(said for n, said in parts if n)
