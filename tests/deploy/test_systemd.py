"""Is prober.service a unit that systemd takes, and that lets the agent do no more than it must?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tools import tool

ROOT = Path(__file__).parent.parent.parent
UNIT = ROOT / "deploy" / "systemd" / "prober.service"
PROGRAM = "/opt/prober/venv/bin/prober"
EXPOSED = 3.0  # of 10, at most: what systemd calls OK


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [tool("systemd-analyze"), "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def verified(folder: Path, text: str) -> str:
    """What systemd says of it; the program is one that is there."""
    unit = folder / "prober.service"
    unit.write_text(text.replace(PROGRAM, str(ROOT / ".venv" / "bin" / "prober")))
    return analyze("verify", unit).stderr


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    text = UNIT.read_text()

    assert verified(tmp_path, text) == ""
    assert "ProtectSistem" in verified(tmp_path, text.replace("ProtectSystem", "ProtectSistem"))


def test_it_is_hardly_exposed() -> None:
    said = analyze("security", "--offline=true", f"--threshold={EXPOSED * 10:.0f}", UNIT)
    if "offline" in said.stderr:
        pytest.skip("this systemd cannot judge a unit that does not run")

    assert said.returncode == 0, said.stdout[-300:]


def test_a_stop_has_the_time_that_the_agent_needs_and_tells_it_alone() -> None:
    lines = UNIT.read_text().splitlines()

    assert {"KillMode=mixed", "TimeoutStopSec=15", "ExecReload=/bin/kill -HUP $MAINPID"} <= {*lines}
    assert {"DynamicUser=yes", "StateDirectory=prober", "ProtectSystem=strict"} <= {*lines}
