"""Versions of the rulebook on both engines: loaded once, never changed, in force from their day."""

from __future__ import annotations

import json
import threading
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.db import db, in_own_transaction, transaction
from points.errors import NotAllowed, NotFound
from points.people.models import Role, Trace
from points.rulebook.actions import LabelTaken, Loaded, TooLate, add_version, load_version
from points.rulebook.document import BadDocument, document_from, document_in, preset, presets
from points.rulebook.models import EarningRule, RulebookVersion
from points.rulebook.queries import rule_by_id, rules_of, rules_on, since, version_by_id, version_on
from tests.factories import World

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)


def body(name: str = "hehuatang", **changes: Any) -> dict[str, Any]:
    found = deepcopy(preset(name))
    assert found is not None
    return {**found, **changes}


def officer(world: World) -> Any:
    return world.staff(Role.OFFICER, world.subdistrict)


def load(world: World, document: dict[str, Any], at: datetime = NOON) -> Loaded:
    who = world.visitor(officer(world))
    with transaction():
        return load_version(who, document, at)


def count(world: World, table: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(table.scheme_id == world.scheme_id)) or 0


# ---------------------------------------------------------------- versions


def test_a_document_becomes_a_version_with_its_rules(world: World) -> None:
    loaded = load(world, body())
    assert loaded.created
    rules = rules_of(loaded.version)
    assert [rule.place for rule in rules] == list(range(1, 11))
    assert rules[0].rule.amount.points == 15_000
    assert rule_by_id(world.scheme_id, rules[3].id) == rules[3]
    trace = db.session.scalars(select(Trace).where(Trace.scheme_id == world.scheme_id)).one()
    assert (trace.action, trace.subject_id) == ("rulebook.load", loaded.version.id)


def test_the_same_document_twice_adds_nothing(world: World) -> None:
    first = load(world, body())
    again = json.loads(json.dumps(body()).replace('"points": 15', '"points": 15.0'))  # another spelling
    second = load(world, again)
    assert (second.version.id, second.created) == (first.version.id, False)
    assert (count(world, RulebookVersion), count(world, EarningRule)) == (1, 10)


def test_a_label_names_one_document(world: World) -> None:
    load(world, body())
    with pytest.raises(LabelTaken):
        load(world, body(note="别的说明", effective_on="2026-12-01"))


def test_only_the_first_version_may_begin_in_the_past(world: World) -> None:
    load(world, body())
    with pytest.raises(TooLate):
        load(world, body(label="2026版", effective_on="2026-11-19"))
    assert load(world, body(label="2026版", effective_on="2026-11-20")).created


def test_today_is_the_schemes_day(world: World) -> None:
    load(world, body())
    late_evening = datetime(2026, 11, 20, 17, tzinfo=UTC)  # 01:00 on the 21st in Shanghai
    with pytest.raises(TooLate):
        load(world, body(label="2026版", effective_on="2026-11-20"), late_evening)


def test_each_day_has_the_version_in_force_on_it(world: World) -> None:
    old = load(world, body()).version.id
    new = load(world, body("huangshi", effective_on="2026-12-01")).version.id
    assert version_on(world.scheme_id, date(2015, 4, 8)) is None
    assert rules_on(world.scheme_id, date(2015, 4, 8)) == ()
    on = {day: getattr(version_on(world.scheme_id, day), "id", None) for day in (date(2026, 11, 30), date(2026, 12, 1))}
    assert on == {date(2026, 11, 30): old, date(2026, 12, 1): new}


def test_a_rule_says_since_when_it_stands(world: World) -> None:
    load(world, body())
    changed = body(label="2027版", effective_on="2027-01-01")
    changed["rules"][0]["amount"]["points"] = 20
    version = load(world, changed).version
    begun = since(version)
    assert (begun["r01"], begun["r02"]) == (date(2027, 1, 1), date(2015, 4, 9))


def test_decimals_must_fit_the_scheme(world: World) -> None:
    tenths = body(decimals=1)
    tenths["rules"][0]["amount"]["points"] = 2.5
    with pytest.raises(BadDocument) as refused:
        load(world, tenths)
    assert refused.value.problems[0].field == "积分小数位"
    assert count(world, RulebookVersion) == 0
    fine = World(world.app, points_scale=1)
    assert load(fine, tenths).created


def test_an_unknown_or_foreign_rule_is_not_found(world: World) -> None:
    mine = rules_of(load(world, body()).version)[0].id
    other = World(world.app)
    for scheme_id, rule_id in (
        (other.scheme_id, mine),
        (world.scheme_id, 1),
        (world.scheme_id, 2**70),
        (world.scheme_id, -1),
    ):
        with pytest.raises(NotFound):
            rule_by_id(scheme_id, rule_id)
        with pytest.raises(NotFound):
            version_by_id(scheme_id, rule_id)


