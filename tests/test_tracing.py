"""Runs on their way to a collector that is there, slow, refuses, or is gone."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from prober import tracing as tracing_module
from prober.clock import Clock, SystemClock
from prober.config.model import Config
from prober.export import otlp
from prober.export.otlp import Ran
from prober.result import Finding, Reason, Result
from prober.tracing import AGAIN, EVERY, Tracing, first_of
from tests import agent_process
from tests.config.loading import loaded
from tests.export.samples import REFUSED, UP, result
from tests.fake_clock import NOON, FakeClock
from tests.servers.collector import Collector, collector
from tests.servers.receivers import OK, RESET, SILENCE, Answer, free_port

pytestmark = pytest.mark.timeout(30)

BATCH, MOST = 20, 205


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many runs as are quickly read again."""
    monkeypatch.setattr(tracing_module, "BATCH", BATCH)
    monkeypatch.setattr(tracing_module, "MOST", MOST)


def config(folder: Path, url: str, more: str = "") -> Config:
    more = f", {more}" if more else ""
    text = f'agent: {{region: eu}}\notlp: {{endpoint: "{url}"{more}}}'
    return loaded(folder, text if url else "agent: {region: eu}").config


def run(
    number: int = 1, finding: Finding = REFUSED, *, trace: str = "", at: float = NOON
) -> Result:
    trace = trace or f"{number:032x}"
    one = result(f"c{number}", finding, at=at)
    return one._replace(run_id=trace, traceparent=f"00-{trace}-{number + 1:016x}-01")


class Traced:
    """Tracing as the agent has it, and what it counted."""

    def __init__(self, clock: Clock) -> None:
        self.counted: Counter[str] = Counter()
        self.heard: set[str] = set()
        self.subject = Tracing(clock, self._count)
        self._news = asyncio.Event()

    def _count(self, outcome: str, count: int) -> None:
        self.heard.add(outcome)
        self.counted[outcome] += count
        self._news.set()

    async def until(self, outcome: str, count: int) -> None:
        """So many have been counted."""
        async with asyncio.timeout(20):
            while self.counted[outcome] < count:
                self._news.clear()
                await self._news.wait()

    def put(self, *results: Result) -> None:
        assert self.subject.put is not None
        for one in results:
            self.subject.put(one)


