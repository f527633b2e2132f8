"""Where does a journey hold up its own pages?

Whoever blocks Python by `time.sleep` keeps us from letting a page's requests go on.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Mapping

from prober.journey.defs import Def


def naps(function: Def, names: Mapping[str, object]) -> tuple[int, ...]:
    """The lines on which it calls `time.sleep`; `names` are those of its module."""
    own = set(_own(function))
    known = {name: one for name, one in names.items() if name not in own}
    known.update(_imported(function))
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return tuple(sorted(node.lineno for node in calls if _sleeps(node.func, known)))


def _sleeps(called: ast.expr, known: Mapping[str, object]) -> bool:
    match called:
        case ast.Name(id=name):
            return known.get(name) is time.sleep
        case ast.Attribute(value=ast.Name(id=name), attr="sleep"):
            return known.get(name) is time
    return False


def _own(function: Def) -> Iterator[str]:
    """Names that it gives to something else."""
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name


def _imported(function: Def) -> Iterator[tuple[str, object]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Import):
            yield from ((one.asname or one.name, time) for one in node.names if one.name == "time")
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            named = (one for one in node.names if one.name == "sleep")
            yield from ((one.asname or one.name, time.sleep) for one in named)