def test_the_same_document_from_many_threads_is_one_version(world: World) -> None:
    who = world.visitor(officer(world))
    scheme_id, app, ids = world.scheme_id, world.app, []
    start = threading.Barrier(6)

    def press() -> None:
        with app.app_context():
            start.wait()
            ids.append(in_own_transaction(lambda: load_version(who, body(), NOON)).version.id)

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 6 and len(set(ids)) == 1
    db.session.rollback()
    assert (scheme_id, count(world, RulebookVersion), count(world, EarningRule)) == (scheme_id, 1, 10)


@pytest.mark.parametrize("role", [Role.STAFF, Role.CLERK, Role.AUDITOR, Role.ADMIN, Role.LEADER])
def test_only_officers_load(world: World, role: Role) -> None:
    who = world.visitor(world.staff(role, world.subdistrict))
    with pytest.raises(NotAllowed), transaction():
        load_version(who, body(), NOON)


def test_an_officer_of_one_community_does_not_set_everybodys_rules(world: World) -> None:
    who = world.visitor(world.staff(Role.OFFICER, world.community))
    with pytest.raises(NotAllowed), transaction():
        load_version(who, body(), NOON)


# ---------------------------------------------------------------- checking


def broken(*path: Any, value: Any) -> dict[str, Any]:
    found = body()
    at: Any = found
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return found


BROKEN: list[tuple[tuple[Any, ...], Any, str]] = [
    (("surprise",), 1, "surprise：没有这一栏。"),
    (("rules", 3, "surprise"), 1, "第 4 条 r04 surprise：没有这一栏。"),
    (("rules", 3, "amount", "points"), -5, "第 4 条 r04 分值：不能是负数：要扣分，先写明“扣分”这一部分（从哪里扣、公示几天、几天能申诉、到哪天为止）。"),
    (("rules", 3, "amount", "points"), "many", "第 4 条 r04 分值 › 分：请填数字。"),
    (("rules", 3, "amount", "points"), 10**7, "第 4 条 r04 分值 › 分：请填 -1000000 到 1000000 之间的数。"),
    (("rules", 3, "amount"), {"type": "fixed", "points": 2.5}, "第 4 条 r04 分值：小数太细：这份细则的积分最多 0 位小数。"),
    (("rules", 3, "amount"), {"type": "per_unit"}, "第 4 条 r04 分值 › 分：这种算法要填这一栏。"),
    (("rules", 3, "amount", "least"), 1, "第 4 条 r04 分值 › 最少：这种算法用不着这一栏。"),
    (("rules", 3, "title"), None, "第 4 条 r04 名称：不能是空的。"),
    (("rules", 3, "title"), "字" * 121, "第 4 条 r04 名称：请写 1 到 120 个字。"),
    (("rules", 3, "code"), "r01", "第 4 条 r01 代号：代号和第 1 条重复。"),
    (("rules", 3, "groups"), ["none"], "第 4 条 r04 共用上限：没有“none”这一组。"),
    (("rules", 3, "roles"), ["king"], "第 4 条 r04 谁能得 › 第 1 个：只能是这些里的一个"),
    (("rules", 3, "beside"), {"minutes": "served"}, "第 4 条 r04 服务时长：不是按时间算的，要写每次记几分钟。"),
    (("rules", 3, "caps"), [{"what": "points", "most": 5, "per": "decade"}], "第 4 条 r04 上限 › 第 1 个 › 多长时间：只能是这些里的一个"),
    (("rules", 3, "caps"), [{"what": "points", "most": 5, "per": "day"}] * 2, "第 4 条 r04 上限：同一种上限写了两次。"),
    (("rules", 3, "life"), {"type": "yearly", "month": 2, "day": 29}, "第 4 条 r04 有效期 › 日：不是每年都有这一天。"),
    (("rules", 3, "trust"), {"rumour": {"points": 5}}, "第 4 条 r04 来源可信度 › rumour：只能是这些里的一个"),
    (("rules", 3, "quantity"), {"least": 5, "most": 1}, "第 4 条 r04 数量 › 最少：最少的比最多的还多。"),
    (("rules",), [], "规则：要有 1 到 500 个。"),
    (("rules",), [{}] * 501, "规则：最多 500 条。"),
    (("effective_on",), "2026-02-30", "从哪天起：日期请写成 2026-11-20 这样。"),
    (("format",), "points-rulebook/2", "格式：只能是这些里的一个：points-rulebook/1。"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), BROKEN)