@asynccontextmanager
async def running(subject: Tracing) -> AsyncIterator[None]:
    task = asyncio.create_task(subject.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


Make: TypeAlias = Callable[[Clock], Traced]


@pytest.fixture
async def traced() -> AsyncIterator[Make]:
    made: list[Traced] = []

    def make(clock: Clock) -> Traced:
        made.append(Traced(clock))
        return made[-1]

    yield make
    for one in made:
        await one.subject.close()


@pytest.fixture
async def there() -> AsyncIterator[Collector]:
    async with collector() as one:
        yield one


async def wake(clock: FakeClock) -> None:
    """Whoever sleeps next wakes, and time goes no further: a request takes none of it."""
    await clock.until_asleep()
    moment = clock.next_wake
    assert moment is not None
    clock.move(moment - clock.monotonic())


def names(there: Collector, number: int) -> list[str]:
    return [span.name for span in there.runs(number)]


async def test_without_a_collector_nobody_is_to_be_asked(traced: Make, tmp_path: Path) -> None:
    it = traced(FakeClock())
    it.subject.configure(config(tmp_path, ""))

    assert it.subject.put is None
    assert it.heard == set()


async def test_what_can_be_counted_is_there_at_zero(traced: Make, tmp_path: Path) -> None:
    it = traced(FakeClock())
    it.subject.configure(config(tmp_path, "http://127.0.0.1:4318"))

    assert it.heard == {"accepted", "dropped"}
    assert it.counted.total() == 0


async def test_a_run_is_told_with_others_after_some_seconds(
    traced: Make, tmp_path: Path, there: Collector
) -> None:
    clock = FakeClock()
    it = traced(clock)
    it.subject.configure(config(tmp_path, there.url, 'headers: {x-tenant: "shop 1"}'))
    async with running(it.subject):
        it.put(run(1), run(2))
        await clock.until_asleep()
        await clock.advance(EVERY - 0.1)
        early = len(there.received)
        it.put(run(3))
        await clock.advance(0.2)
        await it.until("accepted", 3)

    assert early == 0
    assert names(there, 0) == ["c1", "c2", "c3"]
    assert len(there.received) == 1
    (one,) = there.received
    assert (one.method, one.path) == ("POST", "/v1/traces")
    assert one.headers["content-type"] == "application/json"
    assert one.headers["content-encoding"] == "gzip"
    assert one.headers["x-tenant"] == "shop 1"
    assert it.counted == {"accepted": 3, "dropped": 0}


async def test_a_full_batch_waits_for_no_time(
    traced: Make, tmp_path: Path, there: Collector
) -> None:
    it = traced(FakeClock())  # nobody moves it
    it.subject.configure(config(tmp_path, there.url))
    async with running(it.subject):
        it.put(*map(run, range(2 * BATCH)))
        await it.until("accepted", 2 * BATCH)

    assert [len(there.runs(number)) for number in range(2)] == [BATCH, BATCH]


async def test_of_runs_that_are_up_a_share_is_told_and_of_all_others_each(
    traced: Make, tmp_path: Path, there: Collector
) -> None:
    it = traced(SystemClock())
    it.subject.configure(config(tmp_path, there.url, "sample: 25%"))
    late = Finding.unknown("late")
    slow = Finding.down(Reason.TIMEOUT, "slow")
    traces = [os.urandom(16).hex() for _ in range(400)]
    it.put(*(run(number, UP, trace=trace) for number, trace in enumerate(traces)))
    it.put(*(run(1000 + number, finding) for number, finding in enumerate([late, slow] * 5)))
    await it.subject.drain(20)

    told = {
        span.trace_id.hex()
        for number in range(len(there.received))
        for span in there.runs(number)
        if int(span.name[1:]) < 1000
    }
    assert told == {trace for trace in traces if int(trace[-14:], 16) >= 0.75 * 16**14}
    assert it.counted["accepted"] == len(told) + 10
    assert 40 < len(told) < 170


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0, 0, 0), (1e-18, 0, 0), (0.5, 1, 1), (1, 2, 2)]
)
def test_a_share_is_from_none_to_all(share: float, least: int, most: int) -> None:
    told = [end for end in ("0" * 14, "f" * 14) if end >= first_of(share)]

    assert least <= len(told) <= most


def test_by_trace_id_everybody_who_samples_the_same_share_takes_the_same_runs() -> None:
    """W3C's level 2: the 56 bits at its end, taken where they reach 1 - share."""
    assert first_of(0.1) == f"{round(0.9 * 2**56):014x}"
    assert first_of(1) == "0" * 14
    assert first_of(0.25) < first_of(0.1) < first_of(0)


@pytest.mark.parametrize("status", sorted(AGAIN))
async def test_what_may_help_is_tried_again_and_nothing_is_lost(
    traced: Make, tmp_path: Path, there: Collector, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "prober.tracing")
    clock = FakeClock()
    it = traced(clock)
    it.subject.configure(config(tmp_path, there.url))
    there.receiver.answers.extend([Answer(status), Answer(status), OK])
    async with running(it.subject):
        it.put(*map(run, range(BATCH)))
        for count in (1, 2):
            await there.receiver.until(count)
            it.put(run(1000 + count))
            await wake(clock)
        await it.until("accepted", BATCH)
        await wake(clock)
        await it.until("accepted", BATCH + 2)

    assert names(there, 0) == names(there, 1) == names(there, 2)
    assert names(there, 3) == ["c1001", "c1002"]
    assert it.counted["dropped"] == 0
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"traces wait: {there.url} answered {status}",
        "traces are taken again",
    ]


