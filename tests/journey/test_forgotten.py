"""A journey whose lines never ran is not up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prober.journey.find import find
from prober.journey.forgotten import NeverRan
from prober.journey.where import Authors
from prober.result import Outcome, Reason
from tests.journey.running import run

HEAD = """import asyncio, contextlib, functools
from prober.journey import journey
class Later:
    def __await__(self): yield
def wrapped(f):
    @functools.wraps(f)
    def g(page): return f(page)
    return g
def lazily(page): yield page.goto("/")
async def one_by_one(page): yield
@journey
"""
INSTEAD = "whose lines never ran; write a plain function or async def, without yield"
# What comes after `@journey` there, the line, and what is said of it.
IN_THE_BROWSER = {
    "an async generator": (
        "async def look(page): return one_by_one(page)",
        10,
        f"look returned an async generator, {INSTEAD}",
    ),
    "a coroutine": (
        "async def look(page):\n    return page.title()",
        13,
        "Page.title was never awaited; write await before it",
    ),
}
CASES = {
    "another's generator": (
        "def look(page): return lazily(page)",
        9,
        f"look returned a generator, {INSTEAD}",
    ),
    "its own generator": (
        "@wrapped\ndef look(page): yield",
        13,
        f"look returned a generator, {INSTEAD}",
    ),
    "a context manager": (
        "@contextlib.contextmanager\ndef look(page): yield",
        13,
        f"look returned a generator, {INSTEAD}",
    ),
    "an async context manager": (
        "@contextlib.asynccontextmanager\nasync def look(page): yield",
        13,
        f"look returned an async generator, {INSTEAD}",
    ),
    "an awaitable": (
        "def look(page): return Later()",
        12,
        "look returned a Later that nobody awaited; write await before it",
    ),
    "a future": (
        "def look(page): return asyncio.get_running_loop().create_future()",
        12,
        "look returned a Future that nobody awaited; write await before it",
    ),
}


@pytest.mark.parametrize("case", list(IN_THE_BROWSER))
def test_what_a_journey_returns_without_having_run_it_is_no_success(
    tmp_path: Path, case: str
) -> None:
    body, line, message = IN_THE_BROWSER[case]

    seen = run(tmp_path, f"{HEAD}{body}\n")

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.SCRIPT)
    assert seen.ended.message == f"journey.py:{line}: {message}"


@pytest.mark.parametrize("case", list(CASES))
async def test_what_nobody_runs_is_told_with_its_line(tmp_path: Path, case: str) -> None:
    body, line, message = CASES[case]
    script = tmp_path / "journey.py"
    script.write_text(f"{HEAD}{body}\n")
    call = find(script, None).bound({"page": None})

    with pytest.raises(NeverRan, match=f"^{re.escape(message)}$") as said:
        call.ran(call(), Authors(script))

    assert said.value.place is not None
    assert (said.value.place.file, said.value.place.line) == (str(script), line)


def test_a_cleanup_that_never_ran_has_failed_and_one_that_has_run_has_not(tmp_path: Path) -> None:
    source = """async def look(page, cleanup):
    cleanup("generator", lazily, page)
    cleanup("what has run", lambda: (title, used)[-1])
    cleanup("awaited", lambda: page.title())
    title = asyncio.create_task(page.title())
    await title
    used = (one for one in ())
    list(used)
    return title
"""
    seen = run(tmp_path, HEAD + source)

    assert seen.ended.outcome is Outcome.UP
    assert [(n.removeprefix("cleanup: "), one.ok) for n, one in seen.steps.items()] == [
        ("awaited", True),
        ("what has run", True),
        ("generator", False),
    ]
    message = seen.steps["cleanup: generator"].message
    assert message.startswith(
        "journey.py:9: step 'cleanup: generator': lazily returned a generator"
    )