def test_a_problem_names_its_rule_and_field(context: Any, path: tuple[Any, ...], value: Any, said: str) -> None:
    with pytest.raises(BadDocument) as refused:
        document_from(broken(*path, value=value))
    assert any(str(problem).startswith(said) for problem in refused.value.problems), refused.value.problems


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[1]", b"null", b'"x"', b"\xff\xfe{", b"[" * 100_000, b'{"a":1,"a":2}', b"1e999", b"NaN", b"x" * 400_001],
)  # fmt: skip
def test_what_is_no_document_is_refused_in_words(context: Any, text: bytes) -> None:
    with pytest.raises(BadDocument) as refused:
        document_in(text)
    assert all(problem.sentence for problem in refused.value.problems)


def test_shared_caps_are_filled_into_their_rules(world: World) -> None:
    shared = body(
        groups=[{"code": "care", "title": "关爱服务", "caps": [{"what": "points", "most": 40, "per": "month"}]}]
    )
    shared["rules"][0]["groups"] = shared["rules"][1]["groups"] = ["care"]
    rules = rules_of(load(world, shared).version)
    assert [len(rule.rule.caps) for rule in rules[:3]] == [1, 1, 0]
    assert rules[0].rule.caps[0].group_title == "关爱服务"


# ---------------------------------------------------------------- pages and API


def test_residents_and_staff_read_the_rules_in_plain_words(world: World) -> None:
    load(world, body())
    for person in (world.person(), world.staff(Role.STAFF), world.staff(Role.AUDITOR)):
        page = world.client(person).get("/rulebook")
        assert page.status_code == 200
        for words in ("护理残疾人、病人", "每次 15 分", "1 到 15 分", "湘潭日报", "2015年4月9日"):
            assert words in page.text, words
    assert "没有这一项" in world.client(world.person()).get("/rulebook?q=zzz").text
    assert "调解邻里矛盾" not in world.client(world.person()).get("/rulebook?kind=suggestion").text


def test_the_smallest_document_is_read_on_every_page(world: World) -> None:
    """What a document need not say (who published it, when, a note) is left out, and no page misses it."""
    smallest = {
        **{"format": "points-rulebook/1", "label": "最短", "title": "积分细则", "source": {"title": "村民大会"}},
        **{"effective_on": "2026-11-20", "decimals": 0, "categories": [{"code": "care", "title": "照料"}]},
        "rules": [
            {
                **{"code": "visit", "title": "陪同就医", "category": "care", "unit": "event"},
                "amount": {"type": "fixed", "points": 5},
            }
        ],
    }
    client = world.client(officer(world))
    look = post(client, "/rulebook/load", {"document": (BytesIO(json.dumps(smallest).encode()), "最短.json")})
    assert look.status_code == 200 and "村民大会" in look.text
    version = load(world, smallest).version
    rule_id = rules_of(version)[0].id
    pages = ["/rulebook", f"/rulebook?version={version.id}", "/rulebook/load", "/rulebook/versions"]
    for person in (world.person(), officer(world), world.staff(Role.AUDITOR)):
        for path in [*pages, f"/rulebook/rules/{rule_id}/try", f"/api/v1/rulebook/versions/{version.id}"]:
            assert world.client(person).get(path).status_code in (200, 403, 404), path
        assert "村民大会" in world.client(person).get("/rulebook").text


def test_an_empty_scheme_says_so(world: World) -> None:
    assert "细则还没有定下来" in world.client(world.person()).get("/rulebook").text
    assert "还没有细则" in world.client(world.staff(Role.STAFF)).get("/rulebook").text


def test_another_schemes_version_is_not_found(world: World) -> None:
    other = World(world.app)
    foreign = load(other, body()).version.id
    for asked in (foreign, 1, 2**64, "x", "-1", "１"):
        assert world.client(world.person()).get(f"/rulebook?version={asked}").status_code == 404


def test_a_rule_has_an_address_that_opens_its_version(world: World) -> None:
    old = load(world, body()).version
    load(world, body("huangshi", effective_on="2026-11-20"))
    first = rules_of(old)[0].id
    client = world.client(world.person())
    found = client.get(f"/rulebook/rules/{first}")
    assert (found.status_code, found.location) == (302, f"/rulebook?version={old.id}#rule-{first}")
    assert f'id="rule-{first}"' in client.get(found.location).text
    for asked in (1, 2**64, "x"):
        assert client.get(f"/rulebook/rules/{asked}").status_code == 404


def post(client: Any, path: str, data: dict[str, Any]) -> Any:
    import re

    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/rulebook").text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **data}, content_type="multipart/form-data")


def test_an_officer_chooses_looks_and_confirms(world: World) -> None:
    client = world.client(officer(world))
    assert "装一份细则" in client.get("/rulebook/load").text
    look = post(client, "/rulebook/load", {"preset": "hailin"})
    assert look.status_code == 200 and "现在什么都还没写入" in look.text
    assert count(world, RulebookVersion) == 0
    sent = {"document": json.dumps(body("hailin")), "label": "海林 试行", "effective_on": "2025-01-01", "key": "k"}
    first = post(client, "/rulebook/versions", sent)
    assert (first.status_code, first.location) == (302, "/people/imports"), "alone in the scheme: residents come next"
    again = post(client, "/rulebook/versions", sent)
    assert again.status_code == 302 and again.location.startswith("/rulebook?version=")
    db.session.rollback()
    assert count(world, RulebookVersion) == 1


def test_the_preview_shows_what_changes_and_refuses_the_past(world: World) -> None:
    load(world, body())
    client = world.client(officer(world))
    changed = body(label="新版", effective_on=(clock.now() + timedelta(days=30)).date().isoformat())
    changed["rules"][0]["amount"]["points"] = 20
    del changed["rules"][9]
    upload = {"document": (BytesIO(json.dumps(changed).encode()), "新版.json")}
    page = post(client, "/rulebook/load", upload).text
    assert "每次 15 分" in page and "每次 20 分" in page and "不再有" in page
    sent = {"document": json.dumps(changed), "label": "新版", "effective_on": "2020-01-01"}
    late = post(client, "/rulebook/versions", sent)
    assert late.status_code == 422 and "新版本最早从" in late.text
    bad = post(client, "/rulebook/versions", {**sent, "effective_on": "soon"})
    assert bad.status_code == 422 and "日期请写成" in bad.text
    taken = post(
        client, "/rulebook/versions", {**sent, "label": "禾花塘 2015版", "effective_on": changed["effective_on"]}
    )
    assert taken.status_code == 422 and "请换一个版本名" in taken.text
    db.session.rollback()
    assert count(world, RulebookVersion) == 1


def test_a_bad_upload_is_refused_by_rule_and_field(world: World) -> None:
    client = world.client(officer(world))
    for content, said in (
        (b"{", "不是 JSON"),
        (json.dumps(broken("rules", 3, "unit", value="parsec")).encode(), "第 4 条 r04"),
    ):
        page = post(client, "/rulebook/load", {"document": (BytesIO(content), "<b>x.json")})
        assert page.status_code == 422 and said in page.text and "<b>x" not in page.text
    assert post(client, "/rulebook/load", {}).status_code == 422
    assert post(client, "/rulebook/load", {"preset": "x" * 41}).status_code == 422
    assert post(client, "/rulebook/versions", {}).status_code == 422
    assert post(client, "/rulebook/versions", {"document": "{}"}).status_code == 422


@pytest.mark.parametrize("role", [Role.STAFF, Role.CLERK, Role.AUDITOR, Role.RESIDENT])
def test_nobody_else_opens_the_loading_page(world: World, role: Role) -> None:
    client = world.client(world.staff(role, world.subdistrict) if role != Role.RESIDENT else world.person())
    assert client.get("/rulebook/load").status_code == 403


def test_the_api_gives_the_rules_in_words_and_as_data(world: World) -> None:
    load(world, body("huangshi"))
    found = world.api(world.person()).get("/api/v1/rulebook").json
    assert found["label"] == "黄石 2024版"
    rule = found["rules"][0]
    assert (rule["amount"], rule["rule"]["amount"]["points"], type(rule["id"])) == ("每小时 1 分", 1, str)
    assert rule["said"]["trust"] == ["事后补录：不换积分，时长照记", "表格导入：不换积分，时长照记"]
    assert world.api(world.person()).get("/api/v1/rulebook?on=2020-01-01").status_code == 404
    assert world.api(world.person()).get("/api/v1/rulebook?on=yesterday").status_code == 422


# ---------------------------------------------------------------- commands


def test_the_operator_checks_and_loads_from_the_command_line(world: World, tmp_path: Any) -> None:
    runner = world.app.test_cli_runner()
    assert "hehuatang" in runner.invoke(args=["rulebook", "presets"]).output
    assert "没有问题" in runner.invoke(args=["rulebook", "check", "huangshi"]).output
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(broken("rules", 3, "unit", value="parsec")), encoding="utf-8")
    checked = runner.invoke(args=["rulebook", "check", str(bad)])
    assert checked.exit_code == 1 and "第 4 条 r04" in checked.output
    code = world.scheme.code
    for said in ("装好了", "已经有了"):
        assert said in runner.invoke(args=["rulebook", "load", "hailin", "--scheme", code]).output
    late = runner.invoke(args=["rulebook", "load", "huangshi", "--scheme", code, "--from", "2020-01-01"])
    assert late.exit_code == 1 and "新版本最早从" in late.output
    assert runner.invoke(args=["rulebook", "load", "nothing", "--scheme", code]).exit_code == 1
    assert runner.invoke(args=["rulebook", "load", "hailin", "--scheme", "no-such"]).exit_code == 1


def test_every_preset_loads(world: World) -> None:
    for place, name in enumerate(presets()):
        made = World(world.app, points_scale=1)
        with transaction():
            assert add_version(made.scheme_id, body(name), loaded_by=made.scheme_id, at=NOON).created, place
