"""Stages of review, pure: who decides at which, when enough voices have spoken, and what a voice makes of a claim."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..people.models import Role
from ..people.visitor import Duty
from ..rulebook.assessment import stage_from, stage_to_dict
from ..rulebook.paths import BUILT_IN, DESK
from ..rulebook.terms import Stage
from .models import Step

DEFAULT = BUILT_IN["one"]  # of claims from before there were paths, and of those a machine's record could not settle
SCHEME = "scheme"


@dataclass(frozen=True)
class Voice:
    """What one person said about a claim in its present round."""

    by_id: int
    stage: int
    step: str
    points: int | None = None  # what they set, minor units


def stages_in(body: Sequence[Mapping[str, Any]]) -> tuple[Stage, ...]:
    """The stages as a claim keeps them; one by staff or an officer where it keeps none."""
    return tuple(stage_from(one) for one in body) or DEFAULT


def kept_stages(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    return [stage_to_dict(stage) for stage in stages]


def others_in(stages: Sequence[Stage], stage: int) -> str:
    """The roles that a stage asks for, as a claim keeps them, where they are not the place's own desk alone:
    ",leader," of the place of the deed; with a star anywhere in the scheme: ",*officer,*staff,"."""
    if stage >= len(stages):
        return ""
    wanted = set(stages[stage].by)
    if stages[stage].place == SCHEME:
        wanted = {f"*{role}" for role in wanted}
    return "" if wanted <= set(DESK) else f",{','.join(sorted(wanted))},"


def voices_wanted(stages: Sequence[Stage]) -> int:
    """How many people have to agree in all."""
    return sum(stage.votes for stage in stages)


def may_sit(duties: Collection[Duty], stage: Stage, area_path: str) -> bool:
    """Whether one of somebody's duties is one of the stage's: in the area of the deed, or anywhere in the scheme where
    the stage is the scheme's."""
    wanted = set(stage.by)
    return any(
        str(duty.role) in wanted and (stage.place == SCHEME or area_path.startswith(duty.area_path))
        for duty in duties
        if duty.role is not Role.RESIDENT
    )


@dataclass(frozen=True)
class Verdict:
    """What a voice makes of a claim: the step that is written, and the stage it waits at then (None: it is over)."""

    step: Step
    stage: int | None


def agreeing(stages: Sequence[Stage], stage: int, voices: Collection[Voice]) -> Verdict:
    """One more voice for it. ``voices``: of this round, this one not among them."""
    said = 1 + sum(1 for voice in voices if voice.stage == stage and voice.step == Step.AGREED)
    if said < stages[stage].votes:
        return Verdict(Step.AGREED, stage)
    return Verdict(Step.AGREED, stage + 1) if stage + 1 < len(stages) else Verdict(Step.APPROVED, None)


def scores_at(stage: int, voices: Collection[Voice], own: int) -> list[int]:
    """The amounts that the judges of a stage named, the last of them ``own``."""
    said = [voice.points for voice in voices if voice.stage == stage and voice.step == Step.AGREED]
    return [*(points for points in said if points is not None), own]


def is_unseen(path: Sequence[Mapping[str, Any]], at_stage: int, spoken_at: int) -> bool:
    """Whether what was named at a stage is not to be seen yet: its judges are still at it, each for themselves."""
    stages = stages_in(path)
    return spoken_at == at_stage and at_stage < len(stages) and stages[at_stage].score != "last"


def refusing(stages: Sequence[Stage], stage: int, voices: Collection[Voice]) -> Verdict:
    """One more voice against it: the claim falls when those left on the panel can no longer carry it."""
    against = 1 + sum(1 for voice in voices if voice.stage == stage and voice.step == Step.AGAINST)
    panel = max(stages[stage].panel, stages[stage].votes)
    return Verdict(Step.REJECTED, None) if against > panel - stages[stage].votes else Verdict(Step.AGAINST, stage)
