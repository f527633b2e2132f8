"""What would these checks do, if they were run? Asks no target: nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from prober.config.listing import Fit, Unfit
from prober.probes import AnyCheck, chromium
from prober.probes.journey_settings import JourneyCheck, JourneySettings, Script
from prober.probes.play import Play
from prober.secret import Scrubber
from prober.units import show_duration

DESKTOP = "1280x720 desktop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One check; what only a journey has is None of another."""

    check: str
    kind: str
    target: str
    timeout: float
    journey: Fit | None = None
    browser: str | None = None
    device: str | None = None
    network: str | None = None  # None: as it is

    def to_json(self) -> dict[str, JsonValue]:
        fit = self.journey
        return {
            "check": self.check,
            "kind": self.kind,
            "target": self.target,
            "timeout_seconds": self.timeout,
            "function": fit.function if fit else None,
            "arguments": list(fit.arguments) if fit else None,
            "steps": list(fit.steps) if fit else None,
            "browser": self.browser,
            "device": self.device,
            "network": self.network,
        }

    def __str__(self) -> str:
        lines = [f"would run {self.check}  {self.kind} {self.target}"]
        lines.append(f"  timeout {show_duration(self.timeout)}")
        if fit := self.journey:
            lines.append(f"  {fit.function}({', '.join(fit.arguments)})")
            lines += [f"  step {name}" for name in fit.steps]
        if self.browser is not None:
            slowed = f", on {self.network}" if self.network else ""
            lines.append(f"  in {self.browser}, as {self.device}{slowed}")
        return "\n".join(lines)


def rehearsed(
    check: AnyCheck,
    found: Mapping[Script, Fit | Unfit],
    *,
    scrub: Scrubber,
    play: Play,
    env: Mapping[str, str],
) -> Rehearsed:
    """`found` is what is in the scripts of the journeys."""
    plain = Rehearsed(
        check=check.name, kind=check.kind, target=scrub(check.target), timeout=check.timeout
    )
    if not isinstance(check, JourneyCheck):
        return plain
    fit = found.get(check.journey.parts)
    return replace(
        plain,
        journey=fit if isinstance(fit, Fit) else None,
        browser=_browser(check.journey, play, env),
        device=check.journey.device or DESKTOP,
        network=check.journey.network,
    )


def _browser(settings: JourneySettings, play: Play, env: Mapping[str, str]) -> str:
    if settings.browser.connect is not None:
        return "the browser that browser.connect names"
    try:
        found = chromium.find(env, settings.browser.channel, headless=play.headless)
    except chromium.NoBrowser as error:
        return f"no browser ({error})"
    name = found.path or f"Playwright's {found.channel or settings.browser.channel}"
    return name if found.verified else f"{name} (no headless shell: its INP may be wrong)"
