"""Where is a browser, and may it have its sandbox?

The headless shell before a whole Chromium: only there is INP right, and it
talks to nobody by itself. The real binary rather than Debian's wrapper script,
which adds switches of its own and a process that outlives a signal.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from prober.errors import ProberError

Sandbox: TypeAlias = "bool | Literal['auto']"

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
    "/opt/google/chrome/chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_MISSING = (
    "there is no browser for journeys; run scripts/install, or install Debian's "
    "chromium-headless-shell, or run `playwright install chromium`, or set PROBER_CHROMIUM to its path"
)
# What the kernel says of unprivileged user namespaces, without which Chromium's sandbox fails.
_FORBIDDEN = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
    ("/proc/sys/user/max_user_namespaces", "0"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
)


class NoBrowser(ProberError):
    pass


def find(env: Mapping[str, str]) -> str | None:
    """The path of the browser; None for the one that Playwright keeps. Raises NoBrowser."""
    if wanted := env.get("PROBER_CHROMIUM"):
        if not _is_program(wanted):
            raise NoBrowser(f"PROBER_CHROMIUM is {wanted!r}, which is no program; correct its path")
        return wanted
    if shell := next(filter(_is_program, SHELLS), None):
        return shell
    if _playwright_has_one(playwrights(env)):
        return None
    if whole := next(filter(_is_program, WHOLE), None):
        return whole
    raise NoBrowser(_MISSING)


def playwrights(env: Mapping[str, str]) -> str:
    """The folder in which Playwright keeps its browsers, whatever HOME a journey has."""
    named = env.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if named == "0":
        return named
    if named:
        return os.path.abspath(named)
    home = env.get("HOME") or os.path.expanduser("~")
    linux = env.get("XDG_CACHE_HOME") or f"{home}/.cache"
    cache = f"{home}/Library/Caches" if sys.platform == "darwin" else linux
    return f"{cache}/ms-playwright"


def arguments(env: Mapping[str, str]) -> tuple[str, ...]:
    """Switches for the browser that whoever runs the agent wants: PROBER_CHROMIUM_ARGS."""
    try:
        return tuple(shlex.split(env.get("PROBER_CHROMIUM_ARGS", "")))
    except ValueError as error:
        raise NoBrowser(f"PROBER_CHROMIUM_ARGS cannot be read: {str(error).lower()}") from None


def sandboxed(wish: Sandbox) -> bool:
    """`auto` is: wherever it works; root never has one, nor a kernel without user namespaces."""
    if wish != "auto":
        return wish
    return os.geteuid() != 0 and not any(_says(path, text) for path, text in _FORBIDDEN)


def _says(path: str, text: str) -> bool:
    try:
        return Path(path).read_text().strip() == text
    except OSError:
        return False


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _playwright_has_one(folder: str) -> bool:
    package = _package()
    if package is None:
        return False
    kept = package / ".local-browsers" if folder == "0" else Path(folder)
    revision = _revision(package)
    return (kept / f"chromium_headless_shell-{revision}" / "INSTALLATION_COMPLETE").exists()


def _package() -> Path | None:
    found = importlib.util.find_spec("playwright")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "driver" / "package"


@lru_cache
def _revision(package: Path) -> str:
    """Of the headless shell that this version of Playwright drives."""
    try:
        browsers = json.loads((package / "browsers.json").read_bytes())["browsers"]
    except OSError:
        return ""
    return next((b["revision"] for b in browsers if b["name"] == "chromium-headless-shell"), "")
