"""An author's assertion means what it says, and where it fails it says what was there."""

from __future__ import annotations

import py_compile
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.journey.asserts import Telling
from prober.journey.find import find
from tests.journey.running import run
from tests.servers.pages import Page, site

HEAD = """
from __future__ import annotations
from prober.journey import journey

class Shy:
    def __eq__(self, other):
        return []
    def __repr__(self):
        raise SystemExit

class Loud(Shy):
    def __bool__(self):
        return False
    def __eq__(self, other):
        raise LookupError("not comparable")

said = []
def say(value):
    said.append(value)
    return value

@journey
def order(page):
"""


class Tab:
    def __init__(self, title: str) -> None:
        self.title = title


def loaded(folder: Path, *lines: str) -> Callable[..., object]:
    script = folder / "order.py"
    script.write_text(HEAD + "".join(f"    {line}\n" for line in lines))
    return find(script, None).function


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("assert page.title == 'Q'", "assert page.title == 'Q', where page.title is 'Two'"),
        ("assert 'Q' in page.title", "assert 'Q' in page.title, where page.title is 'Two'"),
        ("x = [1]; assert len(x) >= len(said) + 2",
         "assert len(x) >= len(said) + 2, where len(x) is 1 and len(said) + 2 is 2"),
        ("x = y = None; assert x is not y", "assert x is not y, where x is None and y is None"),
        ("assert (n := 2) != 2", "assert (n := 2) != 2, where n := 2 is 2"),
        ("assert 1 == 2", "assert 1 == 2"),
        ("x = 'a' * 500; assert x == 'b'", f"assert x == 'b', where x is '{'a' * 98}…"),
        ("x = 3; assert x not in (\n        2,\n        3,\n    )",
         "assert x not in ( 2, 3, ), where x is 3 and ( 2, 3, ) is (2, 3)"),
        ("x = 3; assert x \\\n        == 4", "assert x == 4, where x is 3"),
    ],
)  # fmt: skip
def test_the_values_of_a_comparison_are_told(tmp_path: Path, line: str, message: str) -> None:
    order = loaded(tmp_path, line)

    with pytest.raises(AssertionError) as caught:
        order(page=Tab("Two"))

    assert str(caught.value) == f"an assertion failed: {message}"
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert max(one.lineno or 0 for one in frames if one.name == "order") == HEAD.count("\n") + 1


@pytest.mark.parametrize(
    "line",
    ["assert page.title == 'Q', 'my own words'", "assert 1 < 1 < 2, 'my own words'"],
)
def test_an_authors_own_words_stand_alone(tmp_path: Path, line: str) -> None:
    order = loaded(tmp_path, line)

    with pytest.raises(AssertionError) as caught:
        order(page=Tab("Two"))

    assert str(caught.value) == "my own words"


@pytest.mark.parametrize(
    "line", ["assert 1 < 1 < 2", "assert not page.title", "assert 1 == 2 or 0"]
)
def test_what_is_no_single_comparison_is_left_as_it_is(tmp_path: Path, line: str) -> None:
    order = loaded(tmp_path, line)

    with pytest.raises(AssertionError) as caught:
        order(page=Tab("Two"))

    assert str(caught.value) == ""


def test_each_value_is_evaluated_once_and_from_the_left(tmp_path: Path) -> None:
    order = loaded(
        tmp_path, "assert say(1) < say(2)", "assert say('a') in say('abc')", "return said"
    )

    assert order(page=None) == [1, 2, "a", "abc"]


def test_a_comparison_may_answer_and_raise_what_it_likes(tmp_path: Path) -> None:
    shy = loaded(tmp_path, "assert Shy() == 1")
    with pytest.raises(AssertionError, match=r"where Shy\(\) is <order.Shy object at"):
        shy(page=None)

    loud = loaded(tmp_path, "assert Loud() == 1")
    with pytest.raises(LookupError, match="not comparable"):
        loud(page=None)


def test_what_was_compiled_elsewhere_is_not_taken(tmp_path: Path) -> None:
    script = tmp_path / "order.py"
    script.write_text("x = 1\nassert x == 2\n")
    py_compile.compile(str(script), doraise=True)

    code = Telling("order", str(script)).get_code("order")

    assert "@holds" in code.co_names


def test_in_a_journey_the_message_has_the_value_and_the_line(tmp_path: Path) -> None:
    source = """
from prober.journey import journey
@journey
async def order(page, step):
    await page.goto("/")
    async with step("look"):
        assert await page.title() == "Q"
"""
    with site({"/": Page("<title>Two</title>")}) as it:
        seen = run(tmp_path, source, base_url=it.url, evidence="never")

    assert seen.ended.message == (
        "journey.py:7: step 'look': an assertion failed: "
        "assert await page.title() == \"Q\", where await page.title() is 'Two'"
    )
