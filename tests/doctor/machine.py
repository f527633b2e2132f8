"""A machine to be looked at: this one, with another config, or with files of its own."""

from __future__ import annotations

import os
from pathlib import Path

from prober.clock import SystemClock
from prober.config import load
from prober.doctor.looks import Machine
from prober.wire.threads import Threads


def machine(
    folder: Path, text: str = "", *, checks: str = "[]", files: dict[str, str] | None = None
) -> Machine:
    """Made inside the running loop."""
    (folder / "config.yaml").write_text(f"agent: {{region: eu}}\nchecks: {checks}\n{text}")
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return Machine(
        config=load(folder / "config.yaml", {}).config,
        env=dict(os.environ),
        clock=SystemClock(),
        threads=Threads(),
        root=folder if files else Path("/"),
    )
