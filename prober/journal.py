"""What does the log say of runs and of alerts, and of which runs?

    a run after which the state of its check is another    always
    the first run in a row that is unknown for one reason  always
    all others that are not up                             where programs read the log
    one in a hundred of those that are up                  the same

Where people read it (see log.py) the last two are left out: what is down for a
day would fill every terminal. By their fields the lines of a run are found, of
the alert that it raised, of the notices of that and of its trace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TypeAlias

from prober.alerts.notice import Delivery, Ended, incident_id, incident_key
from prober.alerts.state import AlertState, Key
from prober.alerts.words import lasted
from prober.result import Outcome, Result

log = logging.getLogger(__name__)
every = logging.getLogger(f"{__name__}.every")  # which log.py knows by this name

# 40 of 4096, by digits of the run's id, which is at random. They are the highest of those that
# traces are sampled by: where more than one run in a hundred is traced, these are among them.
_DIGITS = slice(-14, -11)
SAMPLE = frozenset(f"{number:03x}" for number in range(4096 - 40, 4096))
_RUN_ID = 32  # digits
A_MOMENT = 10.0  # seconds at most, from when an alert fires until that is said

Fields: TypeAlias = Mapping[str, str | int | float | bool | None]


class Journal:
    """`now` tells the time of day. What has fired before it was made is not said again."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._begun = now()
        self._burning: set[Key] = set()

    def run(self, result: Result, last: Result | None, *, changed: bool) -> None:
        """`last` is the run before it. Called a thousand times a second, mostly with what is up."""
        outcome = result.finding.outcome
        if outcome is Outcome.UP:
            if changed or result.run_id[_DIGITS] in SAMPLE:
                _say(log if changed else every, logging.INFO, result)
        elif changed or (outcome is Outcome.UNKNOWN and _is_news(result, last)):
            _say(log, logging.WARNING, result)
        else:
            _say(every, logging.WARNING, result)

    def alert(self, key: Key, state: AlertState | None) -> None:
        """It may fire, in this state, which is said once."""
        if state is None or not state.firing or key in self._burning:
            return
        self._burning.add(key)
        now = self._now()
        if now < self._begun:  # the clock was set back
            self._begun = now - A_MOMENT
        if (state.fired_at or 0.0) >= self._begun:
            said = f": {state.last_message}" if state.last_message else ""
            log.warning("%s fires%s", _called(key), said, extra=_of_alert(state))

    def over(self, key: Key, was: AlertState, ended: Ended) -> None:
        """After as long as the notice of it says: while it was bad."""
        self._burning.discard(key)
        took = lasted(was, ended.until)
        log.info("%s is over after %s", _called(key), took, extra=_of_alert(was))


def of_notice(delivery: Delivery) -> Fields:
    """The fields of a line about a notice, to whom it goes included."""
    notice = delivery.notice
    return {
        **_of_incident(notice.labels, notice.key.rpartition("/")[2]),
        "incident": notice.id,
        "event": notice.event.value,
        "notifier": delivery.notifier,
        "reason": notice.annotations.get("reason"),
    }


def _say(to: logging.Logger, level: int, result: Result) -> None:
    if not to.isEnabledFor(level):
        return
    fields: Fields = {
        **_of_run(result.run_id),
        "check": result.check,
        "region": result.region,
        "kind": result.kind,
        "outcome": result.outcome.value,
        "reason": result.reason.value if result.reason else None,
        "duration_ms": round(result.seconds * 1000, 3),
        "attempts": result.attempts,
        "degraded": result.degraded or None,
        "maintenance": result.maintenance or None,
        "trace_id": _trace_id(result.traceparent),
    }
    said = f": {result.message}" if result.message else ""
    to.log(level, "%s is %s%s", result.check, result.outcome.value, said, extra=fields)


def _is_news(result: Result, last: Result | None) -> bool:
    return last is None or (last.outcome, last.reason) != (result.outcome, result.reason)


def _called(key: Key) -> str:
    check, rule = key
    return f"{check or 'agent'}/{rule}"


def _of_alert(state: AlertState) -> Fields:
    return {
        **_of_incident(state.labels, state.incident or ""),
        "incident": incident_id(incident_key(state)),
        "reason": state.last_reason or None,
    }


def _of_incident(labels: Mapping[str, str], run: str) -> Fields:
    """`run` is the one that made it fire; of the agent's own alerts there may be none."""
    names = ("check", "region", "shard", "kind", "alert", "severity")
    ids = {**_of_run(run), "trace_id": run} if len(run) == _RUN_ID else {}  # as the runner has it
    return {**ids, **{name: labels.get(name) for name in names}}


def _of_run(run: str) -> Fields:
    return {"request_id": run, "run_id": run}


def _trace_id(traceparent: str) -> str | None:
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else None
