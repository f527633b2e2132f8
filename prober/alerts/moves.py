"""Which moves does an alert make, and what does each of them change?

`MOVES` is the whole of it: what `advance` and `elapse` look up, and what the
diagram in docs/alerts.md is drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Change(StrEnum):
    """What whoever tells of alerts has to know of."""

    FIRED = "fired"
    REMINDED = "reminded"
    RESOLVED = "resolved"
    FLAPPING = "flapping"
    CALMED = "calmed"


class Phase(StrEnum):
    QUIET = "quiet"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    FLAPPING = "flapping"


class Signal(StrEnum):
    """What a run says, or the time; in the words of the diagram."""

    CLEAR = "no bad run is left that counts"
    BAD = "a bad run"
    LASTED = "bad often enough, and for long enough"
    GOOD = "a good run"
    WELL = "enough good runs"
    TOO_OFTEN = "enough good runs, once too often"
    REMIND = "remind has passed"
    UNSTEADY = "fired and over below"
    CALM_BAD = "calm, and bad"
    CALM_BETTER = "calm, and getting better"
    CALM_WELL = "calm, and well"


class Move(NamedTuple):
    to: Phase
    change: Change | None = None


MOVES: Mapping[tuple[Phase, Signal], Move] = {
    (Phase.QUIET, Signal.CLEAR): Move(Phase.QUIET),
    (Phase.QUIET, Signal.BAD): Move(Phase.PENDING),
    (Phase.QUIET, Signal.LASTED): Move(Phase.FIRING, Change.FIRED),
    (Phase.PENDING, Signal.CLEAR): Move(Phase.QUIET),
    (Phase.PENDING, Signal.BAD): Move(Phase.PENDING),
    (Phase.PENDING, Signal.LASTED): Move(Phase.FIRING, Change.FIRED),
    (Phase.FIRING, Signal.BAD): Move(Phase.FIRING),
    (Phase.FIRING, Signal.GOOD): Move(Phase.RECOVERING),
    (Phase.FIRING, Signal.WELL): Move(Phase.QUIET, Change.RESOLVED),
    (Phase.FIRING, Signal.TOO_OFTEN): Move(Phase.FLAPPING, Change.FLAPPING),
    (Phase.FIRING, Signal.REMIND): Move(Phase.FIRING, Change.REMINDED),
    (Phase.RECOVERING, Signal.BAD): Move(Phase.FIRING),
    (Phase.RECOVERING, Signal.GOOD): Move(Phase.RECOVERING),
    (Phase.RECOVERING, Signal.WELL): Move(Phase.QUIET, Change.RESOLVED),
    (Phase.RECOVERING, Signal.TOO_OFTEN): Move(Phase.FLAPPING, Change.FLAPPING),
    (Phase.RECOVERING, Signal.REMIND): Move(Phase.RECOVERING, Change.REMINDED),
    (Phase.FLAPPING, Signal.UNSTEADY): Move(Phase.FLAPPING),
    (Phase.FLAPPING, Signal.REMIND): Move(Phase.FLAPPING, Change.REMINDED),
    (Phase.FLAPPING, Signal.CALM_BAD): Move(Phase.FIRING, Change.CALMED),
    (Phase.FLAPPING, Signal.CALM_BETTER): Move(Phase.RECOVERING, Change.CALMED),
    (Phase.FLAPPING, Signal.CALM_WELL): Move(Phase.QUIET, Change.RESOLVED),
}
# Where the machine below stands when it is calm; pending is not yet decided, so it is waited for.
CALM: Mapping[Phase, Signal] = {
    Phase.FIRING: Signal.CALM_BAD,
    Phase.RECOVERING: Signal.CALM_BETTER,
    Phase.QUIET: Signal.CALM_WELL,
}


def diagram() -> str:
    """The moves as Mermaid draws them; one that neither leads on nor changes anything is left out."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.QUIET}"]
    for (phase, signal), (to, change) in MOVES.items():
        if to is not phase or change is not None:
            said = f"{signal} / {change.name}" if change is not None else signal
            lines.append(f"    {phase} --> {to}: {said}")
    return "\n".join(lines)
