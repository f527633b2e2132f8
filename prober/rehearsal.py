"""What would these checks do, if they were run? Reads and asks nobody: nothing is sent.

A script is read here, not imported: that was done when the config was loaded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from prober.probes import AnyCheck, chromium
from prober.probes.journey_settings import JourneyCheck, JourneySettings
from prober.probes.play import Play
from prober.secret import Scrubber
from prober.units import show_duration

_Function = ast.FunctionDef | ast.AsyncFunctionDef
DESKTOP = "1280x720 desktop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The function that is the journey, as its file has it; `steps` with a literal name."""

    function: str
    line: int
    arguments: tuple[str, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One check; what only a journey has is None of another."""

    check: str
    kind: str
    target: str
    timeout: float
    journey: Written | None = None
    browser: str | None = None
    device: str | None = None
    network: str | None = None  # None: as it is

    def to_json(self) -> dict[str, JsonValue]:
        written = self.journey
        return {
            "check": self.check,
            "kind": self.kind,
            "target": self.target,
            "timeout_seconds": self.timeout,
            "function": written.function if written else None,
            "arguments": list(written.arguments) if written else None,
            "steps": list(written.steps) if written else None,
            "browser": self.browser,
            "device": self.device,
            "network": self.network,
        }

    def __str__(self) -> str:
        lines = [f"would run {self.check}  {self.kind} {self.target}"]
        lines.append(f"  timeout {show_duration(self.timeout)}")
        if written := self.journey:
            lines.append(f"  {written.function}({', '.join(written.arguments)})")
            lines += [f"  step {name}" for name in written.steps]
        if self.browser is not None:
            slowed = f", on {self.network}" if self.network else ""
            lines.append(f"  in {self.browser}, as {self.device}{slowed}")
        return "\n".join(lines)


def rehearsed(check: AnyCheck, scrub: Scrubber, play: Play, env: Mapping[str, str]) -> Rehearsed:
    plain = Rehearsed(
        check=check.name, kind=check.kind, target=scrub(check.target), timeout=check.timeout
    )
    if not isinstance(check, JourneyCheck):
        return plain
    return replace(
        plain,
        journey=written(check.journey.path, check.journey.function),
        browser=_browser(check.journey, play, env),
        device=check.journey.device or DESKTOP,
        network=check.journey.network,
    )


def written(path: Path, function: str | None) -> Written | None:
    """None where the function comes from another file."""
    defs = [one for one in ast.parse(path.read_bytes()).body if isinstance(one, _Function)]
    marked = [one for one in defs if any(map(_is_mark, one.decorator_list))]
    tests = [one for one in defs if one.name.startswith("test_")]
    chosen = [one for one in defs if one.name == function] if function else marked or tests
    return _written(chosen[0]) if chosen else None


def _written(function: _Function) -> Written:
    given = (*function.args.args, *function.args.kwonlyargs)
    return Written(
        function=function.name,
        line=function.lineno,
        arguments=tuple(one.arg for one in given),
        steps=tuple(dict.fromkeys(_steps(function))),
    )


def _steps(node: ast.AST) -> Iterator[str]:
    """In the order in which they are written."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "step":
        named = [one.value for one in node.keywords if one.arg == "name"]
        for value in (*node.args[:1], *named):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value
    for inner in ast.iter_child_nodes(node):
        yield from _steps(inner)


def _is_mark(decorator: ast.expr) -> bool:
    name = decorator.attr if isinstance(decorator, ast.Attribute) else None
    return (decorator.id if isinstance(decorator, ast.Name) else name) == "journey"


def _browser(settings: JourneySettings, play: Play, env: Mapping[str, str]) -> str:
    if settings.browser.connect is not None:
        return "the browser that browser.connect names"
    try:
        found = chromium.find(env, settings.browser.channel, headless=play.headless)
    except chromium.NoBrowser as error:
        return f"no browser ({error})"
    name = found.path or f"Playwright's {found.channel or settings.browser.channel}"
    return name if found.verified else f"{name} (no headless shell: its INP may be wrong)"
