"""The order journey with a stopwatch around it: the same function for the agent and for bare Playwright."""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))  # a journey has its own folder there, not ours

from benchmarks.common.bench import CLOCK  # noqa: E402
from benchmarks.common.process import cpu_of_family  # noqa: E402
from prober.journey import journey  # noqa: E402

place_order = runpy.run_path(str(ROOT / "journeys" / "order.py"))["place_order"]


@journey
def timed_order(page, context, step, params, secrets, cleanup, page_name, run_id):  # type: ignore[no-untyped-def]  # as authors write it
    cpu, began = cpu_of_family(os.getpid()), CLOCK.monotonic()
    place_order(page, context, step, params, secrets, cleanup, page_name, run_id)
    took = {"wall": CLOCK.monotonic() - began, "cpu": cpu_of_family(os.getpid()) - cpu}
    with Path(params["report"]).open("a") as file:
        file.write(json.dumps(took) + "\n")
