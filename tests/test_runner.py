"""One run: attempts, deadline, and whose fault it was. The server is real, and so is the stopped loop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from prober import runner
from prober.clock import SystemClock
from prober.probes import AnyCheck, Means
from prober.probes.http import HttpCheck
from prober.probes.journey_settings import JourneyCheck
from prober.probes.tcp import TcpCheck
from prober.pulse import Pulse
from prober.result import Attempt, Budget, Evidence, Finding, Outcome, Reason, Step, Visit
from prober.runner import Runner, may_be_ours
from prober.secret import Scrubber
from prober.wire.failure import OwnFault
from tests.probes.running import Calm, running

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Bench:
    """A runner, and a server that answers as it is told."""

    runner: Runner
    url: str
    answers: list[Answer]
    connections: int = 0


@asynccontextmanager
async def on_bench(pulse: Pulse) -> AsyncIterator[Bench]:
    answers: list[Answer] = []
    open_writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        open_writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        await answers[min(made.connections, len(answers)) - 1](reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running(pulse=pulse, scrub=Scrubber(["hunter22"])) as runner:
        made = Bench(runner, f"http://127.0.0.1:{port}/", answers)
        yield made
    for writer in open_writers:
        writer.close()
    server.close()


@pytest.fixture
def calm() -> Calm:
    return Calm(SystemClock())


@pytest.fixture
async def bench(calm: Calm) -> AsyncIterator[Bench]:
    async with on_bench(calm) as made:
        yield made


@pytest.fixture
async def feeling() -> AsyncIterator[Bench]:
    """A bench whose agent notices that it is late."""
    async with on_bench(Pulse(SystemClock(), lambda lag: None)) as made:
        yield made


def block(seconds: float) -> None:
    time.sleep(seconds)  # what no part of the agent may do


def check(bench: Bench, **fields: object) -> AnyCheck:
    return HttpCheck.model_validate(
        {"name": "shop", "timeout": 5, "http": bench.url, "labels": {"team": "x"}, **fields}
    )


def response(status: int = 200, body: bytes = b"ok") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def answer(data: bytes, after: float = 0.0) -> Answer:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        writer.write(data)
        await writer.drain()

    return play


async def test_a_run_is_stamped_with_who_where_and_when(bench: Bench) -> None:
    bench.answers.append(answer(response()))

    result = await bench.runner.run(check(bench))

    assert result.outcome is Outcome.UP
    assert (result.check, result.kind, result.region) == ("shop", "http", "here")
    assert result.attempts == 1
    assert result.labels == {"team": "x"}
    assert result.traceparent.split("-")[1] == result.run_id
    assert abs(result.started_at - bench.runner.clock.now()) < 5
    assert 0 < result.seconds < 2


async def test_a_silent_target_is_down_at_its_deadline_and_says_where(bench: Bench) -> None:
    bench.answers.append(answer(b"", after=30))
    begun = bench.runner.clock.monotonic()

    result = await bench.runner.run(check(bench, timeout=1.5))

    assert result.reason is Reason.TIMEOUT
    assert result.message == "no answer within 1.5 s, in phase processing"
    assert 1.5 <= bench.runner.clock.monotonic() - begun < 3


async def test_a_second_attempt_comes_a_second_later_and_may_be_good(bench: Bench) -> None:
    bench.answers += [answer(response(503)), answer(response())]
    begun = bench.runner.clock.monotonic()

    result = await bench.runner.run(check(bench, retries=1))

    assert result.outcome is Outcome.UP
    assert result.attempts == 2
    assert result.seconds < 0.9
    assert bench.runner.clock.monotonic() - begun >= 1.0


async def test_all_attempts_failing_is_down_with_the_last_finding(bench: Bench) -> None:
    bench.answers += [answer(response(503)), answer(response(502))]

    result = await bench.runner.run(check(bench, retries=1))

    assert result.reason is Reason.STATUS
    assert result.attempts == 2
    assert "502" in result.message


async def test_what_the_kernel_held_at_the_deadline_still_counts(bench: Bench) -> None:
    """The loop is blocked over the deadline; the answer came from elsewhere long before it."""
    listener = socket.create_server(("127.0.0.1", 0))
    served = threading.Thread(target=_answer_one, args=(listener, 0.1))
    served.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    running = asyncio.create_task(bench.runner.run(check(bench, timeout=1.5, http=url)))
    await asyncio.sleep(0.05)

    block(2.0)
    result = await running

    served.join()
    assert result.outcome is Outcome.UP
    assert 0.09 < result.seconds < 1.5


def _answer_one(listener: socket.socket, after: float) -> None:
    with listener, listener.accept()[0] as peer:
        peer.recv(65536)
        time.sleep(after)
        peer.sendall(response())


async def test_a_loop_that_was_stopped_over_the_deadline_says_unknown(feeling: Bench) -> None:
    feeling.answers.append(answer(b"", after=30))
    running = asyncio.create_task(feeling.runner.run(check(feeling, timeout=0.3)))
    await asyncio.sleep(0.1)

    block(0.6)
    result = await running

    assert result.outcome is Outcome.UNKNOWN
    assert result.reason is Reason.INTERNAL
    assert "the agent itself was late" in result.message


async def test_a_slow_answer_that_we_were_late_for_is_unknown_but_a_bad_one_is_down(
    feeling: Bench,
) -> None:
    feeling.answers += [answer(response(503))]
    running = asyncio.create_task(feeling.runner.run(check(feeling, timeout=5)))
    await asyncio.sleep(0.05)

    block(0.4)
    result = await running

    assert result.reason is Reason.STATUS


async def test_a_bug_of_ours_is_unknown_and_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        raise ZeroDivisionError("hunter22")

    bench.runner = bench.runner.with_probe(broken)

    result = await bench.runner.run(check(bench))

    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert result.message == "a fault of the agent: ZeroDivisionError"
    assert "the probe of shop raised" in caplog.text


async def test_running_out_of_files_memory_or_ports_is_unknown(
    bench: Bench,
) -> None:
    async def starved(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        raise OwnFault("too many open files")

    bench.runner = bench.runner.with_probe(starved)

    result = await bench.runner.run(check(bench))

    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert result.message == "too many open files"


async def test_a_secret_that_the_target_quotes_is_not_repeated(bench: Bench) -> None:
    bench.answers.append(answer(response(body=b"your password is hunter22")))
    expecting = {"url": bench.url, "expect": {"body": {"contains": "welcome"}}}

    result = await bench.runner.run(check(bench, http=expecting))

    assert result.reason is Reason.BODY
    assert "hunter22" not in str(result)
    assert "***" in result.message


async def test_cancelling_a_run_gives_no_result(bench: Bench) -> None:
    bench.answers.append(answer(b"", after=30))
    running = asyncio.create_task(bench.runner.run(check(bench)))
    await asyncio.sleep(0.05)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    ("reason", "timeout", "lag", "ours"),
    [
        (Reason.TIMEOUT, 1.0, 0.11, True),
        (Reason.TIMEOUT, 1.0, 0.09, False),
        (Reason.TIMEOUT, 60.0, 5.9, False),
        (Reason.TIMEOUT, 60.0, 6.1, True),
        (Reason.PROTOCOL, 60.0, 0.3, True),
        (Reason.TLS, 60.0, 0.3, True),
        (Reason.DNS, 60.0, 0.3, True),
        (Reason.PROTOCOL, 1.0, 0.2, False),
        (Reason.LATENCY, 60.0, 0.4, False),
        (Reason.LATENCY, 60.0, 0.6, True),
        (Reason.STATUS, 60.0, 9.0, False),
        (Reason.CONNECT, 60.0, 9.0, False),
        (Reason.CERTIFICATE, 60.0, 9.0, False),
        (Reason.BODY, 60.0, 9.0, False),
    ],
)
def test_what_our_lateness_may_have_made_is_ours(
    reason: Reason, timeout: float, lag: float, ours: bool
) -> None:
    http = {"url": "http://127.0.0.1/", "expect": {"duration": "2s"}}
    watched = HttpCheck.model_validate(
        {"name": "shop", "interval": 60, "timeout": timeout, "http": http}
    )
    finding = Finding.down(reason, "x", seconds=2.5)
    attempt = Attempt(run_id="", traceparent="", facts={"status_code": 503})

    assert may_be_ours(watched, finding, attempt, lag) is ours


def test_a_peer_that_hung_up_in_a_dialogue_with_a_stopped_agent_is_not_blamed() -> None:
    tcp = {"address": "127.0.0.1:25", "dialogue": [{"expect": "^220 "}]}
    watched = TcpCheck.model_validate({"name": "mail", "timeout": 50, "tcp": tcp})
    attempt = Attempt(run_id="", traceparent="")

    assert may_be_ours(watched, Finding.down(Reason.BODY, "x"), attempt, 0.3)
    assert not may_be_ours(watched, Finding.down(Reason.BODY, "x"), attempt, 0.2)


def test_a_request_timeout_that_a_stopped_agent_earned_is_ours() -> None:
    watched = HttpCheck.model_validate({"name": "shop", "http": "http://127.0.0.1/"})
    attempt = Attempt(run_id="", traceparent="", facts={"status_code": 408})

    assert may_be_ours(watched, Finding.down(Reason.STATUS, "x"), attempt, 5.0)
    assert not may_be_ours(watched, Finding.down(Reason.STATUS, "x"), attempt, 0.1)


async def test_a_peer_that_hung_up_on_a_stopped_agent_is_not_blamed(feeling: Bench) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await writer.drain()

    feeling.answers.append(hang_up)
    running = asyncio.create_task(feeling.runner.run(check(feeling, timeout=50)))
    await asyncio.sleep(0)

    block(0.5)
    result = await running

    assert result.outcome is Outcome.UNKNOWN
    assert "half" in result.message or "4 of 9" in result.message


async def test_a_judgement_that_takes_longer_than_the_timeout_is_not_cut_off(
    bench: Bench,
) -> None:
    async def judging(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        attempt.during = "expect"
        await asyncio.sleep(0.3)
        return Finding.up(seconds=0.01)

    bench.runner = bench.runner.with_probe(judging)

    result = await bench.runner.run(check(bench, timeout=0.1))

    assert result.outcome is Outcome.UP


async def test_an_answer_that_was_complete_too_late_is_a_timeout(
    bench: Bench,
) -> None:
    async def late(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        return Finding.up(seconds=1.2)

    bench.runner = bench.runner.with_probe(late)

    result = await bench.runner.run(check(bench, timeout=1))

    assert result.reason is Reason.TIMEOUT
    assert result.message == "no answer within 1 s, it took 1.2 s"


@pytest.mark.parametrize(("queued", "outcome"), [(0.05, Outcome.DOWN), (0.3, Outcome.UNKNOWN)])
async def test_a_timeout_after_a_long_wait_for_a_turn_of_ours_is_unknown(
    bench: Bench, queued: float, outcome: Outcome
) -> None:
    async def in_line(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        attempt.queued += queued
        attempt.during = "tls"
        await asyncio.sleep(5)
        return Finding.up()

    bench.runner = bench.runner.with_probe(in_line)

    result = await bench.runner.run(check(bench, timeout=0.2))

    assert result.outcome is outcome
    assert ("late by 300 ms" in result.message) is (outcome is Outcome.UNKNOWN)


def a_journey(**fields: object) -> JourneyCheck:
    return JourneyCheck.model_validate(
        {"name": "buy", "timeout": 0.2, "journey": {"script": "/buy.py"}, **fields}
    )


async def test_a_kind_that_ends_by_itself_is_not_cut_off(
    bench: Bench,
) -> None:
    async def longer(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        await asyncio.sleep(0.4)
        return Finding.down(Reason.STEP, "no button", seconds=0.21)

    bench.runner = bench.runner.with_probe(longer)

    result = await bench.runner.run(a_journey())

    assert (result.reason, result.message) == (Reason.STEP, "no button")


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.STEP])
async def test_a_journey_that_a_stopped_agent_kept_waiting_is_unknown(
    feeling: Bench, reason: Reason
) -> None:
    async def stopped(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        await asyncio.sleep(0.06)
        block(0.4)
        return Finding.down(reason, "no button", seconds=0.2)

    feeling.runner = feeling.runner.with_probe(stopped)

    result = await feeling.runner.run(a_journey())

    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert "it saw: no button" in result.message
    assert result.seconds == 0.2


async def test_being_late_before_a_journey_was_due_is_no_excuse(bench: Bench, calm: Calm) -> None:
    async def late_before(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        calm.was_late(0.4)
        await asyncio.sleep(0.1)
        return Finding.down(Reason.TIMEOUT, "not over", seconds=0.2)

    bench.runner = bench.runner.with_probe(late_before)

    excused = await bench.runner.run(a_journey())
    blamed = await bench.runner.run(a_journey(), bench.runner.clock.monotonic() + 0.05)

    assert excused.reason is Reason.INTERNAL
    assert blamed.reason is Reason.TIMEOUT


async def test_only_the_first_attempt_waits_until_it_is_due_and_its_beginning_is_the_runs(
    bench: Bench,
) -> None:
    dues: list[float | None] = []

    async def failing(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        dues.append(attempt.due)
        attempt.started_at = 1_777_600_000.0 + len(dues)
        return Finding.down(Reason.STEP, "no button", seconds=0.1)

    bench.runner = bench.runner.with_probe(failing)

    result = await bench.runner.run(a_journey(retries=1), 12345.0)

    assert dues == [12345.0, None]
    assert result.started_at == 1_777_600_001.0
    assert result.attempts == 2


@pytest.mark.parametrize("last", [Finding.up(seconds=0.1), Finding.down(Reason.STEP, "third")])
async def test_what_failed_attempts_kept_is_the_evidence_of_the_run_the_first_of_all_first(
    bench: Bench, last: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BETWEEN_ATTEMPTS", 0.0)
    told: list[tuple[int, tuple[Evidence, ...]]] = []

    async def flaky(_: AnyCheck, attempt: Attempt, __: Means) -> Finding:
        told.append((attempt.number, attempt.earlier))
        if attempt.number > 1:
            attempt.evidence.append(Evidence("console", str(attempt.number)))
        return last if attempt.number == 4 else Finding.down(Reason.STEP, "no button")

    bench.runner = bench.runner.with_probe(flaky)

    result = await bench.runner.run(a_journey(retries=3))

    kept = tuple(Evidence("console", str(number)) for number in (2, 3, 4))
    assert told == [(1, ()), (2, ()), (3, kept[:1]), (4, kept[:2])]  # the first has kept nothing
    assert result.evidence == kept
    assert (result.outcome, result.attempts) == (last.outcome, 4)


async def test_after_a_final_attempt_there_is_no_other(bench: Bench) -> None:
    async def cut_off(_: AnyCheck, attempt: Attempt, __: Means) -> Finding:
        attempt.final = True
        return Finding.unknown("the agent was stopped", Reason.KILLED)

    bench.runner = bench.runner.with_probe(cut_off)

    result = await bench.runner.run(a_journey(retries=2))

    assert (result.outcome, result.attempts) == (Outcome.UNKNOWN, 1)


async def test_steps_visits_and_evidence_are_the_results_without_a_secret(
    bench: Bench,
) -> None:
    step = Step(
        name="sign in hunter22", ok=False, seconds=1, url="http://x/?p=hunter22", message="hunter22"
    )
    visit = Visit(page="/hunter22", url="http://x/hunter22", lcp=0.5)

    async def seeing(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        attempt.steps.append(step)
        attempt.visits.append(visit)
        attempt.evidence.append(Evidence("console", "evidence/buy/1/console.txt"))
        return Finding.up(seconds=0.1)

    bench.runner = bench.runner.with_probe(seeing)

    result = await bench.runner.run(a_journey())

    assert result.steps == (
        Step(name="sign in ***", ok=False, seconds=1, url="http://x/?p=***", message="***"),
    )
    assert result.visits == (Visit(page="/***", url="http://x/***", lcp=0.5),)
    assert result.evidence == (Evidence("console", "evidence/buy/1/console.txt"),)


async def test_a_secret_does_not_stand_in_budgets_skipped_steps_or_attribution(
    bench: Bench,
) -> None:
    visit = Visit(page="/", url="/", attribution={"lcp_url": "/a?p=hunter22", "inp_delay": 0.004})
    judged = Budget(budget="step hunter22", page="/hunter22", limit=1, actual=2, ok=False)
    whole = replace(judged, budget="duration", page=None)

    async def seeing(_: AnyCheck, attempt: Attempt, __: Means) -> Finding:
        attempt.visits.append(visit)
        attempt.budgets += (judged, whole)
        attempt.skipped.append("type hunter22")
        return Finding.up()

    bench.runner = bench.runner.with_probe(seeing)

    result = await bench.runner.run(check(bench))

    assert result.budgets == (replace(judged, budget="step ***", page="/***"), whole)
    assert result.skipped == ("type ***",)
    assert result.visits[0].attribution == {"lcp_url": "/a?p=***", "inp_delay": 0.004}
    assert result.degraded
    assert "hunter22" not in str(result.to_json())


async def test_a_resolver_that_does_not_answer_is_dns(
    bench: Bench,
) -> None:
    async def resolving(check: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        attempt.during = "resolve"
        await asyncio.sleep(60)
        return Finding.up()

    bench.runner = bench.runner.with_probe(resolving)

    result = await bench.runner.run(check(bench, timeout=1))

    assert (result.reason, result.message) == (Reason.DNS, "no answer from the resolver within 1 s")
