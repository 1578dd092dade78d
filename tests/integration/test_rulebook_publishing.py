"""Publishing a draft: only what was looked at, only without problems, and as a version that never changes."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select

from points.db import db, transaction
from points.jobs.kinds import KINDS
from points.jobs.models import Job
from points.rulebook.actions import GIVES_BY_ITSELF, LabelTaken
from points.rulebook.document import BadDocument
from points.rulebook.draft_edits import DraftChanged
from points.rulebook.drafts import (
    DraftClosed,
    edit_draft,
    restore_draft,
)
from points.rulebook.models import RulebookVersion
from points.rulebook.publishing import publish
from points.rulebook.refusals import DeductionsOff
from tests.factories import World
from tests.forms import post
from tests.integration.drafts_world import begun, changed_title
from tests.integration.test_rulebook import NOON, body, count, load, officer


def test_a_published_draft_is_a_version_that_never_changes(world: World) -> None:
    who, draft = begun(world)
    with transaction():
        made = publish(who, draft.id, label="2027版", effective_on=date(2027, 1, 1), version=1, at=NOON)
    assert (made.version.label, made.version.effective_on) == ("2027版", date(2027, 1, 1))
    with pytest.raises(DraftClosed), transaction():
        edit_draft(who, draft.id, changed_title("改"), NOON)
    with pytest.raises(DraftClosed), transaction():
        restore_draft(who, draft.id, NOON)
    with pytest.raises(Exception, match=r"append|only|never|change|denied"), transaction():
        db.session.execute(db.update(RulebookVersion).values(title="改"))


def due_at(world: World) -> datetime | None:
    wanted = select(Job.due_at).where(Job.scheme_id == world.scheme_id, Job.name == GIVES_BY_ITSELF)
    found: datetime | None = db.session.scalar(wanted)
    return found


def test_what_a_version_gives_by_itself_begins_at_once_when_it_holds_from_today(world: World) -> None:
    who, draft = begun(world)
    at = NOON + timedelta(days=40)
    with transaction():
        publish(who, draft.id, label="以后", effective_on=at.date() + timedelta(days=30), version=1, at=at)
    assert due_at(world) is None
    who, draft = begun(world)
    with transaction():
        publish(who, draft.id, label="今天", effective_on=at.date(), version=1, at=at)
    assert due_at(world) == at
    assert GIVES_BY_ITSELF in KINDS


def test_only_what_was_looked_at_is_published(world: World) -> None:
    who, draft = begun(world)
    with transaction():
        edit_draft(who, draft.id, changed_title("改"), NOON)
    with pytest.raises(DraftChanged), transaction():
        publish(who, draft.id, label="2027版", effective_on=date(2027, 1, 1), version=1, at=NOON)


def test_a_draft_with_problems_or_a_label_taken_is_not_published(world: World) -> None:
    load(world, body("hailin"))
    who, draft = begun(world)
    with transaction():
        edit_draft(who, draft.id, changed_title(""), NOON)
    with pytest.raises(BadDocument), transaction():
        publish(who, draft.id, label="2027版", effective_on=date(2027, 1, 1), version=2, at=NOON)
    with transaction():
        edit_draft(who, draft.id, changed_title("好了"), NOON)
    with pytest.raises(LabelTaken), transaction():
        publish(who, draft.id, label="海林 试行", effective_on=date(2027, 1, 1), version=3, at=NOON)
    assert count(world, RulebookVersion) == 1


DEDUCTIONS = {"from": ["points"], "below_zero": "stop", "notice_days": 5, "appeal_days": 3, "ends": {"years": 1}}


def taking_away() -> dict[str, Any]:
    found = body(deductions=DEDUCTIONS)
    found["rules"][0]["amount"] = {"type": "fixed", "points": -5}
    return found


def test_deductions_are_published_only_where_they_were_switched_on(world: World) -> None:
    who, draft = begun(world, taking_away())
    with pytest.raises(DeductionsOff) as refused, transaction():
        publish(who, draft.id, label="2027版", effective_on=date(2027, 1, 1), version=1, at=NOON)
    assert refused.value.code == "deductions_off" and "护理残疾人" in refused.value.facts["rules"]
    with transaction():
        world.scheme.settings = {**world.scheme.settings, "reviews": {"deductions_allowed": True}}
        db.session.add(world.scheme)
    with transaction():
        assert publish(who, draft.id, label="2027版", effective_on=date(2027, 1, 1), version=1, at=NOON).created


def test_the_page_says_where_deductions_are_switched_on(world: World) -> None:
    client = world.client(officer(world))
    file = (BytesIO(json.dumps(taking_away()).encode()), "x.json")
    address = post(client, "/rulebook/drafts", {"start": "file", "document": file}).location
    page = client.get(f"{address}/publish").text
    assert "有 1 条规则会扣分" in page and 'href="/review-settings"' in page
    refused = post(client, f"{address}/publish", {"label": "2027版", "effective_on": "2027-01-01", "version": "1"})
    assert refused.status_code == 422 and "体系还没有打开扣分" in refused.text
    loaded = post(client, "/rulebook/versions", {"document": json.dumps(taking_away())})
    assert loaded.status_code == 422 and "体系还没有打开扣分" in loaded.text
    assert count(world, RulebookVersion) == 0


def test_every_version_is_a_file_for_whoever_may_read_it(world: World) -> None:
    version = load(world, body()).version.id
    client = world.client(world.person())
    assert client.get(f"/rulebook/versions/{version}/rulebook.json").json == body()
    assert client.get(f"/rulebook/versions/{version}/rulebook.xlsx").status_code == 200
    assert db.session.scalar(select(func.count()).select_from(RulebookVersion).filter_by(id=version)) == 1


def test_a_draft_begun_from_a_version_asks_for_a_name_of_its_own_without_reproach(world: World) -> None:
    load(world, body("hailin"))
    found = body("hailin")
    found["rules"][0]["title"] = "改过的"
    client = world.client(officer(world))
    file = (BytesIO(json.dumps(found).encode()), "draft.json")
    address = post(client, "/rulebook/drafts", {"start": "file", "document": file}).location
    page = client.get(f"{address}/publish").text
    assert 'name="label" value=""' in page and "已经有一个版本叫" not in page
    taken = post(client, f"{address}/publish", {"label": "海林 试行", "effective_on": "2027-01-01", "version": "1"})
    assert taken.status_code == 422 and "已经有一个版本叫" in taken.text


def test_the_two_newest_versions_are_offered_to_be_compared(world: World) -> None:
    client = world.client(officer(world))
    load(world, body("hailin"))
    assert " selected" not in client.get("/rulebook/changes").text
    who, draft = begun(world)
    with transaction():
        newest = publish(who, draft.id, label="2027版", effective_on=date(2027, 1, 1), version=1, at=NOON)
    page = client.get("/rulebook/changes").text
    assert page.count(" selected>") == 2 and f'value="v{newest.version.id}" selected' in page
