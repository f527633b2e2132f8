"""When a run of results becomes an incident, and when it is over.

Pure: values in, values out. `MOVES` (moves.py) is the table of it: what a run or
the time says to the phase that a state is in, and what that changes.

Without `for` what is met fires at once. A run is good that is up or, of other
conditions than failures, that does not meet it. A result that is unknown is our
own fault, and a window may have too few runs to say anything: that moves nothing
and resets nothing. But where nothing bad is left in it one good run is enough.
While it flaps, one alert is held open: the machine goes on below, `shadow` says
whether that one would fire, and its changes are only counted.
The state knows nothing of the thresholds it was reached under, so that an
edited rule goes on from where the old one stood.

What each change asks of whoever tells of it:
    FIRED     give it its labels and whom it is told to; say that it fires
    REMINDED  say again that it fires
    FLAPPING  say once that it is held open; it burns on, under the same incident
    CALMED    nothing: it burns on as any that fires
    RESOLVED  say that it is over since `well_since`; what is left is no incident,
              and may still be worth keeping (recent changes), so keep it as any state
`wake_at` may have moved for a kept state that is held open or has recent changes.
"""

from __future__ import annotations

from dataclasses import replace

from prober.alerts.conditions import Condition, Failures
from prober.alerts.details import newest
from prober.alerts.met import OFTEN, Met, met
from prober.alerts.moves import CALM, MOVES, Phase, Signal
from prober.alerts.moves import Change as Change
from prober.alerts.past import Past
from prober.alerts.rules import EffectiveRule
from prober.alerts.standing import QUIET as QUIET
from prober.alerts.standing import AlertState as AlertState
from prober.alerts.standing import Key as Key
from prober.result import Result


def advance(
    state: AlertState, result: Result, rule: EffectiveRule, now: float, past: Past | None = None
) -> tuple[AlertState, Change | None]:
    """The state after `result`, which was settled at `now`, and what that changed.

    `past` is what the rule looks back on; it has the result in it already.
    """
    found = met(rule.condition, result, past, now)
    if found.met is None or (state is QUIET and not found.met):
        return state, None
    seen, signal = _look(state, result, rule, found, now)
    if state.flapping:
        return _held(state, seen, signal, rule, now)
    if signal is Signal.WELL and rule.flapping is not None:
        changes = rule.flapping.noted(state.changes, now)
        signal = Signal.TOO_OFTEN if rule.flapping.is_often(changes) else signal
    to, change = MOVES[state.phase, signal]
    if change is Change.FIRED:
        return _fired(seen, result, rule, now), change
    if change is Change.FLAPPING:
        held = replace(seen, streak=0, flapping_since=now, changes=_noted(seen, rule, now))
        return held, change
    if to is Phase.QUIET:
        changes = _noted(state, rule, now) if change is Change.RESOLVED else state.changes
        return _rested(state, changes, rule, now), change
    return seen, change


def elapse(state: AlertState, rule: EffectiveRule, now: float) -> tuple[AlertState, Change | None]:
    """The state at `now`, where nothing but time has passed: calm, forgotten, or due for a reminder."""
    if state.flapping:
        after, change = _calmed(state, rule, now)
        if change is not None:
            return after, change
    elif state.phase is Phase.QUIET:
        return _rested(state, state.changes, rule, now), None
    return remind(state, rule, now)


def lapse(state: AlertState, rule: EffectiveRule, now: float) -> tuple[AlertState, Change | None]:
    """The state of an alert by a window, when all that was in that is too old: nobody looked."""
    if (move := MOVES.get((state.phase, Signal.WELL))) is None:
        return state, None
    return _rested(state, _noted(state, rule, now), rule, now), move.change


def remind(state: AlertState, rule: EffectiveRule, now: float) -> tuple[AlertState, Change | None]:
    """The state at `now`: a reminder is due when the last notice is `remind` old."""
    due = _reminds_at(state, rule)
    if due is None or now < due:
        return state, None
    _, change = MOVES[state.phase, Signal.REMIND]
    return replace(state, notified_at=now, reminders=state.reminders + 1), change


def wake_at(state: AlertState, rule: EffectiveRule) -> float | None:
    """When time alone moves the state, in Unix seconds; None for never, and not before a run."""
    moments = [
        moment
        for moment in (_reminds_at(state, rule), _settles_at(state, rule))
        if moment is not None
    ]
    return min(moments, default=None)


def set_back(state: AlertState, now: float) -> AlertState:
    """The state after somebody set the clock back to `now`: what lies ahead is as old as now."""
    ahead = (state.notified_at, state.flapping_since, *state.changes[-1:])
    if all(moment is None or moment <= now for moment in ahead):
        return state
    return replace(
        state,
        notified_at=None if state.notified_at is None else min(state.notified_at, now),
        flapping_since=None if state.flapping_since is None else min(state.flapping_since, now),
        changes=tuple(min(at, now) for at in state.changes),
    )


def well_since(before: AlertState, result: Result | None) -> float | None:
    """Since when it is well of what `before` was the last state of, and `result` (or time) the end."""
    if before.up_since is None and result is not None:
        return result.started_at
    return before.up_since


def _reminds_at(state: AlertState, rule: EffectiveRule) -> float | None:
    if state.notified_at is None or rule.remind is None:
        return None
    return state.notified_at + rule.remind


def _settles_at(state: AlertState, rule: EffectiveRule) -> float | None:
    """When it is calm, or so quiet that nothing of it needs to be kept."""
    if state.flapping:
        if state.below not in CALM:
            return None
        held = state.flapping_since
        return held if rule.flapping is None else rule.flapping.calm_at(state.changes)
    if not state.changes or state.phase is not Phase.QUIET:
        return None
    last = state.changes[-1]
    return last if rule.flapping is None else rule.flapping.forgotten_at(state.changes)


