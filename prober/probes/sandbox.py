"""Does Chromium's sandbox work here? A browser is started in it once, as nothing else can tell.

It needs user namespaces and chroot. A kernel may refuse the one, a container's
seccomp profile or systemd's the other, and a helper with root's rights or an
AppArmor profile may give them to one browser after all.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from prober.clock import Clock
from prober.probes import processes
from prober.probes.chromium import Browser

log = logging.getLogger(__name__)

Wish: TypeAlias = "bool | Literal['auto']"

PATIENCE, PAUSE = 10.0, 0.02  # seconds for a start, and between two looks at it
TRIED_AGAIN_AFTER = 300.0  # seconds, where a trial has told nothing
LONGEST = 200  # characters of what a browser says
_BLANK = (
    "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-breakpad", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_FATAL = re.compile(r"^\[\S*:FATAL:.*", re.MULTILINE)
_WHO = re.compile(r"^\[\S*\] ")  # says it, and when
# What the kernel may say of unprivileged user namespaces: where, what forbids them, and what allows them.
_SWITCHES = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "1"),
    ("/proc/sys/user/max_user_namespaces", "0", "10000"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)
_CONFINED = (
    "what confines the agent (a container's seccomp profile, systemd's filters) has to allow"
    " clone, unshare and chroot; docs/deploy.md says how"
)


class Off(NamedTuple):
    why: str
    mend: str


class Sandbox:
    """What an agent knows of it, browser by browser, for as long as it lives."""

    def __init__(self, clock: Clock) -> None:
        self.wish: Wish = "auto"
        self.one_at_a_time = asyncio.Lock()
        self._clock = clock
        self._known: dict[Browser, Off | None] = {}
        self._not_before: dict[Browser, float] = {}

    def off(self, browser: Browser) -> Off | None:
        """None: the browser is to have it."""
        if self.wish is True:
            return None
        if self.wish is False:
            return Off("agent.browser.sandbox is false", "leave that out, or write auto")
        return _root() or self._known.get(browser)

    def is_unknown(self, browser: Browser) -> bool:
        """Whether a trial is due."""
        if self.wish != "auto" or browser in self._known or _root():
            return False
        return self._clock.monotonic() >= self._not_before.get(browser, 0.0)

    def learn(self, browser: Browser, tried: Tried) -> None:
        if tried.works is None:  # the journey says why, and it is left on
            self._not_before[browser] = self._clock.monotonic() + TRIED_AGAIN_AFTER
            log.info("whether Chromium's sandbox works here is not known: %s", tried.said)
        elif tried.works:
            self._known[browser] = None
            log.info("Chromium's sandbox works here")
        else:
            off = self._known[browser] = _hindered(tried.said)
            log.info("Chromium's sandbox is off, %s", off.why)


class Tried(NamedTuple):
    """`works` None: it could not be found out."""

    works: bool | None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a browser is started."""

    program: str
    arguments: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    patience: float = PATIENCE


class Trial:
    def __init__(self, way: Way) -> None:
        self._way = way
        self._over = threading.Event()

    def made(self) -> Tried:
        """Blocks. It does not work where a browser starts without it, and twice not with it."""
        first = self._said()
        if first == "":
            return Tried(True)
        if first is None or self._said("--no-sandbox") != "":
            return Tried(None, first or "the browser did not start in time")
        return Tried(False, first) if self._said() else Tried(None, "the browser starts at times")

    def give_up(self) -> None:
        """Somebody waits for the end of it."""
        self._over.set()

    def _said(self, *switches: str) -> str | None:
        """Why a browser ends without a page; empty: it had one. None: it was not seen to the end."""
        page, said = (self._way.folder / name for name in ("page", "said"))
        try:
            with page.open("wb") as out, said.open("wb") as err:
                code = self._ended(self._command(switches), out.fileno(), err.fileno())
        except OSError as error:
            return (error.strerror or str(error)).lower()
        if code is None:
            return None
        if code == 0 and b"<html" in _beginning(page):
            return ""
        return _reason(_beginning(said).decode(errors="replace"), code)

    def _command(self, switches: Sequence[str]) -> list[str]:
        way, profile = self._way, f"--user-data-dir={self._way.folder / 'profile'}"
        blank = (*_BLANK, profile, *way.arguments, *switches, "--dump-dom", "about:blank")
        return [way.program, *blank]

    def _ended(self, command: Sequence[str], out: int, err: int) -> int | None:
        way = self._way
        popen = subprocess.Popen(  # noqa: S603 - the journeys' browser
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            cwd=way.folder, env=dict(way.env), start_new_session=True,
        )  # fmt: skip
        try:
            for _ in range(round(way.patience / PAUSE)):
                if popen.poll() is not None or self._over.wait(PAUSE):
                    break
            return popen.returncode
        finally:
            processes.end(way.folder, popen.pid if popen.returncode is None else None)
            with suppress(subprocess.TimeoutExpired):
                popen.wait(1)


def mend() -> str:
    """What to do where a browser does not start in it."""
    return _hindered("").mend


def _root() -> Off | None:
    mend = "run the agent as an ordinary user"
    return None if os.geteuid() else Off("as root has none", mend)


def _hindered(said: str) -> Off:
    if root := _root():
        return root
    for path, forbids, allows in _SWITCHES:
        if _reads(path) == forbids:
            name = path.removeprefix("/proc/sys/").replace("/", ".")
            why = f"as this kernel does not allow it, {name} is {forbids}"
            return Off(why, f"allow unprivileged user namespaces: sysctl {name}={allows}")
    return Off(f"as the browser does not start in it: {said}", _CONFINED)


def _reads(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64 << 10)


def _reason(said: str, code: int) -> str:
    lines = _FATAL.findall(said) or [line for line in said.splitlines() if line.strip()][-1:]
    if not lines:
        return f"it ended with {code}"
    sentence = re.split(r"(?<=[.!]) ", _WHO.sub("", lines[0].strip()))[0]
    return sentence.rstrip(".!")[:LONGEST]
