"""Real programs that tests run: the machine's own, or what scripts/tools unpacked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_UNPACKED = Path(__file__).parent.parent / ".tools" / "usr"
_SEARCH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/sbin", f"{_UNPACKED}/bin", f"{_UNPACKED}/sbin"]
)


def tool(name: str) -> str:
    """The path of a real program. Missing: the test skips on a laptop and fails in CI."""
    found = shutil.which(name, path=_SEARCH)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is missing; scripts/tools gets it")
    if found is None:
        pytest.skip(f"{name} is not installed; scripts/tools gets it")
    return found