def _look(
    state: AlertState, result: Result, rule: EffectiveRule, found: Met, now: float
) -> tuple[AlertState, Signal]:
    """One more verdict, and what it says to the machine; to that below while it flaps."""
    if state.below in (Phase.FIRING, Phase.RECOVERING):
        if found.met:
            return _bad(state, result, found), Signal.BAD
        up_since = state.up_since if state.streak else result.started_at
        seen = replace(state, streak=state.streak + 1, up_since=up_since)
        is_well = found.is_over or seen.streak >= rule.successes
        return seen, Signal.WELL if is_well else Signal.GOOD
    seen = _seen(state, result, rule.condition, found)
    if seen.below is Phase.QUIET:
        return seen, Signal.CLEAR
    if not _holds(seen, rule.condition):
        return (seen if seen.met_since is None else replace(seen, met_since=None)), Signal.BAD
    met_since = now if seen.met_since is None else min(seen.met_since, now)
    lasted = now - met_since >= rule.lasting
    return replace(seen, met_since=met_since), Signal.LASTED if lasted else Signal.BAD


def _fired(seen: AlertState, result: Result, rule: EffectiveRule, now: float) -> AlertState:
    of = {"count": f"{seen.recent.count('d')} of the last {len(seen.recent)} runs"}
    return replace(
        seen,
        streak=0,
        met_since=None,
        recent="",
        incident=result.run_id,
        fired_at=now,
        notified_at=now,
        changes=_noted(seen, rule, now),
        details={**seen.details, **of} if seen.recent else seen.details,
    )


def _held(
    state: AlertState, seen: AlertState, signal: Signal, rule: EffectiveRule, now: float
) -> tuple[AlertState, Change | None]:
    """One more run while it is held open: what would have been a change is only counted."""
    _, change = MOVES[state.below, signal]
    if change is not None:
        seen = replace(
            seen,
            streak=0,
            recent="",
            met_since=None,
            shadow=change is Change.FIRED,
            changes=_noted(seen, rule, now),
        )
    return _calmed(seen, rule, now)


def _calmed(state: AlertState, rule: EffectiveRule, now: float) -> tuple[AlertState, Change | None]:
    """Held open no more, if it is calm; while the machine below is pending that is waited for."""
    flapping, signal = rule.flapping, Signal.UNSTEADY
    if flapping is None or now >= flapping.calm_at(state.changes):
        signal = CALM.get(state.below, signal)
    to, change = MOVES[Phase.FLAPPING, signal]
    if change is None:
        return state, None
    if to is Phase.QUIET:
        return _rested(state, state.changes, rule, now), change
    return replace(state, flapping_since=None, shadow=False), change


def _noted(state: AlertState, rule: EffectiveRule, now: float) -> tuple[float, ...]:
    return () if rule.flapping is None else rule.flapping.noted(state.changes, now)


def _rested(
    state: AlertState, changes: tuple[float, ...], rule: EffectiveRule, now: float
) -> AlertState:
    """What is left of it where all is well: mostly nothing; `state` itself where that is all it was."""
    if rule.flapping is None or now >= rule.flapping.forgotten_at(changes):
        return QUIET
    after = AlertState(changes=changes)
    return state if after == state else after


def _seen(state: AlertState, result: Result, condition: Condition, found: Met) -> AlertState:
    """One more verdict while quiet, or quiet below."""
    several = condition.of if isinstance(condition, Failures) else None
    recent = ""
    if several is not None:
        recent = (state.recent + ("d" if found.met else "u"))[-several:]
        recent = recent if "d" in recent else ""
    if not found.met:
        if recent:
            return replace(state, streak=0, recent=recent)
        return _well(state, result) if state.flapping else QUIET
    first = (
        state if state.flapping or state.below is Phase.PENDING else _begun(state, result, found)
    )
    return replace(_bad(first, result, found), streak=state.streak + 1, recent=recent)


def _well(state: AlertState, result: Result) -> AlertState:
    """Nothing counts below; itself where nothing is new."""
    up_since = result.started_at if state.up_since is None else state.up_since
    after = replace(state, streak=0, recent="", met_since=None, up_since=up_since)
    return state if after == state else after


def _holds(state: AlertState, condition: Condition) -> bool:
    """Whether the condition is met, after a verdict has been counted."""
    if not isinstance(condition, Failures):
        return True  # or nothing were left of it
    if condition.of is None:
        return state.streak >= condition.failures
    return state.recent.count("d") >= condition.failures


def _begun(state: AlertState, result: Result, found: Met) -> AlertState:
    return AlertState(
        since=found.since(result),
        first_message=found.found,
        first_reason=_word(result, found),
        changes=state.changes,
    )


def _bad(state: AlertState, result: Result, found: Met) -> AlertState:
    """The same state with the newest error; itself where nothing is new, so nothing is written."""
    kept = {name: text for name, text in state.details.items() if name != "about"}
    run = found.run(result)
    others = newest(kept, run, same=found.found == state.last_message) if run else kept
    details = {**others, **found.errors(kept)}
    if found.about:
        details["about"] = found.about
    evidence = next((one.path for one in (run or result).evidence if one.kind == "screenshot"), "")
    word = _word(result, found)
    is_new = (
        details != state.details
        or (found.found, evidence) != (state.last_message, state.evidence)
        or state.last_reason != word
    )
    if not is_new and state.streak == 0 and state.up_since is None:
        return state
    return replace(
        state,
        streak=0,
        up_since=None,
        last_message=found.found,
        last_reason=word,
        evidence=evidence,
        details=details,
    )


def _word(result: Result, found: Met) -> str:
    if found.about in ("", OFTEN):
        return result.reason.value if result.reason else ""
    return found.about
