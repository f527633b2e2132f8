"""Who else is told of an incident that nobody looks after, and when?

The routes of today count, as they were for the moment at which it was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prober.alerts.route import Route, Stage, meant
from prober.alerts.state import AlertState


def next_at(routes: Sequence[Route], state: AlertState) -> float | None:
    """When the next stage is reached, in Unix seconds; None for never."""
    if state.told_at is None or state.acked_at is not None:
        return None
    ahead = (stage.after for stage in _stages(routes, state) if stage.after > state.escalated)
    after = min(ahead, default=None)
    return None if after is None else state.told_at + after


def due(routes: Sequence[Route], state: AlertState, now: float) -> tuple[float, tuple[str, ...]]:
    """The last stage that is reached by `now`, and whom all that are new ask for, each once."""
    reached, names = state.escalated, dict[str, None]()
    if state.told_at is None or state.acked_at is not None:
        return reached, ()
    for stage in sorted(_stages(routes, state), key=lambda one: one.after):
        if state.escalated < stage.after and state.told_at + stage.after <= now:
            reached = stage.after
            names |= dict.fromkeys(stage.notify)
    return reached, tuple(names)


def _stages(routes: Sequence[Route], state: AlertState) -> Iterable[Stage]:
    if not any(route.escalate for route in routes):
        return ()
    taken = meant(routes, state.labels, state.told_at)
    return (stage for route in taken for stage in route.escalate)
