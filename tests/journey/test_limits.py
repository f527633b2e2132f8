"""A step that has a time of its own, and what is left of the journey when that is over."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from types import FrameType

import pytest

from prober.clock import SystemClock
from prober.journey.events import Skipped
from prober.journey.interrupt import Interrupt
from prober.journey.limits import Limit, Overdue
from prober.result import Outcome, Reason
from tests.journey.running import run

HEAD = """
import asyncio, time
from contextlib import suppress
from prober.journey import journey

PAGE = "data:text/html,<h1>there</h1>"
"""
SYNC = """
@journey
def order(page, step):
    page.goto(PAGE)
    with step("sleep", soft=True, timeout=0.3):
        time.sleep(99)
    with step("spin", soft=True, timeout=0.3):
        while True: pass
    with step("wait", soft=True, timeout=0.3):
        page.wait_for_timeout(99999)
    with step("script", soft=True, timeout=0.3):
        page.evaluate("() => new Promise(() => {})")
    with step("busy", soft=True, timeout=0.3):
        while True: page.title()
    with step("around", soft=True, timeout=0.3):
        with step("within", soft=True):
            page.wait_for_timeout(99999)
    with step("swallowed", soft=True, timeout=0.3):
        with suppress(BaseException):
            time.sleep(99)
    with step("own failure", soft=True, timeout=0.3):
        try:
            time.sleep(99)
        except BaseException:
            raise ValueError("mine") from None
    with step("in time", timeout=30):
        assert page.locator("h1").inner_text() == "there"
    time.sleep(0.5)
    with step("last", timeout=0.3):
        page.wait_for_timeout(99999)
    with step("never"): ...
"""
ASYNC = """
async def forever():
    try:
        await asyncio.sleep(99)
    finally:
        print("ended")

@journey
async def order(page, step):
    await page.goto(PAGE)
    async with step("sleep", soft=True, timeout=0.3):
        time.sleep(99)
    async with step("spin", soft=True, timeout=0.3):
        while True: pass
    async with step("wait", soft=True, timeout=0.3):
        await page.wait_for_timeout(99999)
    async with step("script", soft=True, timeout=0.3):
        await page.evaluate("() => new Promise(() => {})")
    async with step("tasks", soft=True, timeout=0.3):
        async with asyncio.TaskGroup() as group:
            group.create_task(forever())
    async with step("around", soft=True, timeout=0.3):
        async with step("within", soft=True):
            await page.wait_for_timeout(99999)
    async with step("swallowed", soft=True, timeout=0.3):
        with suppress(BaseException):
            await asyncio.sleep(99)
    with step("plain", soft=True, timeout=0.3):
        await asyncio.sleep(99)
    assert asyncio.current_task().cancelling() == 0
    async with step("in time", timeout=30):
        assert await page.locator("h1").inner_text() == "there"
    await asyncio.sleep(0.5)
    async with step("last", timeout=0.3):
        await page.wait_for_timeout(99999)
    async with step("never"): ...
"""


def line_of(source: str, text: str, after: str) -> int:
    """Of a text, the first below another."""
    lines = source.split("\n")
    start = next(at for at, one in enumerate(lines) if after in one)
    return next(at for at in range(start, len(lines)) if text in lines[at]) + 1


@pytest.mark.parametrize(
    ("body", "late"),
    [
        (SYNC, ["sleep", "spin", "wait", "script", "swallowed", "last"]),
        (ASYNC, ["sleep", "spin", "wait", "script", "tasks", "swallowed", "plain", "last"]),
    ],
    ids=["sync", "async"],
)
def test_a_step_that_is_not_done_in_its_time_has_failed_and_a_soft_one_lets_the_journey_go_on(
    tmp_path: Path, body: str, late: list[str]
) -> None:
    source = HEAD + body
    seen = run(tmp_path, source)

    for name in late:
        step = seen.steps[name]
        assert not step.ok
        assert step.message.endswith(f"step '{name}': not done within 0.3 s")
        assert 0.2 < step.seconds < 5
    where = {n: int(seen.steps[n].message.split(":")[1]) for n in ("sleep", "wait", "last")}
    assert where["sleep"] == line_of(source, "time.sleep(99)", 'step("sleep"')
    assert where["wait"] == line_of(source, "wait_for_timeout", 'step("wait"')
    within = f"journey.py:{line_of(source, 'wait_for_timeout', 'within')}: step 'within': "
    assert seen.steps["within"].message == seen.steps["around"].message
    assert seen.steps["within"].message == (
        f"{within}not done within 0.3 s that step 'around' may take"
    )
    assert seen.steps["in time"].ok
    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.STEP)
    assert seen.ended.message == seen.steps["sleep"].message
    assert seen.all(Skipped) == [Skipped(names=("never",))]
    if body is SYNC:
        assert seen.steps["busy"].message.endswith("step 'busy': not done within 0.3 s")
        assert seen.steps["own failure"].message.endswith("ValueError: mine")
    else:
        assert "ended" in seen.output


DEADLINE = """
@journey
def order(page, step):
    page.goto(PAGE)
    with step("hang", soft=True, timeout=0.5):
        print("stuck", flush=True)
        while True:
            with suppress(BaseException):
                time.sleep(99)
"""


def test_the_deadline_is_the_stronger(tmp_path: Path) -> None:
    seen = run(tmp_path, HEAD + DEADLINE, deadline_on="stuck")

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.TIMEOUT)
    assert seen.ended.message.endswith("step 'hang': not done within 20 s")


async def test_an_alarm_that_does_not_wake_the_program_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It came after the last look for signals, and before the program slept."""
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    interrupt, clock = Interrupt(SystemClock()), SystemClock()
    heard: list[float] = []
    unheard = [1]

    def on_alarm(number: int, frame: FrameType | None) -> None:
        if unheard:
            unheard.pop()
        else:
            interrupt._on_alarm(number, frame)

    monkeypatch.undo()
    before = signal.signal(signal.SIGALRM, on_alarm)
    try:
        interrupt.last(lambda: heard.append(clock.monotonic()), 0.01)
        began = clock.monotonic()
        while not heard and clock.monotonic() < began + 10:
            await clock.sleep(0.01)
        await clock.sleep(0.2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert len(heard) == 1
    assert heard[0] - began < 5


async def test_once_the_deadline_has_struck_what_is_raised_is_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    interrupt = Interrupt(SystemClock())
    limit = Limit("pay", 1.0, at=0.0, task=asyncio.current_task(), struck=1)
    other = Limit("open", 1.0, at=0.0, task=asyncio.current_task())
    interrupt.limits.add(other)
    interrupt.limits.add(limit)
    cancelled = asyncio.CancelledError()

    assert interrupt.behind(cancelled) is limit
    assert interrupt.behind(Overdue(other)) is other
    assert interrupt.behind(ValueError()) is None
    assert await asyncio.create_task(_behind(interrupt, cancelled)) is None  # another task's
    interrupt.struck = 1
    assert interrupt.behind(cancelled) is interrupt.behind(Overdue(limit)) is None


async def _behind(interrupt: Interrupt, error: BaseException) -> Limit | None:
    return interrupt.behind(error)
