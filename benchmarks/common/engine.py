"""How many probes a second does our engine do, with nothing around it?

    python -m benchmarks.common.engine JOB REPORT    (two files; see Job)

The runner and the probe, each run whole (deadline, request, verdict, facts),
so many at a time in a closed loop: without schedule, metrics and history.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import TypedDict

from prober.clock import SystemClock
from prober.probes import Means
from prober.probes.browsers import Browsers, Setup
from prober.probes.http import HttpCheck
from prober.process import GARBAGE
from prober.pulse import Pulse
from prober.result import Outcome
from prober.runner import Runner
from prober.secret import Scrubber
from prober.wire.network import Network

CLOCK = SystemClock()


class Job(TypedDict):
    urls: list[str]
    at_once: int
    seconds: float


Ended = list[tuple[float, bool]]  # when (monotonic), and whether it was up


async def closed_loop(job: Job) -> Ended:
    network, pulse = Network(CLOCK), Pulse(CLOCK, lambda lag: None)
    runner = Runner(
        region="bench",
        clock=CLOCK,
        means=Means(network, Browsers(CLOCK, Setup(data_dir=Path(), runs=Path()))),
        pulse=pulse,
        scrub=Scrubber(),
    )
    checks = [
        HttpCheck.model_validate({"name": f"check-{n}", "http": url, "timeout": 5.0})
        for n, url in enumerate(job["urls"])
    ]
    end, ended = CLOCK.monotonic() + job["seconds"], Ended()

    async def lane(first: int) -> None:
        number = first
        while CLOCK.monotonic() < end:
            result = await runner.run(checks[number % len(checks)])
            ended.append((CLOCK.monotonic(), result.outcome is Outcome.UP))
            number += job["at_once"]

    beating = asyncio.create_task(pulse.run())
    try:
        await asyncio.gather(*map(lane, range(job["at_once"])))
    finally:
        beating.cancel()
        network.close()
    return ended


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_text())
    gc.set_threshold(*GARBAGE)  # as in the agent
    gc.freeze()
    Path(sys.argv[2]).write_text(json.dumps(asyncio.run(closed_loop(job))))


if __name__ == "__main__":
    main()
