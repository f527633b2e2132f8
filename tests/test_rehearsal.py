from __future__ import annotations

from pathlib import Path

import pytest

from prober.rehearsal import Written, written

ONE = """
from prober.journey import journey

def helper(step): ...

@journey
async def buy(page, step, *, secrets):
    async with step("sign in"):
        with step(name="nested", soft=True):
            helper(step)
    for name in ("a", "b"):
        async with step(name):
            pass
    async with step("sign in"), step("pay"):
        page.step("no step")
"""


def read(folder: Path, text: str, function: str | None = None) -> Written | None:
    (folder / "shop.py").write_text(text)
    return written(folder / "shop.py", function)


def test_a_journey_is_told_with_its_arguments_and_the_steps_that_it_names(tmp_path: Path) -> None:
    found = read(tmp_path, ONE)

    assert found == Written(
        function="buy",
        line=7,
        arguments=("page", "step", "secrets"),
        steps=("sign in", "nested", "pay"),
    )


@pytest.mark.parametrize(
    ("text", "function", "name"),
    [
        ("def test_a(page): ...", None, "test_a"),
        ("def test_a(page): ...\n@journey\ndef b(page): ...", None, "b"),
        ("import prober.journey as p\n@p.journey\ndef b(page): ...", None, "b"),
        ("@journey\ndef a(page): ...\n@journey\ndef b(page): ...", "b", "b"),
        ("from others import a", "a", None),
        ("def helper(): ...", None, None),
    ],
)
def test_the_journey_is_the_function_that_is_named_or_marked_or_a_test(
    tmp_path: Path, text: str, function: str | None, name: str | None
) -> None:
    found = read(tmp_path, text, function)

    assert (found.function if found else None) == name
