"""What is remembered of incidents, as programs and people get it."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from playwright.async_api import expect

from prober.alerts import records
from prober.alerts.decisions import Entry
from prober.alerts.records import Record
from prober.result import Assertion, Evidence, Finding, Reason, Result
from prober.store.records import Story, Telling, Wanted
from prober.web.story import Happened, shown
from tests.alerts.samples import DOWN, result
from tests.export.samples import REFUSED, UP, step
from tests.fake_clock import NOON
from tests.store.test_outbox import fired
from tests.web.desk import Desk
from tests.web.serve import Agent, serving
from tests.web.test_browser import browser
from tests.web.test_page import EVIL, outline

BURNING = replace(
    records.record(fired(), summary="api is down in eu-west-1"),
    since=NOON - 90,
    first_message="connection refused",
    last_message="status 503, expected 2xx",
    reason="status",
    told=("ops", "mail"),
    told_at=NOON,
    runbook="https://wiki.example/api",
)
OVER = replace(
    BURNING,
    held="maintenance weekly",
    told_at=NOON + 30,
    acked_at=NOON + 60,
    acked_by="ana@desk",
    acked_comment="a new disk",
    flapping_since=NOON + 70,
    resolved_at=NOON + 120,
    children="3 checks",
)
TOLD = (
    Telling(notifier="ops", event="firing", status="delivered", at=NOON, done_at=NOON + 5, error="", answer=""),
    Telling(notifier="mail", event="firing", status="dead", at=NOON, done_at=NOON + 9, error="mail.example said 550", answer=""),
    Telling(notifier="restart", event="firing", status="delivered", at=NOON, done_at=NOON + 1, error="", answer="restarted\nexit code 0"),
    Telling(notifier="mail", event="reminder", status="superseded", at=NOON + 20, done_at=NOON + 20, error="", answer=""),
    Telling(notifier="ops", event="resolved", status="pending", at=NOON + 120, done_at=None, error="", answer=""),
)  # fmt: skip
RUN: Result = result(DOWN, at=NOON + 15)._replace(
    finding=Finding.down(
        Reason.STATUS,
        "status 503, expected 2xx",
        assertions=(Assertion("status", "2xx", "503", False), Assertion("body", "ok", "ok", True)),
    ),
    steps=(step("open"), step("pay", message="no answer")),
    evidence=(Evidence("screenshot", "evidence/api/run7/failure.png"),),
    values={"queue": 130.0},
    phases={"connect": 0.002, "processing": 1.5},
)
WHOLE = Story(record=OVER, told=TOLD, run=RUN)


async def get(desk: Agent, path: str) -> httpx.Response:
    async with serving(desk) as client:
        return await client.get(path)


async def page(story: Story) -> str:
    answer = await get(Desk(stories=[story], states={}), f"/incidents/{story.record.id}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return answer.text


def lines(record: Record, *told: Telling) -> list[tuple[float, str, str]]:
    timeline = shown(Story(record=record, told=told), NOON + 999).timeline
    return [(_seconds(one), one.text, one.detail) for one in timeline]


def _seconds(one: Happened) -> float:
    hours, minutes, seconds = one.stamp[11:-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - (22 * 3600 + 13 * 60 + 20)


def said(notifier: str, status: str, done_at: float | None = NOON) -> Telling:
    return Telling(
        notifier=notifier,
        event="firing",
        status=status,
        at=NOON,
        done_at=done_at,
        error="",
        answer="",
    )


async def test_told_is_who_accepted_and_not_who_was_to_be_told() -> None:
    record = replace(BURNING, told=("ops", "mail", "restart", "sms"))
    told = (
        said("ops", "superseded"),
        said("mail", "dead", NOON + 1),
        said("restart", "claimed", None),
        said("sms", "pending", None),
        said("ops", "delivered", NOON + 7),
    )
    desk = Desk(stories=[Story(record=record, told=told)])
    whole = (await get(desk, f"/api/v1/incidents/{record.id}")).json()["data"]
    (listed,) = (await get(desk, "/api/v1/incidents")).json()["data"]["incidents"]

    for its in (whole, listed):
        assert its["routed"] == ["ops", "mail", "restart", "sms"]
        assert (its["told"], its["told_at"]) == (["ops"], "2023-11-14T22:13:27.000Z")
        assert its["untold"] == ["mail"]
        assert its["waiting"] == ["restart", "sms"]
    text = outline(await page(desk.stories[0])).text
    for words in ("Told ops", "Could not be told mail", "Yet to be told restart, sms"):
        assert words in text


async def test_a_command_that_was_not_run_is_not_said_to_have_been_told() -> None:
    one = replace(said("restart", "not_run"), error="not run: 3 in the last hour")
    text = outline(await page(Story(record=BURNING, told=(one,)))).text

    assert "restart was to be told that it fires not run: 3 in the last hour" in text
    assert "restart was told" not in text


async def test_where_what_was_said_is_forgotten_nobody_is_said_to_have_been_told() -> None:
    desk = Desk(stories=[Story(record=OVER)])
    its = (await get(desk, f"/api/v1/incidents/{OVER.id}")).json()["data"]
    text = outline(await page(desk.stories[0])).text

    assert [its[name] for name in ("told", "untold", "waiting", "told_at")] == [None] * 4
    assert "Meant for ops, mail" in text
    assert "Told" not in text


def test_the_page_says_for_as_long_as_the_notice_that_it_lasted() -> None:
    began = BURNING.since or 0.0
    over = replace(BURNING, resolved_at=began + 40, up_since=began + 25.96)

    assert shown(Story(record=over), NOON + 999).lasted == "26 s"
    assert shown(Story(record=replace(over, up_since=None)), NOON + 999).lasted == "40 s"


async def test_incidents_are_listed() -> None:
    desk = Desk(stories=[Story(record=BURNING), Story(record=OVER)])
    answer = await get(desk, "/api/v1/incidents?state=firing&check=api&limit=7")

    assert desk.wanted == [Wanted(firing=True, check="api", limit=7)]
    assert answer.headers["Cache-Control"] == "no-store"
    burning, over = answer.json()["data"]["incidents"]
    assert burning == {
        "id": BURNING.id,
        "key": "eu-west-1/api/down/run7",
        "state": "firing",
        "check": "api",
        "alert": "down",
        "kind": "http",
        "region": "eu-west-1",
        "severity": "critical",
        "labels": dict(BURNING.labels),
        "since": "2023-11-14T22:11:50.000Z",
        "fired_at": "2023-11-14T22:13:20.000Z",
        "resolved_at": None,
        "because": None,
        "held": None,
        "routed": ["ops", "mail"],
        "told": None,
        "untold": None,
        "waiting": None,
        "told_at": None,
        "flapping_since": None,
        "acked_at": None,
        "acked_by": None,
        "acked_comment": None,
        "summary": "api is down in eu-west-1",
        "reason": "status",
        "first_message": "connection refused",
        "last_message": "status 503, expected 2xx",
        "children": None,
        "runbook_url": "https://wiki.example/api",
    }
    assert over["state"] == "resolved"
    assert over["resolved_at"] == "2023-11-14T22:15:20.000Z"
    assert (over["acked_by"], over["acked_comment"]) == ("ana@desk", "a new disk")


async def test_without_a_wish_the_last_hundred_of_any_kind_are_listed() -> None:
    desk = Desk()
    await get(desk, "/api/v1/incidents")
    await get(desk, "/api/v1/incidents?state=resolved")

    assert desk.wanted == [Wanted(), Wanted(firing=False)]


@pytest.mark.parametrize("path", ["incidents", "audit"])
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1e2", "", "²"])
async def test_a_limit_that_cannot_be_is_refused(path: str, limit: str) -> None:
    answer = await get(Desk(), f"/api/v1/{path}?limit={limit}")

    assert answer.status_code == 400
    assert answer.json()["error"] == f"limit is {limit!r}; write 1 to 1000"


async def test_a_state_that_there_is_not_is_refused() -> None:
    answer = await get(Desk(), "/api/v1/incidents?state=burning")

    assert answer.status_code == 400
    assert answer.json()["error"] == "state is 'burning', which is none of firing, resolved"


async def test_one_incident_is_told_with_what_was_said_and_its_last_failed_run() -> None:
    answer = await get(Desk(stories=[WHOLE]), f"/api/v1/incidents/{OVER.id}")

    data = answer.json()["data"]
    assert data["state"] == "resolved"
    assert data["notices"][1] == {
        "notifier": "mail",
        "event": "firing",
        "status": "dead",
        "at": "2023-11-14T22:13:20.000Z",
        "done_at": "2023-11-14T22:13:29.000Z",
        "error": "mail.example said 550",
        "answer": None,
    }
    assert data["notices"][4]["done_at"] is None
    assert data["result"] == RUN.to_json()


async def test_what_receivers_said_is_told_without_secrets() -> None:
    told = tuple(replace(one, error="bad hunter2", answer="it is hunter2") for one in TOLD)
    desk = Desk(stories=[Story(record=OVER, told=told)])
    one = await get(desk, f"/api/v1/incidents/{OVER.id}")
    seen = await get(desk, f"/incidents/{OVER.id}")

    assert one.json()["data"]["notices"][0]["error"] == "bad ***"
    assert "it is ***" in seen.text
    assert "hunter2" not in one.text + seen.text


async def test_one_that_there_is_not_is_not_found() -> None:
    one = await get(Desk(), "/api/v1/incidents/nothing")
    seen = await get(Desk(), "/incidents/nothing")

    assert (one.status_code, seen.status_code) == (404, 404)
    assert one.json()["error"] == "there is no incident 'nothing'"
    few = await get(Desk(), "/api/v1/incidents/5eda7")
    assert "write at least 6 digits" in few.json()["error"]


async def test_the_audit_log_is_told() -> None:
    log = [
        Entry(id="2", at=NOON, who="ana", did="acknowledged", what="3f9a", why=""),
        Entry(id="1", at=NOON - 1, who="bob", did="began silence", what="x", why="a new disk"),
    ]
    answer = await get(Desk(log=log), "/api/v1/audit?limit=2")

    assert answer.json()["data"]["entries"] == [
        {"at": "2023-11-14T22:13:20.000Z", "who": "ana", "did": "acknowledged", "what": "3f9a", "why": None},
        {"at": "2023-11-14T22:13:19.000Z", "who": "bob", "did": "began silence", "what": "x", "why": "a new disk"},
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["incidents", "incidents/nothing", "audit"])
async def test_a_disk_that_fails_is_said(path: str) -> None:
    answer = await get(Desk(broken="cannot use prober.db: the disk fails"), f"/api/v1/{path}")

    assert answer.status_code == 503
    assert answer.json()["error"] == "cannot use prober.db: the disk fails"


@pytest.mark.parametrize("broken", ["", "the disk fails"])
async def test_what_burns_is_known_before_it_is_on_the_disk(broken: str) -> None:
    desk = Desk(broken=broken)
    one = await get(desk, f"/api/v1/incidents/{BURNING.id}")
    seen = await get(desk, f"/incidents/{BURNING.id}")

    assert one.json()["data"]["state"] == "firing"
    assert "prober ack" in outline(seen.text).text


async def test_the_page_of_a_disk_that_fails_says_so() -> None:
    answer = await get(Desk(broken="the disk fails", states={}), "/incidents/nothing")

    assert (answer.status_code, answer.text) == (503, "the disk fails\n")


def test_the_timeline_says_what_happened_when() -> None:
    assert lines(OVER, *TOLD) == [
        (-90, "began", "connection refused"),
        (0, "fired (critical)", "nobody is told: maintenance weekly"),
        (1, "restart was told that it fires", ""),
        (5, "ops was told that it fires", "after 5 s"),
        (9, "mail could not be told that it fires", "mail.example said 550"),
        (20, "mail was spared to hear that it still fires", ""),
        (30, "no longer held back", ""),
        (60, "acknowledged by ana@desk", "a new disk"),
        (70, "goes up and down, and is held open", ""),
        (120, "over", ""),
        (120, "ops is yet to be told that it is over", ""),
    ]


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (BURNING, "firing"),
        (replace(BURNING, held="silence 3f9a", told_at=None), "held"),
        (replace(BURNING, held="silence 3f9a"), "firing"),
        (replace(BURNING, acked_at=NOON), "acknowledged"),
        (OVER, "over"),
    ],
)
def test_the_state_of_an_incident(record: Record, state: str) -> None:
    assert shown(Story(record=record), NOON + 60).state == state


async def test_the_page_says_all_that_is_known() -> None:
    text = await page(WHOLE)
    seen = outline(text)

    for said in (
        "api: down",
        "over",
        "lasted 3 m 30 s",
        OVER.id,
        "status 503, expected 2xx",
        "Held back by it 3 checks",
        "Told ops, restart",
        "Could not be told mail",
        "broken: status 2xx 503",
        "held: body ok ok",
        "queue 130",
        "connect 2 ms · processing 1.5 s",
        "failed: pay",
        "no answer",
        "restarted exit code 0",
        "acknowledged by ana@desk a new disk",
    ):
        assert said in seen.text, said
    links = {one["href"] for one in seen.all("a")}
    assert {"..", "../#api", "https://wiki.example/api"} <= links
    assert "../evidence/api/run7/failure.png" in links
    assert seen.all("img")[0]["src"] == "../evidence/api/run7/failure.png"
    assert seen.all("link")[1]["href"] == "../static/page.css"
    assert seen.all("script") == []
    assert not [one for one in seen.all("meta") if one.get("http-equiv")]


async def test_what_burns_says_how_to_see_to_it_and_looks_again() -> None:
    seen = outline(await page(Story(record=BURNING)))

    assert f"prober ack {BURNING.id}" in seen.text
    assert [one["content"] for one in seen.all("meta") if one.get("http-equiv")] == ["60"]


async def test_the_agents_own_alert_has_a_page() -> None:
    own = replace(BURNING, check="", rule="agent-fault", kind="agent")
    seen = outline(await page(Story(record=own)))

    assert "the agent in eu-west-1: agent-fault" in seen.text
    assert not [one for one in seen.all("a") if "#" in str(one["href"])]


async def test_nothing_that_was_sent_becomes_markup() -> None:
    evil = replace(
        OVER,
        first_message=EVIL,
        last_message=EVIL,
        acked_by=EVIL,
        acked_comment=EVIL,
        held=EVIL,
        labels={**OVER.labels, "x": EVIL},
        children=EVIL,
        runbook="javascript:alert(1)",
    )
    told = tuple(replace(one, error=EVIL, answer=EVIL) for one in TOLD)
    run = RUN._replace(
        finding=Finding.down(
            Reason.STATUS, EVIL, assertions=(Assertion(EVIL, EVIL, "\ud800", False),)
        )
    )
    seen = outline(await page(Story(record=evil, told=told, run=run)))

    assert [one["src"] for one in seen.all("img")] == ["../evidence/api/run7/failure.png"]
    assert not [one for one in seen.all("a") if "javascript" in str(one["href"])]
    assert EVIL in seen.text


async def test_the_page_shows_why_nobody_is_told_and_who_sees_to_it() -> None:
    held = replace(fired("web"), held="silence 3f9a0c1d")
    late = replace(fired("dns"), held="maintenance weekly", told_at=NOON)
    acked = replace(fired("api"), acked_at=NOON, acked_by="ana@desk")
    states = {("web", "down"): held, ("api", "down"): acked, ("dns", "down"): late}
    desk = Desk(states=states)
    for name in ("web", "api", "dns"):
        desk.bench.add(name)
        desk.bench.run(name, REFUSED)
        desk.bench.board.alert(name, "down", "critical", True, NOON - 65)
    seen = outline((await get(desk, "/")).text)

    assert "held back: silence 3f9a0c1d" in seen.text
    assert "weekly" not in seen.text
    assert "acknowledged by ana@desk" in seen.text
    links = {str(one["href"]) for one in seen.all("a")}
    assert {f"incidents/{records.record(one).id}" for one in (held, acked)} <= links
    assert len([one for one in links if one.startswith("incidents/")]) == 3


async def test_the_page_shows_that_a_run_fell_into_a_window() -> None:
    agent = Agent()
    agent.bench.add("shop")
    agent.bench.run("shop", UP)
    row = agent.bench.board.rows["shop"]
    assert row.last is not None
    before = outline((await get(agent, "/")).text)
    agent.bench.board.observe(row.last._replace(maintenance="weekly"))
    after = outline((await get(agent, "/")).text)

    assert "maintenance" not in before.text
    assert "maintenance" in after.text


async def test_a_browser_shows_the_page_under_its_policy_at_any_width() -> None:
    long = replace(OVER, last_message="no answer " * 40, labels={**OVER.labels, "x": "y" * 300})
    told = tuple(replace(one, error="z" * 300, answer="word " * 200) for one in TOLD)
    story = Story(record=long, told=told, run=RUN._replace(evidence=()))
    said: list[str] = []
    async with browser() as chromium, serving(Desk(stories=[story])) as client:
        page = await chromium.new_page()
        page.on("console", lambda message: said.append(message.text))
        for width in (1280, 400):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.goto(f"{client.base_url}/incidents/{OVER.id}")
            await expect(page.get_by_role("heading", level=2)).to_contain_text("api: down over")
            assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert said == []
