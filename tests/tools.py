"""Real programs that tests run: the machine's own, or what scripts/tools unpacked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_UNPACKED = Path(__file__).parent.parent / ".tools" / "usr"
_TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
_SEARCH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/sbin", f"{_UNPACKED}/bin", f"{_UNPACKED}/sbin"]
)


def found(*names: str) -> str | None:
    """The path of the first of these programs that there is."""
    return next(filter(None, (shutil.which(name, path=_SEARCH) for name in names)), None)


def tool(*names: str) -> str:
    """The path of a real program. Missing: the test skips on a laptop and fails in CI."""
    path = found(*names)
    if path is None:
        missing(f"{names[0]} is not installed; scripts/tools gets it")
    return path


def alertmanager() -> str:
    """The path of Alertmanager, as `tool`. Debian's does not start without its templates."""
    path = tool("prometheus-alertmanager", "alertmanager")
    if Path(path).is_relative_to(_UNPACKED) and not _TEMPLATES.exists():
        missing(f"Debian's Alertmanager wants {_TEMPLATES}; scripts/tools puts it there as root")
    return path


def browser() -> str:
    """The path of a headless Chromium, as `tool`."""
    wanted = os.environ.get("PROBER_CHROMIUM", "/usr/lib/chromium/chromium-headless-shell")
    if not os.access(wanted, os.X_OK):
        missing(f"there is no browser at {wanted}; scripts/install gets one")
    return wanted


def missing(what: str) -> NoReturn:
    """A test cannot run without what is missing."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
