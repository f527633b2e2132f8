"""Which journeys were under way when their agent was killed?

Each that has begun leaves a note in its folder, and takes it along when it
goes. What is still there at the next start is a run that nobody has reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from prober.result import Finding, Reason, Result

NOTE = "run.json"
LONGEST = 10_000  # bytes of a note


class Left(BaseModel):
    """A run that had begun."""

    model_config = ConfigDict(frozen=True)

    check: str
    run_id: str
    traceparent: str
    started_at: float
    attempt: int

    def result(self, kind: str, region: str, labels: Mapping[str, str]) -> Result:
        return Result(
            check=self.check,
            kind=kind,
            region=region,
            labels=labels,
            run_id=self.run_id,
            traceparent=self.traceparent,
            started_at=self.started_at,
            seconds=0.0,
            attempts=self.attempt,
            finding=Finding.unknown("the agent was killed while the journey ran", Reason.KILLED),
        )


def note(folder: Path, run: Left) -> None:
    """Complete or not at all. Blocks; raises OSError."""
    unfinished = folder / f".{NOTE}"
    unfinished.write_text(run.model_dump_json())
    unfinished.replace(folder / NOTE)


def noted(folder: Path) -> Left | None:
    """None where no journey had begun in this folder."""
    with suppress(OSError, ValidationError), (folder / NOTE).open("rb") as file:
        return Left.model_validate_json(file.read(LONGEST))
    return None
