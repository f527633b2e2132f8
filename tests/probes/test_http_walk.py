"""HTTP checks in steps, against a real shop: in which order, what stops them, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from prober.probes import reasons, series
from prober.probes.answer import Answer
from prober.probes.judging import Judges
from prober.probes.look import Look, Seen
from prober.result import Outcome, Reason
from tests.probes.running import run
from tests.probes.walking import Raw, check_of, look, order, sign_in, sign_out, told
from tests.servers.http import Asked, Page, peer, redirect, reply, resets, site
from tests.servers.shop import Shop, shop


@pytest.fixture
async def it() -> AsyncIterator[Shop]:
    async with shop() as made:
        yield made


async def test_steps_share_cookies_and_hand_on_what_they_extract(it: Shop) -> None:
    result = await run(check_of(sign_in(it), order(it), look(it), sign_out(it)))

    assert (result.outcome, result.message) == (Outcome.UP, "")
    assert it.asked == ["POST /login", "POST /orders", "GET /orders", "GET /logout"]
    assert it.orders == [{"for": 7, "note": "of 7 with c-55", "sku": 1}]
    assert not it.signed_in
    assert told(result) == [
        (name, True) for name in ("sign in", "order", "list orders", "sign out")
    ]


async def test_a_step_began_behind_the_one_before(it: Shop) -> None:
    result = await run(check_of(sign_in(it), order(it), look(it)))

    assert len(result.steps) == 3
    for before, step in zip(result.steps, result.steps[1:], strict=False):
        assert before.began is not None
        assert step.began is not None
        assert step.began >= before.began + before.seconds


async def test_the_first_failure_stops_the_rest_but_what_always_runs(it: Shop) -> None:
    it.broken["/orders"] = reply(500, b"broken")

    result = await run(check_of(sign_in(it), order(it), look(it), sign_out(it)))

    assert (result.reason, result.message) == (
        Reason.STATUS,
        "step 'order': status 500, expected 2xx",
    )
    assert told(result) == [("sign in", True), ("order", False), ("sign out", True)]
    assert not it.signed_in
    assert result.steps[1].message == "status 500, expected 2xx"
    assert (result.facts["status_code"], result.facts["final_url"]) == (500, it.url("/orders"))


@pytest.mark.parametrize("path", ["/login", "/orders", "/logout"])
async def test_each_step_can_be_the_one_that_fails(it: Shop, path: str) -> None:
    it.broken[path] = reply(503, b"{}")

    result = await run(check_of(sign_in(it), look(it), sign_out(it)))
    failed = next(step for step in result.steps if not step.ok)

    assert it.site.url(path) == failed.url
    assert result.message == f"step {failed.name!r}: status 503, expected 2xx"
    assert result.facts["status_code"] == 503


async def test_a_step_that_always_runs_fails_alone_where_what_it_needs_was_never_extracted(
    it: Shop,
) -> None:
    it.broken["/login"] = reply(200, b"{}")

    result = await run(check_of(sign_in(it), sign_out(it)))

    assert (result.reason, result.message) == (
        Reason.STEP,
        "step 'sign in': nothing to extract for token: $.access_token finds nothing",
    )
    assert [step.message for step in result.steps][1] == "'token' was not extracted"
    assert it.asked == ["POST /login"]


async def test_what_a_failed_step_extracted_is_there_for_those_that_always_run(it: Shop) -> None:
    result = await run(check_of(sign_in(it, expect={"status": 201}), sign_out(it)))

    assert told(result) == [("sign in", False), ("sign out", True)]
    assert not it.signed_in


async def test_a_failure_that_comes_later_changes_nothing(it: Shop) -> None:
    it.broken |= {"/orders": reply(404), "/logout": reply(500)}
    wants = {"body": {"matches": "bye"}}

    result = await run(check_of(sign_in(it), look(it), sign_out(it, expect=wants)))

    assert result.message == "step 'list orders': status 404, expected 2xx"
    assert told(result) == [("sign in", True), ("list orders", False), ("sign out", False)]
    assert (result.facts["status_code"], result.facts["regex_failed"]) == (404, False)


async def test_a_server_that_hangs_is_a_timeout_that_names_the_step(it: Shop) -> None:
    it.hangs.add("/orders")

    result = await run(check_of(sign_in(it), look(it), sign_out(it), timeout=0.5))

    assert (result.reason, result.message) == (
        Reason.TIMEOUT,
        "step 'list orders': no answer within 500 ms, in phase processing",
    )
    assert told(result) == [("sign in", True), ("list orders", False)]
    assert {a.what for a in result.finding.assertions} >= {"sign in: status"}


class Slow(Judges):
    async def see(self, check: str, look: Look, answer: Answer) -> Seen:
        await asyncio.sleep(0.4)
        return await super().see(check, look, answer)


@pytest.mark.parametrize("timeout", [0.2, 0.6], ids=["before the next step", "during it"])
async def test_a_target_is_not_blamed_for_the_time_that_judging_took(
    it: Shop, monkeypatch: pytest.MonkeyPatch, timeout: float
) -> None:
    monkeypatch.setattr("prober.probes.judging.JUDGES", Slow())
    it.hangs.add("/orders")

    result = await run(check_of(sign_in(it), look(it), sign_out(it), timeout=timeout))

    assert result.outcome is Outcome.UNKNOWN
    assert result.message.startswith("step 'list orders': judging the answers before it took ")
    assert told(result)[:2] == [("sign in", True), ("list orders", False)]


async def test_a_hanging_sign_out_does_not_hide_the_first_failure(it: Shop) -> None:
    it.hangs.add("/logout")
    it.broken["/orders"] = reply(500)

    result = await run(check_of(sign_in(it), look(it), sign_out(it), timeout=0.5))

    assert result.message == "step 'list orders': status 500, expected 2xx"
    assert (result.facts["status_code"], result.facts["final_url"]) == (500, it.url("/orders"))
    assert told(result)[1:] == [("list orders", False), ("sign out", False)]
    assert result.steps[2].message == "no answer within 500 ms, in phase processing"


async def test_a_connection_that_breaks_is_the_failure_of_its_step(it: Shop) -> None:
    async with peer(resets(b"HTTP/1.1 200 OK\r\n")) as port:
        broken = {"name": "order", "url": f"http://127.0.0.1:{port}/"}

        result = await run(check_of(sign_in(it), broken, sign_out(it)))

    assert result.reason is Reason.PROTOCOL
    assert result.message.startswith("step 'order': ")
    assert told(result) == [("sign in", True), ("order", False), ("sign out", True)]


async def test_a_lost_extraction_is_down_after_all_expectations(it: Shop) -> None:
    extract = {"token": "$.access_token", "lost": "$.nowhere", "gone": {"regex": "x(y)z"}}

    result = await run(check_of(sign_in(it, extract=extract)))

    assert (result.reason, result.message) == (
        Reason.STEP,
        "step 'sign in': nothing to extract for lost: $.nowhere finds nothing",
    )
    assert [(a.what, a.actual, a.ok) for a in result.finding.assertions] == [
        ("sign in: status", "200", True),
        ("sign in: extract token", "***", True),
        ("sign in: extract lost", "$.nowhere finds nothing", False),
        ("sign in: extract gone", "regex 'x(y)z' finds nothing", False),
    ]


async def test_duration_and_phases_are_sums_over_the_steps(it: Shop) -> None:
    result = await run(check_of(sign_in(it), order(it), look(it), sign_out(it)))

    assert result.seconds == pytest.approx(sum(step.seconds for step in result.steps))
    assert sum(result.phases.values()) == pytest.approx(result.seconds, rel=0.2, abs=0.005)
    assert min(step.seconds for step in result.steps) > 0


async def test_assertions_carry_their_step(it: Shop) -> None:
    wants = {"status": 200, "json": {"$.count": {"ge": 5}}}

    result = await run(check_of(sign_in(it), order(it), look(it, expect=wants)))

    assert result.message == "step 'list orders': $.count is 1, expected at least 5"
    assert [(a.what, a.actual, a.ok) for a in result.finding.assertions][-2:] == [
        ("list orders: status", "200", True),
        ("list orders: json $.count", "1", False),
    ]


async def test_values_of_all_steps_are_the_runs_also_where_it_is_down(it: Shop) -> None:
    it.broken["/logout"] = reply(500, b"queue=12", {"X-Depth": "many"})
    took = order(it, values={"took": {"header": "X-Took"}, "total": "$.total"})
    out = sign_out(it, values={"queue": {"regex": r"queue=(\d+)"}, "depth": {"header": "X-Depth"}})

    result = await run(check_of(sign_in(it, values={"took": "$.user.id"}), took, out))

    assert result.outcome is Outcome.DOWN
    assert result.values == {"took": 17.0, "total": 12.5, "queue": 12.0}


async def test_what_stands_beside_the_steps_is_laid_under_each(it: Shop) -> None:
    beside: Raw = {
        "headers": {"X-All": "1", "X-Own": "theirs"},
        "expect": {"status": 401, "headers": {"Content-Length": {"exists": True}}},
    }
    one: Raw = {"name": "one", "url": it.url("/a"), "headers": {"x-own": "mine"}}
    two: Raw = {"name": "two", "url": it.url("/b"), "expect": {"status": 404}}

    result = await run(check_of(one, two, beside=beside))

    assert result.message == "step 'two': status 401, expected 404"
    assert [(a.header("X-All"), a.header("X-Own")) for a in it.site.asked] == [
        ("1", "mine"),
        ("1", "theirs"),
    ]
    assert [a.what for a in result.finding.assertions if a.what.startswith("two")] == [
        "two: status",
        "two: header Content-Length",
    ]


async def test_a_page_may_send_the_cookie_that_the_next_step_needs_with_its_last_answer() -> None:
    def needs(asked: Asked) -> bytes:
        return reply(200 if asked.header("Cookie") == "a=1" else 403)

    pages: dict[str, Page] = {
        "/set": reply(200, b"", {"Set-Cookie": "a=1"}),
        "/needs": needs,
        "/": redirect("/set"),
    }
    async with site(pages) as it:
        one, two = {"name": "one", "url": it.url()}, {"name": "two", "url": it.url("/needs")}

        result = await run(check_of(one, two))

    assert (result.outcome, result.facts["redirects"]) == (Outcome.UP, 0)


async def test_each_run_begins_without_cookies_and_without_what_was_extracted(it: Shop) -> None:
    check = check_of(sign_in(it), look(it))

    await run(check)
    await run(check)

    assert it.site.asked[2].target == "/login"
    assert it.site.asked[2].header("Cookie") is None


async def test_a_step_that_took_too_long_is_down_for_latency(it: Shop) -> None:
    slow = look(it, expect={"duration": 1e-9})

    result = await run(check_of(sign_in(it), slow, sign_out(it)))

    assert result.reason is Reason.LATENCY
    assert result.message.startswith("step 'list orders': took ")


async def test_the_reasons_and_the_series_are_those_of_all_steps(it: Shop) -> None:
    check = check_of(
        sign_in(it, values={"a": "$.a"}), look(it, expect={"body": {"contains": "orders"}})
    )
    result = await run(check)
    names = {one.name: one.read(result) for one in series(check)}

    assert {Reason.STEP, Reason.BODY, Reason.STATUS} <= set(reasons(check))
    assert Reason.JSON not in reasons(check)
    assert names["probe_step_success"] == (('step="sign in"', 1.0), ('step="list orders"', 1.0))
    assert [step for step, _ in names["probe_step_duration_seconds"]] == [
        'step="sign in"',
        'step="list orders"',
    ]
    assert names["probe_value"] == ()


async def test_a_fault_of_ours_is_unknown_and_what_always_runs_still_does(
    it: Shop, tmp_path: Path
) -> None:
    with suppress(FileNotFoundError):
        (tmp_path / "gone").unlink()
    broken = order(it, json=None, body_file=str(tmp_path / "gone"))
    del broken["json"]

    result = await run(check_of(sign_in(it), broken, sign_out(it)))

    assert result.outcome is Outcome.UNKNOWN
    assert told(result) == [("sign in", True), ("order", False), ("sign out", True)]
