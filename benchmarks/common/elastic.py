"""How is @elastic/synthetics run, on the browser that we have?"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.common.process import ROOT, program
from prober.probes import chromium

PEERS = ROOT / ".tools" / "peers"
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


def argv(
    folder: Path, name: str, journey: str, params: Mapping[str, str] | None = None
) -> list[str | Path]:
    """Runs the journey's text once, as Heartbeat does; in `folder`, which is empty."""
    runner = PEERS / "node_modules" / ".bin" / "elastic-synthetics"
    if not runner.exists():
        sys.exit("@elastic/synthetics is missing; scripts/peers gets it")
    (folder / "node_modules").symlink_to(PEERS / "node_modules")
    (folder / "package.json").write_text("{}")  # or it is no project
    (folder / f"{name}.journey.ts").write_text(journey)
    browser = {
        "executablePath": chromium.find(os.environ).path,
        "chromiumSandbox": os.geteuid() != 0,
        "args": [NOWHERE],
    }
    return [
        program("node"), runner, ".", "--rich-events", "--no-throttling",
        "--screenshots", "only-on-failure", "--params", json.dumps(params or {}),
        "--playwright-options", json.dumps(browser),
    ]  # fmt: skip
