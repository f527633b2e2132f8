"""Which time is the journey's, and which is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from prober.journey import tasks
from prober.journey.own_time import OwnTime, Split
from prober.journey.tasks import Tasks
from tests.fake_clock import FakeClock
from tests.journey.running import Run, run
from tests.servers.pages import Page, Site, site


def test_time_that_several_hold_counts_once() -> None:
    clock = FakeClock()
    split = Split(clock)
    clock.move(1)
    with split:
        clock.move(2)
        with split:
            clock.move(4)
            assert (split.free, split.held) == (1, 6)
        clock.move(8)
    clock.move(16)

    assert (split.free, split.held) == (17, 14)


def test_what_is_waited_for_is_taken_off_only_where_nothing_else_went_on() -> None:
    clock, alone = FakeClock(), True
    own = OwnTime(clock, lambda: alone)
    seen = [own.seconds]
    with own.waiting():
        clock.move(3)
        seen.append(own.seconds)
    alone = False
    with own.waiting():
        clock.move(4)
        seen.append(own.seconds)
    clock.move(1)

    assert [*seen, own.seconds] == [0, 0, 4, 5]


def test_two_that_wait_at_once_leave_one_after_the_other_in_any_order() -> None:
    clock = FakeClock()
    own = OwnTime(clock, lambda: True)
    first, second = own.waiting(), own.waiting()
    first.__enter__()
    clock.move(1)
    second.__enter__()
    clock.move(1)
    first.__exit__(None, None, None)
    clock.move(1)
    second.__exit__(None, None, None)
    clock.move(5)

    assert own.seconds == 5


async def test_a_function_is_alone_until_a_task_of_its_own_goes_on_beside() -> None:
    seen: list[tuple[str, bool]] = []
    loop = asyncio.get_running_loop()
    theirs = Tasks(loop)
    go = asyncio.Event()

    async def other() -> None:
        await go.wait()
        seen.append(("in the other", theirs.is_alone()))

    async def function() -> None:
        seen.append(("at first", theirs.is_alone()))
        one = asyncio.create_task(other())
        seen.append(("beside it", theirs.is_alone()))
        go.set()
        await one
        seen.append(("afterwards", theirs.is_alone()))
        waits = asyncio.create_task(playwrights(go))
        seen.append(("beside Playwright's", theirs.is_alone()))
        await waits

    handler = loop.create_task(asyncio.sleep(99))  # begun by nothing of the author's
    theirs.follow(main := loop.create_task(_quiet(function)))
    await main
    handler.cancel()
    loop.set_task_factory(None)

    assert seen == [
        ("at first", True),
        ("beside it", False),
        ("in the other", False),
        ("afterwards", True),
        ("beside Playwright's", True),
    ]
    assert not theirs.is_alone(), "what is not the function has asked"


async def _quiet(function: Callable[[], Coroutine[object, None, None]]) -> BaseException | None:
    await function()
    return None


def playwrights(event: asyncio.Event) -> Coroutine[object, None, None]:
    """As one that stands in a file of Playwright's."""
    names: dict[str, Callable[..., Coroutine[object, None, None]]] = {}
    source = "async def wait(event): await event.wait()"
    exec(compile(source, tasks._PLAYWRIGHTS + "waiter.py", "exec"), names)  # noqa: S102
    return names["wait"](event)


# A page that answers nothing while it waits for the server, at no cost.
HANGS = Page(
    "<h1>hangs</h1><script>function hang() { const asked = new XMLHttpRequest();"
    "asked.open('GET', '/never', false); asked.send() }</script>"
)
SHOP = {
    "/": Page("<h1>shop</h1>"),
    "/slow": Page("<h1>slow</h1>", delay=0.5),
    "/hangs": HANGS,
    "/never": Page(delay=60),
}
HEAD = """
import asyncio, time
from prober.journey import journey

def told(name, began):
    print(f"{name}={time.monotonic() - began}", flush=True)
"""


def written(source: str, word: str) -> str:
    """In one of Playwright's two ways; `word` is the other's `await`."""
    is_async = "async " if word else ""
    source = source.replace("ASYNC ", is_async).replace("WITH", f"{is_async}with")
    return source.replace("AWAIT ", word)


def stopwatch(seen: Run, name: str) -> float:
    return float(seen.output.split(f"{name}=")[1].split()[0])


def played(folder: Path, source: str, it: Site, timeout: float = 20) -> Run:
    seen = run(folder, HEAD + source, base_url=it.url, timeout=timeout)
    assert seen.ended.message == ""
    return seen


def test_pages_that_are_left_at_the_same_time_take_as_long_as_they_take(tmp_path: Path) -> None:
    source = """
@journey
async def tabs(page, context, step):
    tabs = [page, *[await context.new_page() for _ in range(3)]]
    await asyncio.gather(*(tab.goto("/") for tab in tabs))
    began = time.monotonic()
    async with step("four"):
        await asyncio.gather(*(tab.goto("/slow") for tab in tabs))
    told("four", began)
"""
    with site(SHOP) as it:
        seen = played(tmp_path, source, it)

    four = seen.steps["four"].seconds
    assert SHOP["/slow"].delay <= four <= stopwatch(seen, "four")
    assert seen.ended.seconds is not None
    assert seen.ended.seconds >= four


HUNG = """
@journey
ASYNC def look(page, context, step):
    other = AWAIT context.new_page()
    AWAIT page.goto("/hangs")
    WITH page.expect_request("**/never"):
        AWAIT page.evaluate("() => { setTimeout(hang) }")
    BESIDE
    WITH step("leave"):
        began = time.monotonic()
        AWAIT other.goto("/")
        told("leave", began)
    print("done")
"""


@pytest.mark.parametrize(
    ("word", "beside", "is_ours"),
    [
        ("", "", True),
        ("await ", "", True),
        ("await ", "busy = asyncio.create_task(asyncio.sleep(99))", False),
    ],
    ids=["sync", "async", "beside another task"],
)
def test_what_a_silent_page_took_of_a_step_is_taken_off_where_nothing_else_went_on(
    tmp_path: Path, word: str, beside: str, is_ours: bool
) -> None:
    source = written(HUNG, word).replace("BESIDE", beside)
    with site(SHOP) as it:
        seen = played(tmp_path, source, it, timeout=100)

    took, watched = seen.steps["leave"].seconds, stopwatch(seen, "leave")
    assert watched > 1, "the silent page took its second"
    assert (took < watched - 0.3) if is_ours else (took >= watched)


CLOSED = """
@journey
ASYNC def look(page, context):
    hanging = [AWAIT context.new_page() for _ in range(4)]
    others = [AWAIT context.new_page() for _ in range(2)]
    for one in hanging:
        AWAIT one.goto("/hangs")
    for one in hanging:
        WITH one.expect_request("**/never"):
            AWAIT one.evaluate("() => { setTimeout(hang) }")
    began = time.monotonic()
    CLOSE
    told("close", began)
"""


@pytest.mark.parametrize(
    ("word", "close"),
    [
        ("", "for one in others: one.close()"),
        ("await ", "await asyncio.gather(*(one.close() for one in others))"),
    ],
    ids=["sync", "async"],
)
def test_all_that_is_asked_before_pages_are_left_keeps_within_its_share(
    tmp_path: Path, word: str, close: str
) -> None:
    """Two seconds of forty; four silent pages with one each would take four."""
    source = written(CLOSED, word)
    with site(SHOP) as it:
        seen = played(tmp_path, source.replace("CLOSE", close), it, timeout=40)

    assert stopwatch(seen, "close") < 3.9