async def test_it_asks_again_when_the_collector_wishes(
    traced: Make, tmp_path: Path, there: Collector
) -> None:
    clock = FakeClock()
    it = traced(clock)
    it.subject.configure(config(tmp_path, there.url))
    there.receiver.answers.append(Answer(429, headers={"Retry-After": "300"}))
    async with running(it.subject):
        it.put(*map(run, range(BATCH)))
        await there.receiver.until(1)
        await clock.until_asleep()
        await clock.advance(299)
        early = len(there.received)
        await clock.advance(2)
        await it.until("accepted", BATCH)

    assert early == 1
    assert len(there.received) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 302])
async def test_what_a_collector_refuses_is_dropped_and_the_next_is_sent(
    traced: Make, tmp_path: Path, there: Collector, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    it = traced(SystemClock())
    it.subject.configure(config(tmp_path, there.url, "headers: {x-api-key: hunter2hunter2}"))
    there.receiver.answers.append(Answer(status, "no such key: hunter2hunter2"))
    it.put(*map(run, range(BATCH + 1)))
    await it.subject.drain(20)

    assert it.counted == {"dropped": BATCH, "accepted": 1}
    assert f"{BATCH} runs were not traced: {there.url} answered {status}" in caplog.text
    assert "hunter2" not in caplog.text


async def test_spans_that_a_collector_leaves_out_are_counted_and_said(
    traced: Make, tmp_path: Path, there: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    it = traced(SystemClock())
    it.subject.configure(config(tmp_path, there.url))
    partly = '{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}'
    there.receiver.answers.extend([Answer(text=partly), Answer(text="<html>")])
    it.put(*map(run, range(BATCH + 1)))
    await it.subject.drain(20)

    assert it.counted == {"dropped": 2, "accepted": BATCH - 1}
    assert f"{there.url} did not take 2 spans: too old" in caplog.text


@contextmanager
def nobody_there() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}"


async def test_while_nobody_is_there_the_newest_are_kept(
    traced: Make, tmp_path: Path, there: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    it = traced(clock)
    with nobody_there() as url:
        it.subject.configure(config(tmp_path, url))
        async with running(it.subject):
            it.put(*map(run, range(BATCH)))
            for _ in range(3):
                await clock.until_asleep()
                it.put(*map(run, range(BATCH, BATCH + MOST)))
                await clock.advance(tracing_module.LONGEST_PAUSE)
            await clock.until_asleep()
            it.subject.configure(config(tmp_path, there.url))
            await it.until("accepted", MOST // BATCH * BATCH)
            await it.subject.drain(20)

    assert names(there, 0)[-1] == f"c{2 * BATCH - 1}"
    last = len(there.received) - 1
    assert names(there, last)[-1] == f"c{BATCH + MOST - 1}"
    assert it.counted["accepted"] == MOST
    assert it.counted["accepted"] + it.counted["dropped"] == BATCH + 3 * MOST
    assert caplog.text.count("traces wait") == 1


async def test_a_collector_that_hangs_holds_up_no_run(
    traced: Make, tmp_path: Path, there: Collector
) -> None:
    clock = FakeClock()
    it = traced(clock)
    it.subject.configure(config(tmp_path, there.url, "timeout: 200ms"))
    there.receiver.answers.extend([SILENCE, RESET])
    async with running(it.subject):
        it.put(*map(run, range(BATCH)))
        await there.receiver.until(1)
        it.put(*map(run, range(BATCH, 2 * BATCH)))
        await wake(clock)
        await there.receiver.until(2)
        await wake(clock)
        await it.until("accepted", 2 * BATCH)

    assert it.counted["dropped"] == 0
    assert names(there, 2)[0] == "c0"


async def test_a_stop_sends_what_waits_and_asks_nobody_twice(
    traced: Make, tmp_path: Path, there: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    it = traced(FakeClock())
    it.subject.configure(config(tmp_path, there.url))
    there.receiver.answers.extend([OK, Answer(503)])
    it.put(*map(run, range(2 * BATCH + 5)))
    await it.subject.drain(20)

    assert len(there.received) == 2
    assert it.counted["accepted"] == BATCH
    assert f"{BATCH + 5} runs were not traced: the agent stops" in caplog.text


async def test_a_stop_waits_for_what_is_under_way_and_no_longer_than_it_may(
    traced: Make, tmp_path: Path, there: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    it = traced(FakeClock())
    it.subject.configure(config(tmp_path, there.url))
    answered = asyncio.Event()
    there.receiver.answers.extend([Answer(after=answered), SILENCE])
    async with running(it.subject):
        it.put(*map(run, range(BATCH)))
        await there.receiver.until(1)
        stop = asyncio.create_task(it.subject.drain(20))
        await asyncio.sleep(0)
        assert not stop.done()
        answered.set()
        await stop
        assert it.counted["accepted"] == BATCH
        it.put(run(1))
        await it.subject.drain(0.05)

    assert "sending traces took longer than there was time for" in caplog.text
    assert "1 runs were not traced: the agent stops" in caplog.text


async def test_a_reload_without_otlp_lets_go_of_what_waits(traced: Make, tmp_path: Path) -> None:
    it = traced(FakeClock())
    it.subject.configure(config(tmp_path, "http://127.0.0.1:4318"))
    it.put(run(1), run(2))
    it.subject.configure(config(tmp_path, ""))
    await it.subject.drain(1)

    assert it.subject.put is None
    assert it.counted == {"accepted": 0, "dropped": 2}


async def test_the_same_settings_again_change_nothing(
    traced: Make, tmp_path: Path, there: Collector
) -> None:
    it = traced(SystemClock())
    it.subject.configure(config(tmp_path, there.url))
    it.put(run(1))
    it.subject.configure(config(tmp_path, there.url))
    await it.subject.drain(20)

    assert it.counted == {"accepted": 1, "dropped": 0}


async def test_the_loop_is_given_back_while_a_request_is_written(
    traced: Make, tmp_path: Path, there: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, at = 0, []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def watched(run: Ran) -> str:
        at.append(turns)
        return real(run)

    real = otlp.text
    monkeypatch.setattr(otlp, "text", watched)
    it = traced(SystemClock())
    it.subject.configure(config(tmp_path, there.url))
    it.put(*map(run, range(BATCH)))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(others())
        await it.subject.drain(20)
        task.cancel()

    assert len(there.runs(0)) == BATCH
    slices = [
        at[first : first + tracing_module.SLICE] for first in range(0, BATCH, tracing_module.SLICE)
    ]
    assert [len(set(one)) for one in slices] == [1] * len(slices)
    assert len(set(at)) == len(slices) > 1


@pytest.mark.timeout(60)
async def test_an_agent_tells_its_runs_from_a_reload_on_and_the_last_ones_at_its_stop(
    tmp_path: Path, there: Collector
) -> None:
    before = f"""
    agent: {{region: eu, shard: 0/1}}
    web: {{listen: "127.0.0.1:0"}}
    checks: [{{name: port, interval: 1s, timeout: 500ms, tcp: "127.0.0.1:{free_port()}"}}]
    """
    after = f'{before}\n    otlp: {{endpoint: "{there.url}", sample: 0%}}'
    down = 'prober_runs_total{check="port",region="eu",outcome="down"}'
    async with agent_process.running(tmp_path, before) as agent:
        (tmp_path / "config.yaml").write_text(after)
        answer = await agent.post("/-/reload")
        assert "changed otlp" in answer.text, answer.text
        assert await agent.metric('prober_traces_total{outcome="dropped"}') == 0
        await there.receiver.until(1)
        seen = await agent.metric(down)
        assert seen is not None
        most = seen + 1

        async def has_run() -> bool:
            return (await agent.metric(down) or 0) >= most

        await agent_process.until(has_run, "it has run once more")
        code = await agent.stop()

    assert code == 0
    runs = [span for number in range(len(there.received)) for span in there.runs(number)]
    assert there.runs(0)
    assert there.runs(1), "at the stop"
    assert {span.name for span in runs} == {"port"}
    assert len({span.trace_id for span in runs}) == len(runs) >= 2
    (sender,) = there.request(0).resource_spans
    assert "eu 0/1" in {one.value.string_value for one in sender.resource.attributes}
