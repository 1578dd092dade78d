"""What a rule asks of the claim form beside the usual fields: shown only for the rules that need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext
from sqlalchemy import or_, select

from ..db import db
from ..people.models import Person, Team, TeamKind, TeamMember
from ..people.visitor import Visitor
from ..rulebook.eligibility import asks_subject
from ..rulebook.queries import KnownRule
from ..rulebook.terms import Rule
from ..web.formats import decimal, masked
from .models import Claim, Source

MOST_TEAMS = 200


@dataclass(frozen=True)
class Pick:
    """A coefficient that the claimant chooses, with its choices (code, title); without any, a number to fill in."""

    code: str
    title: str
    choices: tuple[tuple[str, str], ...]
    unit: str = ""


@dataclass(frozen=True)
class Asked:
    """What one rule asks: names of fields, the grades to choose of (code, title, points), the coefficients."""

    code: str
    title: str
    fields: tuple[str, ...]
    grades: tuple[tuple[str, str, str], ...] = ()
    several: bool = False
    picks: tuple[Pick, ...] = ()


def asked_of(known: KnownRule, for_other: bool) -> Asked:
    """What the form has to ask for a rule. Attendance is only ever stated by somebody else than the claimant."""
    rule = known.rule
    proofs = (rule.evidence, *rule.evidence.any)
    wanted = {
        "team_id": rule.subject == "team"
        or any(cap.who == "team" for cap in rule.caps)
        or any(one.to == "team" for one in rule.also),
        "helped": any(proof.helped for proof in proofs) or any(one.to == "helped" for one in rule.also),
        "files": any(proof.files for proof in proofs),
        "record": any(proof.record for proof in proofs),
        "attended": for_other and any(proof.attendance for proof in proofs),
        "subject": asks_subject(rule),
        "act": any(cap.per == "act" for cap in rule.caps)
        or any(once.same == "act" for once in rule.once)
        or rule.amount.cumulative == "act",
        "sharers": rule.amount.type == "shared",
        "began": asks_time(rule),
    }
    amount = rule.amount
    return Asked(
        rule.code,
        rule.title,
        tuple(name for name, is_asked in wanted.items() if is_asked),
        tuple((one.code, one.title, decimal(one.points, 3)) for one in amount.choices if not amount.chosen_by_system),
        amount.mode == "several",
        tuple(
            Pick(
                one.code,
                one.title,
                tuple((choice.code, choice.title) for choice in one.choices),
                one.told.unit if one.told is not None else "",
            )
            for one in amount.coefficients
            if one.by in ("claimant", "number")
        ),
    )


def reviewers_picks(known: KnownRule) -> tuple[Pick, ...]:
    """The coefficients that the rule leaves to the reviewer."""
    return tuple(
        Pick(one.code, one.title, tuple((choice.code, choice.title) for choice in one.choices))
        for one in known.rule.amount.coefficients
        if one.by == "reviewer"
    )


def further_words(claim: Claim, known: KnownRule) -> list[tuple[str, str]]:
    """What was told of a deed beside the usual, as (label, words): the team, who was helped, what was chosen."""
    choices, amount = claim.choices or {}, known.rule.amount
    found: list[tuple[str, str]] = []
    if claim.team_id is not None:
        team = db.session.get_one(Team, (claim.scheme_id, claim.team_id))
        found.append((gettext("队"), team.name))
    if claim.helped_id is not None:
        helped = db.session.get_one(Person, (claim.scheme_id, claim.helped_id))
        said = masked(helped.name)
        if claim.helped_at or any(one.helped for one in (known.rule.evidence, *known.rule.evidence.any)):
            said += gettext("，") + (gettext("已确认") if claim.helped_at else gettext("还没确认"))
        also = any(one.to == "helped" for one in known.rule.also)
        found.append((gettext("受助或被推荐的人") if also else gettext("受助人"), said))
    for label, words in (
        (gettext("报的是"), claim.subject),
        (gettext("同一件事"), claim.act),
        (gettext("记录号"), claim.record),
    ):
        if words:
            found.append((label, words))
    if known.rule.spend == "donate_only" and claim.team_id is None:
        found.append((gettext("怎么用"), gettext("只能捐给公益池，不能换东西")))
    if (claim.sharers or 1) > 1:
        found.append((gettext("一起做的"), gettext("%(n)s 人平分", n=claim.sharers)))
    if claim.attended and claim.source != Source.SYSTEM:
        found.append((gettext("参加记录"), gettext("录入的人看过签到")))
    titles = {one.code: one.title for one in amount.choices}
    if grades := [titles.get(one, one) for one in choices.get("grades", ())]:
        found.append((gettext("选的"), gettext("、").join(grades)))
    for one in amount.coefficients:
        told = choices.get("coefficients", {}).get(one.code, "")
        choice = one.choice(told)
        if one.told is not None and told:
            found.append((one.title, f"{told} {one.told.unit}".strip()))
        elif choice is not None:
            found.append((one.title, choice.title))
    return found


def asks_time(rule: Rule) -> bool:
    """Whether what it is worth depends on the time of the day."""
    return any(when.begins for when in rule.conditions)


def teams_for(who: Visitor, for_other: bool) -> Sequence[tuple[int, str]]:
    """The teams one may enter a deed for: one's own; for staff, any of the scheme."""
    query = select(Team.id, Team.name).where(
        Team.scheme_id == who.scheme_id,
        Team.disabled_at.is_(None),
        Team.kind.in_((TeamKind.TEAM, TeamKind.ORGANISATION)),
    )
    if not (for_other and who.may("claims.review")):
        mine = select(TeamMember.team_id).where(
            TeamMember.scheme_id == who.scheme_id, TeamMember.person_id == who.person_id
        )
        query = query.where(or_(Team.leader_id == who.person_id, Team.id.in_(mine)))
    return [(row.id, row.name) for row in db.session.execute(query.order_by(Team.name, Team.id).limit(MOST_TEAMS))]
