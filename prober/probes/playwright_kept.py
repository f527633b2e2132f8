"""Where is Playwright installed, and which browsers does it keep?"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path


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
    there, kept = package(), folder(env)
    if there is None:
        return False
    place = there / ".local-browsers" if kept == "0" else Path(kept)
    known = f"{name.replace('-', '_')}-{revision(there, name)}"
    return (place / known / "INSTALLATION_COMPLETE").exists()


@lru_cache
def revision(there: Path, name: str) -> str:
    try:
        browsers = json.loads((there / "browsers.json").read_bytes())["browsers"]
    except OSError:
        return ""
    return next((one["revision"] for one in browsers if one["name"] == name), "")
