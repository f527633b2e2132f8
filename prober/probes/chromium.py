"""Where is a browser, and is its INP right?

The headless shell before a whole Chromium: only there is INP right, and it
talks to nobody by itself. The real binary rather than Debian's wrapper script,
which adds switches of its own and a process that outlives a signal.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from prober.errors import ProberError
from prober.probes import playwright_kept
from prober.probes.journey_options import SHELL, Channel

SHELLS = (
    "/usr/lib/chromium/chromium-headless-shell",  # Debian
    "/usr/lib/chromium-browser/chromium-headless-shell",
    "/usr/lib64/chromium-browser/headless_shell",  # Fedora
    "/usr/lib/chromium-browser/headless_shell",
)
WHOLE = (
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
BRANDS: Mapping[str, Sequence[str]] = {
    "chrome": (
        "/opt/google/chrome/chrome",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    "chrome-beta": (
        "/opt/google/chrome-beta/chrome",
        "/Applications/Google Chrome Beta.app/Contents/MacOS/Google Chrome Beta",
    ),
    "msedge": (
        "/opt/microsoft/msedge/msedge",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ),
}
_SHELL_NAME = re.compile(r"headless[-_]shell[^/]*$")
_NO_WHOLE = (
    "there is no whole Chromium; install Debian's chromium, "
    "or run `playwright install chromium`, or set PROBER_CHROMIUM to its path"
)
_MISSING = (
    "there is no browser for journeys; run scripts/install, or install Debian's "
    "chromium-headless-shell, or run `playwright install chromium`, or set PROBER_CHROMIUM to its path"
)


class NoBrowser(ProberError):
    pass


@dataclass(frozen=True, slots=True)
class Browser:
    """`path` None: the one that Playwright keeps, by its name for it in `channel`."""

    path: str | None
    channel: str | None = None
    verified: bool = True  # False: not a headless shell, whose INP alone is right


def find(env: Mapping[str, str], channel: Channel = SHELL, *, headless: bool = True) -> Browser:
    """Raises NoBrowser. What PROBER_CHROMIUM names comes before all, unless it cannot be shown."""
    if named := _named(env, headless=headless):
        return named
    if channel in BRANDS:
        return _brand(channel)
    if channel == SHELL and headless and (shell := _shell(env)):
        return shell
    return _whole(env, channel, headless=headless)


def missing(env: Mapping[str, str], channels: Collection[Channel]) -> str | None:
    """Why journeys with one of these cannot run, for people; None where all can."""
    try:
        for channel in channels:
            find(env, channel)
        if channels:
            arguments(env)
    except NoBrowser as error:
        return str(error)
    return None


def unverified(env: Mapping[str, str], channels: Collection[Channel]) -> str | None:
    """Which of their browsers are no headless shell, for people; None where all are."""
    found: set[str] = set()
    for channel in channels:
        with suppress(NoBrowser):
            browser = find(env, channel)
            if not browser.verified:
                found.add(browser.path or "Playwright's chromium")
    if not found:
        return None
    return f"{' and '.join(sorted(found))}: no headless shell, which alone has INP right"


def _named(env: Mapping[str, str], *, headless: bool) -> Browser | None:
    wanted = env.get("PROBER_CHROMIUM")
    if not wanted:
        return None
    if not _is_program(wanted):
        raise NoBrowser(f"PROBER_CHROMIUM is {wanted!r}, which is no program; correct its path")
    is_shell = any(map(_SHELL_NAME.search, (wanted, os.path.realpath(wanted))))
    return Browser(wanted, verified=is_shell) if headless or not is_shell else None


def _brand(channel: str) -> Browser:
    if path := next(filter(_is_program, BRANDS[channel]), None):
        return Browser(path, verified=False)
    raise NoBrowser(
        f"{channel} is not installed, which a journey's browser.channel names; "
        f"run `playwright install {channel}`, or leave the channel out"
    )


def _shell(env: Mapping[str, str]) -> Browser | None:
    if path := next(filter(_is_program, SHELLS), None):
        return Browser(path)
    return Browser(None) if playwright_kept.has(env, SHELL) else None


def _whole(env: Mapping[str, str], channel: Channel, *, headless: bool) -> Browser:
    """Any will do in place of a shell; who asks for Chromium gets no Chrome."""
    paths = (*WHOLE, *BRANDS["chrome"]) if channel == SHELL else WHOLE
    if path := next(filter(_is_program, paths), None):
        return Browser(path, verified=False)
    if playwright_kept.has(env, "chromium"):
        return Browser(None, "chromium", verified=False)
    raise NoBrowser(_MISSING if channel == SHELL and headless else _NO_WHOLE)


def program(env: Mapping[str, str], browser: Browser) -> str | None:
    """Its path; None: only Playwright knows."""
    return browser.path or playwright_kept.program(env, browser.channel or SHELL)


def arguments(env: Mapping[str, str]) -> tuple[str, ...]:
    """Switches for the browser that whoever runs the agent wants: PROBER_CHROMIUM_ARGS."""
    try:
        return tuple(shlex.split(env.get("PROBER_CHROMIUM_ARGS", "")))
    except ValueError as error:
        raise NoBrowser(f"PROBER_CHROMIUM_ARGS cannot be read: {str(error).lower()}") from None


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
