from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def found_from_any_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents run in folders of their own, and are to find `tests.kill.program` from there."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
