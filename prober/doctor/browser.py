"""Does a journey run here, in its sandbox, and measure what there is? One is run to see."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from prober.doctor import vitals
from prober.doctor.looks import Machine, Seen
from prober.errors import ProberError
from prober.probes import chromium, journey, sandbox
from prober.probes.browsers import Browsers, Setup
from prober.probes.journey_settings import BrowserSettings, JourneyCheck
from prober.result import Attempt, Outcome, Visit

TIMEOUT = 20.0  # seconds for the journey
KNOWN = Path(__file__).with_name("known.py")
TRIES = 3  # a busy machine is slow at times
_READ = "read docs/journeys.md on browsers, or set PROBER_CHROMIUM to another one"


@dataclass(frozen=True, slots=True)
class _Ran:
    """What came of one journey; `error` is empty where it was up."""

    error: str
    off: sandbox.Off | None  # its browser's sandbox
    version: str = ""
    visits: tuple[Visit, ...] = ()


async def tried(machine: Machine, folder: Path) -> AsyncIterator[tuple[str, Seen]]:
    """Works in `folder`: data_dir may be a running agent's."""
    try:
        browser = chromium.find(machine.env)
        chromium.arguments(machine.env)
    except chromium.NoBrowser as error:
        yield "browser", Seen.fail(str(error), "")
        return
    settings = machine.config.agent.browser
    ran = await _ran(machine, folder, settings)
    seen = _sandbox(ran.off)
    if ran.error and ran.off is None:
        bare = await _ran(machine, folder, settings.model_copy(update={"sandbox": False}))
        if not bare.error:
            found = f"the browser does not start in it: {ran.error}"
            ran, seen = bare, Seen.fail(found, sandbox.mend())
    yield "browser", _browser(browser, ran)
    if ran.error:
        return
    yield "sandbox", seen
    for _ in range(TRIES - 1):
        if vitals.is_slow(next(iter(ran.visits), None)):
            ran = await _ran(machine, folder, settings)
    yield "vitals", Seen.fail(ran.error, _READ) if ran.error else vitals.judged(ran.visits)


def _browser(browser: chromium.Browser, ran: _Ran) -> Seen:
    path = browser.path or f"Playwright's {browser.channel or 'chromium-headless-shell'}"
    if ran.error:
        return Seen.fail(f"{path} carries no journey: {ran.error}", _READ)
    if not browser.verified:
        return Seen.warn(f"{ran.version}, {path}, is no headless shell", vitals.SHELL)
    return Seen.ok(f"{ran.version}, {path}")


def _sandbox(off: sandbox.Off | None) -> Seen:
    """Of a browser that has started so."""
    return (
        Seen.warn(f"it is off, {off.why}", off.mend) if off else Seen.ok("the browser runs in it")
    )


async def _ran(machine: Machine, folder: Path, settings: BrowserSettings) -> _Ran:
    browser = chromium.find(machine.env)
    setup = Setup(data_dir=folder, runs=folder / "runs", env=machine.env)
    browsers = Browsers(machine.clock, setup)
    browsers.configure(settings, machine.config.scrub)
    trace = secrets.token_hex(16)
    attempt = Attempt(run_id=trace, traceparent=f"00-{trace}-{secrets.token_hex(8)}-01")
    async with vitals.serving_known(machine.clock) as url:
        try:
            finding = await journey.probe(_check(url), attempt, browsers)
        except ProberError as error:
            return _Ran(str(error), browsers.sandbox.off(browser))
    version = attempt.steps[0].name if attempt.steps else ""
    is_up = finding.outcome is Outcome.UP
    said = "" if is_up else finding.message
    return _Ran(said, browsers.sandbox.off(browser), version, tuple(attempt.visits))


def _check(url: str) -> JourneyCheck:
    written = {"script": str(KNOWN), "base_url": url, "evidence": "never"}
    return JourneyCheck.model_validate({"name": "known", "timeout": TIMEOUT, "journey": written})
