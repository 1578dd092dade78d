"""The page of due work and its twin: how it stands, what failed in words, and the button that has it done."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from points import clock
from points.db import db, transaction
from points.jobs import Context, Every
from points.jobs.leases import jobs
from points.jobs.running import Ended
from points.jobs.words import REASONS
from points.people.models import Role
from tests.factories import World
from tests.integration.jobs_world import Work
from tests.signing import Browser


@pytest.fixture
def work(world: World, monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work(world, monkeypatch)
    made.kind(lambda run: 12)
    return made


@pytest.fixture
def officer(work: Work) -> Browser:
    person = work.world.staff(Role.OFFICER, work.world.subdistrict)
    return Browser(work.world, client=work.world.client(person))


def page(browser: Browser) -> str:
    """The page's words, without its tags."""
    answer = browser.get("/jobs")
    assert answer.status_code == 200
    main = answer.get_data(as_text=True).split("<main", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def set_row(work: Work, **values: object) -> None:
    with transaction():
        db.session.execute(update(jobs).where(jobs.c.scheme_id == work.scheme_id).values(**values))


def test_before_any_worker_has_looked_the_page_says_so(officer: Browser) -> None:
    said = page(officer)
    assert "还没有办过" in said
    assert "马上开始" in said
    assert "每天 0:05" in said


def test_without_any_work_the_page_is_empty_but_there(officer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from points.jobs.kinds import KINDS

    monkeypatch.delitem(KINDS, "test")
    assert "现在没有到点自己办的事。" in page(officer)


def test_the_button_has_it_done_by_the_next_worker_and_one_form_asks_once(officer: Browser, work: Work) -> None:
    assert work.round() == [Ended.DONE]
    assert "12 件" in page(officer)
    assert 'hx-trigger="every' not in officer.get("/jobs").get_data(as_text=True)
    key = str(uuid4())
    for _ in range(2):
        answer = officer.post("/jobs/test/run", key=key)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/jobs")
    assert "马上开始" in page(officer)
    assert 'hx-trigger="every 1s"' in officer.get("/jobs").get_data(as_text=True)
    assert work.round() == [Ended.DONE]
    officer.post("/jobs/test/run", key=key)
    assert work.round() == []
    assert work.standing().asked_by is not None


def test_a_press_without_a_key_or_a_token_or_for_nothing_known_is_refused(officer: Browser, work: Work) -> None:
    assert officer.post("/jobs/test/run").status_code == 422
    assert officer.client.post("/jobs/test/run", data={"key": str(uuid4())}).status_code == 400
    assert officer.post("/jobs/unknown/run", key=str(uuid4())).status_code == 404
    assert work.round() == [Ended.DONE]  # due as ever, and only once
    assert work.round() == []


def test_while_it_runs_the_page_shows_how_far_and_refuses_another(officer: Browser, work: Work) -> None:
    seen: list[str] = []
    codes: list[int] = []

    def looks(run: Context) -> None:
        run.progress(30, 120)
        seen.append(officer.get("/jobs").get_data(as_text=True))
        codes.append(officer.post("/jobs/test/run", key=str(uuid4())).status_code)

    work.kind(looks)
    assert work.round() == [Ended.DONE]
    assert '<progress id="far-test" value="30" max="120">' in seen[0]
    assert "办了 30，一共 120" in seen[0]
    assert "现在运行" not in seen[0]
    assert codes == [409]


@pytest.mark.parametrize("reason", [*REASONS, "unheard_of"])
def test_a_failure_is_said_in_words_with_its_code(officer: Browser, work: Work, reason: str) -> None:
    work.round()
    at = clock.now() + timedelta(seconds=1)
    set_row(work, error=reason, detail="OSError 28", failed_at=at, tries=3, due_at=at + timedelta(minutes=4))
    said = page(officer)
    assert "没办成，会再试" in said
    assert f"连着 3 次。编号 {reason} OSError 28" in said
    assert "自动再试" in said or "接着办完" in said or "告诉系统管理员" in said


def test_a_failure_that_was_made_up_for_stays_in_small_words(officer: Browser, work: Work) -> None:
    answers = [ValueError(), None]

    def fails_once(run: Context) -> int:
        if error := answers.pop(0):
            raise error
        return 1

    work.kind(fails_once, Every(timedelta(minutes=1)))
    assert work.round() == [Ended.FAILED]
    officer.post("/jobs/test/run", key=str(uuid4()))
    assert work.round() == [Ended.DONE]
    said = page(officer)
    assert "有一次没办成（fault），后来补上了。" in said
    assert "每隔 1 分钟" in said


def test_work_that_no_worker_comes_for_is_said_to_be_late(officer: Browser, work: Work) -> None:
    work.round()
    set_row(work, due_at=clock.now() - timedelta(minutes=42))
    assert "到点 42 分钟了还没有开始。多半是后台进程没有开" in page(officer)
    assert 'hx-trigger="every 5s"' in officer.get("/jobs").get_data(as_text=True)
    set_row(work, holder="killed", lease_until=clock.now() - timedelta(minutes=7))
    assert "到点 7 分钟了还没有开始。" in page(officer)
    set_row(work, lease_until=clock.now() - timedelta(minutes=1))
    assert "中断了，等着接手" in page(officer)


def test_an_auditor_looks_and_does_not_touch_and_a_clerk_does_not_even_look(work: Work) -> None:
    world = work.world
    auditor = Browser(world, client=world.client(world.staff(Role.AUDITOR, world.subdistrict)))
    assert "现在运行" not in page(auditor)
    assert auditor.post("/jobs/test/run", key=str(uuid4())).status_code == 403
    clerk = Browser(world, client=world.client(world.staff(Role.CLERK)))
    assert clerk.get("/jobs").status_code == 403


def test_one_scheme_never_sees_or_moves_another(officer: Browser, work: Work) -> None:
    other = World(work.world.app)
    theirs = Browser(other, client=other.client(other.staff(Role.ADMIN, other.subdistrict)))
    assert work.round() == [Ended.DONE]
    assert "12 件" not in page(theirs)
    theirs.post("/jobs/test/run", key=str(uuid4()))
    assert work.round() == []


def test_the_api_says_the_same(work: Work) -> None:
    admin = work.world.api(work.world.staff(Role.ADMIN, work.world.subdistrict))
    work.round()
    [found] = admin.get("/api/v1/jobs").json["jobs"]
    assert (found["name"], found["title"], found["state"], found["result"]) == ("test", "测试", "resting", 12)
    assert found["failure"] is None
    assert found["took_s"] >= 0
    key = {"Idempotency-Key": str(uuid4())}
    answer = admin.post("/api/v1/jobs/test/run", headers=key)
    assert (answer.status_code, answer.json["state"]) == (202, "waiting")
    assert admin.post("/api/v1/jobs/test/run").json["error"] == "bad_key"
    assert admin.post("/api/v1/jobs/nothing/run", headers=key).status_code == 404
    set_row(work, error="database", failed_at=clock.now(), tries=2)
    [found] = admin.get("/api/v1/jobs").json["jobs"]
    assert found["failure"]["reason"] == "database"
    assert found["failure"]["words"] == REASONS["database"]
    assert found["failure"]["in_a_row"] == 2


# ---------------------------------------------------------------- the operator's commands


def test_the_commands_list_work_and_run(work: Work) -> None:
    def flask(*words: str) -> tuple[int, str]:
        db.session.rollback()
        result = work.world.app.test_cli_runner().invoke(args=["jobs", *words, "--scheme", work.world.scheme.code])
        return result.exit_code, result.output

    assert "never went through  due now" in flask("list")[1]
    assert flask("work", "--once") == (0, "1 done\n")
    assert flask("work", "--once") == (0, "nothing was due\n")
    code, said = flask("run", "test")
    assert code == 0
    assert "done, 12" in said
    assert ", did 12  due " in flask("list")[1]
    code, said = flask("run", "nothing")
    assert code == 2
    assert "there is: test" in said

    def fails(run: Context) -> None:
        raise ValueError

    work.kind(fails)
    code, said = flask("run", "test")
    assert code == 1
    assert "failed: fault ValueError" in said
    assert "fault (ValueError), 1 in a row" in flask("list")[1]
    set_row(work, due_at=clock.now())
    assert flask("work", "--once") == (1, "1 failed\n")
    set_row(work, due_at=clock.now(), holder="shop-pc:7:abc", lease_until=clock.now() + timedelta(minutes=1))
    code, said = flask("run", "test")
    assert code == 1
    assert "shop-pc:7:abc is at it" in said
    assert "at it: shop-pc:7, 0 of ?" in flask("list")[1]


def test_a_command_for_a_scheme_that_is_not_there_ends_with_a_sentence(work: Work) -> None:
    runner = work.world.app.test_cli_runner()
    for words in (["work", "--once"], ["list"], ["run", "test"]):
        result = runner.invoke(args=["jobs", *words, "--scheme", "nowhere"])
        assert result.exit_code == 2
        assert "no scheme 'nowhere'" in result.output
