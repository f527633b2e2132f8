"""How these tests run one journey: with a stand-in for its process, and short limits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from prober.clock import SystemClock
from prober.probes import journey
from prober.probes.browsers import Browsers, Limits, Setup
from prober.probes.journey_settings import JourneyCheck
from prober.result import Attempt, Evidence, Finding
from tests.agent_process import until

STAND_IN = (sys.executable, "-P", str(Path(__file__).with_name("stand_in.py")))
RUN_ID = "0af7651916cd43dd8448eb211c80319c"
SHORT = Limits(start=10, after_deadline=0.5, tidying=0.6, after_verdict=0.5, silent=0.5)
Act: TypeAlias = Sequence[object]  # its name in the stand-in, and what it takes

READY: Act = ["say", {"event": "ready", "browser": "156"}]
GO: Act = ["go"]
UP: Act = ["say", {"event": "ended", "outcome": "up", "seconds": 0.25}]
GOOD: Sequence[Act] = [READY, GO, UP]


def begun(step: str) -> Act:
    return ["say", {"event": "step begun", "name": step}]


def ended(outcome: str, reason: str | None, message: str) -> dict[str, object]:
    return {
        "event": "ended",
        "outcome": outcome,
        "reason": reason,
        "message": message,
        "seconds": 0.5,
    }


def down(reason: str = "step", message: str = "no button") -> Act:
    return ["say", ended("down", reason, message)]


@dataclass
class Stage:
    """Browsers whose journeys are played by a stand-in; made inside the running loop."""

    data_dir: Path
    limits: Limits = SHORT
    queued: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    echo: Callable[[bytes], None] | None = None
    env: dict[str, str] = field(
        default_factory=lambda: {**os.environ, "PROBER_CHROMIUM": sys.executable}
    )

    def __post_init__(self) -> None:
        setup = Setup(
            data_dir=self.data_dir,
            command=STAND_IN,
            env=self.env,
            limits=self.limits,
            queued=self.queued.append,
            started=self.started.append,
            echo=self.echo,
        )
        self.clock = SystemClock()
        self.browsers = Browsers(self.clock, setup)

    @property
    def runs(self) -> list[Path]:
        """The folders of journeys that are under way, or were left behind."""
        folder = self.data_dir / "runs"
        return list(folder.iterdir()) if folder.exists() else []

    async def play(
        self, acts: Sequence[Act], *, due: float | None = None, **fields: object
    ) -> Played:
        attempt = Attempt(run_id=RUN_ID, traceparent="", due=due)
        return await self.play_as(attempt, acts, **fields)

    async def play_as(self, attempt: Attempt, acts: Sequence[Act], **fields: object) -> Played:
        finding = await journey.probe(journey_check(acts, **fields), attempt, self.browsers)
        return Played(finding, attempt, self.data_dir)


@dataclass
class Played:
    finding: Finding
    attempt: Attempt
    data_dir: Path

    @property
    def why(self) -> tuple[str, str | None, str]:
        found = self.finding
        return found.outcome.value, found.reason.value if found.reason else None, found.message

    @property
    def evidence(self) -> list[Evidence]:
        return self.attempt.evidence

    @property
    def console(self) -> str:
        return "".join(
            (self.data_dir / one.path).read_text()
            for one in self.attempt.evidence
            if one.kind == "console"
        )


def journey_check(
    acts: Sequence[Act],
    *,
    timeout: object = 20,
    interval: object = 20,  # no time for a second try
    name: object = "buy",
    **settings: object,
) -> JourneyCheck:
    told = {"script": "/buy.py", "params": {"acts": [list(act) for act in acts]}, **settings}
    fields = {"name": name, "timeout": timeout, "interval": interval, "journey": told}
    return JourneyCheck.model_validate(fields)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state not in (b"Z", b"X")


async def until_begun(stage: Stage, file: str) -> Path:
    """The folder of the one journey under way, once its process has put that file there."""

    def there() -> bool:
        return any((folder / file).exists() for folder in stage.runs)

    await until(there, f"the journey has written {file}")
    return stage.runs[0]
