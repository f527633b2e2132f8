"""Where is Playwright installed, and which browsers does it keep?"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_PROGRAMS = ("chrome-headless-shell", "headless_shell", "chrome", "*.app/Contents/MacOS/*")


def package() -> Path | None:
    """The folder of the driver."""
    found = importlib.util.find_spec("playwright")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "driver" / "package"


def folder(env: Mapping[str, str]) -> str:
    """In which Playwright keeps its browsers, whatever HOME a journey has."""
    named = env.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if named == "0":
        return named
    if named:
        return os.path.abspath(named)
    home = env.get("HOME") or os.path.expanduser("~")
    linux = env.get("XDG_CACHE_HOME") or f"{home}/.cache"
    cache = f"{home}/Library/Caches" if sys.platform == "darwin" else linux
    return f"{cache}/ms-playwright"


def has(env: Mapping[str, str], name: str) -> bool:
    """Whether it keeps this browser, in the revision that it drives."""
    return _place(env, name) is not None


def program(env: Mapping[str, str], name: str) -> str | None:
    """The path of this browser, where it keeps it and calls it as it has so far."""
    place = _place(env, name)
    found = (path for known in _PROGRAMS for path in place.glob(f"*/{known}")) if place else ()
    return next(map(str, found), None)


def _place(env: Mapping[str, str], name: str) -> Path | None:
    there, kept = package(), folder(env)
    if there is None:
        return None
    place = there / ".local-browsers" if kept == "0" else Path(kept)
    known = place / f"{name.replace('-', '_')}-{revision(there, name)}"
    return known if (known / "INSTALLATION_COMPLETE").exists() else None


@lru_cache
def revision(there: Path, name: str) -> str:
    try:
        browsers = json.loads((there / "browsers.json").read_bytes())["browsers"]
    except OSError:
        return ""
    return next((one["revision"] for one in browsers if one["name"] == name), "")
