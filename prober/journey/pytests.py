"""What of pytest's would have had a part in a test that is run here without it?"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from types import FunctionType, ModuleType
from typing import NamedTuple

from prober.journey.defs import line_of

# What the fixtures `page`, `context` and `browser` are made from.
_BEHIND = {
    *("playwright", "browser_type", "browser_name", "browser_channel", "connect_options"),
    *("browser_type_launch_args", "launch_browser", "browser", "device", "base_url"),
    *("browser_context_args", "new_context", "context", "page"),
}

_INSTEAD = "remove it, and write device or context into the check's journey"  # codegen prints one


class Lack(NamedTuple):
    """What a test would lack here, as it is known there, on its line; and what to do."""

    name: str
    line: int
    message: str


def missing(module: ModuleType, tree: ast.Module, asked: Collection[str]) -> Iterator[Lack]:
    """All that a test with these arguments would lack."""
    if vars(module).get("pytestmark"):
        said = "pytestmark marks for pytest; a journey has none"
        yield Lack("pytestmark", line_of("pytestmark", tree), said)
    for name, value in vars(module).items():
        marker = _marker(value)
        if marker is None:
            continue
        known_as = getattr(marker, "name", None) or name
        needed = {*asked, *_BEHIND} if asked else set(asked)
        if getattr(marker, "autouse", False) or known_as in needed:
            said = f"{name} is a fixture of pytest's, which does not run here"
            right = _INSTEAD if known_as == "browser_context_args" else "call it from the journey"
            yield Lack(known_as, line_of(name, tree), f"{said}; {right}")


def _marker(value: object) -> object | None:
    """What `pytest.fixture` was called with, if that made it."""
    if type(value).__name__ == "FixtureFunctionDefinition":  # pytest from 8.4 on
        return getattr(value, "_fixture_function_marker", None)
    if isinstance(value, FunctionType):
        return getattr(value, "_pytestfixturefunction", None)
    return None
