"""Who reviews: the stages of a path for this amount and this source, and how long it stands on public notice."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import N_
from .reckoning import Reckoning
from .terms import Path, Stage

DESK = ("staff", "officer")
BUILT_IN: Mapping[str, tuple[Stage, ...]] = {
    "none": (),
    "one": (Stage(N_("审核"), DESK),),
    "two": (Stage(N_("两人审核"), DESK, votes=2, panel=2),),
    "panel": (Stage(N_("三人评议"), DESK, votes=2, panel=3),),
    "committee": (
        Stage(N_("初审"), ("staff",)),
        Stage(N_("复审"), DESK),
        Stage(N_("评议会"), ("officer",), votes=2, panel=3, place="scheme"),
    ),
}


def resolve(path: Path, trusted: bool, size: int, second_above: int | None, takes_away: bool) -> tuple[Stage, ...]:
    """The stages of review, in order; none only for what a trusted machine recorded and what takes nothing away.

    trusted             recorded by a machine: checked in and out, or filed by the system itself
    size, second_above  minor units: a larger amount needs a second, distinct reviewer
    """
    stages = path.stages or BUILT_IN.get(path.code, BUILT_IN["one"])
    if not stages and (not trusted or takes_away):
        stages = BUILT_IN["one"]
    if second_above is not None and size > second_above and sum(stage.votes for stage in stages) < 2:
        return BUILT_IN["two"]
    return stages


def stages_for(it: Reckoning) -> tuple[Stage, ...]:
    rule = it.rule
    above = None if rule.second_above is None else it.minor(rule.second_above)
    trusted = it.facts.source == "self_checked" or rule.trigger != "claim"
    return resolve(rule.path, trusted, size_of(it), above, takes_away=it.takes_something)


def size_of(it: Reckoning) -> int:
    """By how much the points change, wherever they go; while the reviewer has not decided, nothing."""
    elsewhere = {"honour": it.honour, "minutes": it.minutes * 10**it.scale} | dict(it.others)
    return max(abs(it.points), abs(elsewhere.get(it.rule.into, 0)))


def notice_for(it: Reckoning) -> int:
    """Working days of public notice: what is above the limit waits, and whatever takes something away."""
    rule, size = it.rule, size_of(it)
    if it.takes_something and rule.deductions is not None:
        return max(rule.notice_days, rule.deductions.notice_days)
    gives = size or it.honour or it.minutes or any(it.others.values())
    if rule.notice_above:
        gives = size > it.minor(rule.notice_above)
    return rule.notice_days if gives else 0
