"""When is the agent itself at fault? While it gets no verdict on a check.

    well    --3 x unknown, or 1 x unknown for its script-->  faulty
    faulty  --a verdict, up or down-->                       well

There is one alert of it for the whole agent, ProberAgentFault: it fires with
the first check that is faulty and is over with the last, and in between its
words follow what is faulty. The rules of the
check know nothing of this. It is all kept as alert states, under names that no
config can give: the alert's check is empty, and what counts a check's unknown
runs is a rule that begins with @.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import islice

from prober.alerts.conditions import Failures
from prober.alerts.notice import Delivery, Event
from prober.alerts.plan import Plan, Watched
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import QUIET, AlertState, Key
from prober.result import Outcome, Reason, Result

AGENT = ""  # stands where other alerts have their check
FAULT: Key = (AGENT, "agent-fault")
OWN = (FAULT[1], "offline", "undelivered", "store")  # the agent's own alerts
NO_VERDICT = "@no-verdict"
RUNS = 3  # unknown in a row, until a check is faulty
NAMED = 10  # checks that a notice names
OTHERS = "and others"
SHOWN = 300  # characters of a check's message


def watched(plan: Plan) -> Watched:
    """The agent, as if it were a check."""
    rules = (
        EffectiveRule(name=name, condition=Failures(RUNS), severity=plan.severity) for name in OWN
    )
    return Watched(kind="agent", rules=tuple(rules), labels=plan.labels)


def judged(state: AlertState, result: Result) -> AlertState:
    """What stands under NO_VERDICT after `result`; itself where nothing is new."""
    if result.outcome is not Outcome.UNKNOWN:
        return QUIET
    if result.reason is Reason.OFFLINE:
        return state  # there is an alert of its own for that
    at_once = result.reason is Reason.SCRIPT
    message, reason = result.message[:SHOWN], result.reason.value if result.reason else ""
    first = state if state.streak else AlertState(since=result.started_at)
    after = replace(
        first,
        streak=RUNS if at_once else min(state.streak + 1, RUNS),
        last_message=message,
        last_reason=reason,
    )
    return state if after == state else after


class Faults:
    """Which checks are faulty, and in what words. Their states belong to the incidents."""

    def __init__(self) -> None:
        self.checks: dict[str, str] = {}  # the faulty ones, with their last messages
        self.doubted: set[str] = set()  # all that had no verdict when they last ran
        self._reasons: dict[str, str] = {}  # of the faulty ones

    def note(self, check: str, state: AlertState) -> None:
        """What stands under NO_VERDICT of a check is this now."""
        if state.streak == 0:
            self.doubted.discard(check)
        else:
            self.doubted.add(check)
        if state.streak >= RUNS:
            self.checks[check] = state.last_message
            self._reasons[check] = state.last_reason
        else:
            self.checks.pop(check, None)
            self._reasons.pop(check, None)

    def fired(self, unseen: AlertState, run: Result, now: float) -> AlertState:
        """The agent's alert after the run that made the first check faulty."""
        return self.reworded(
            AlertState(
                incident=run.run_id,
                since=unseen.since,
                fired_at=now,
                notified_at=now,
                first_message=unseen.last_message,
                first_reason=unseen.last_reason,
            )
        )

    def reworded(self, fault: AlertState) -> AlertState:
        """The agent's alert in the words of what is faulty now; itself while that is the same."""
        checks = listed(self.checks)
        if not checks or checks == fault.details.get("checks"):
            return fault
        newest = next(reversed(self.checks))
        were = _with(fault.details.get("were", ""), islice(self.checks, NAMED + 1))
        return replace(
            fault,
            last_message=self.checks[newest],
            last_reason=self._reasons[newest],
            details={"checks": checks, "were": were, "messages": self._messages()},
        )

    def _messages(self) -> str:
        said = [f"{check}: {text}" for check, text in islice(self.checks.items(), NAMED)]
        if (more := len(self.checks) - NAMED) > 0:
            said.append(f"and {more} more")
        if others := len(self.doubted) - len(self.checks):
            said.append(f"other checks that had no verdict when they last ran: {others}")
        return "; ".join(said)


def may_wait(said: Iterable[Delivery]) -> bool:
    """Whether it is only the beginning of a fault: what breaks together is named together."""
    return all(
        one.notice.event is Event.FIRING and one.notice.labels["kind"] == "agent" for one in said
    )


def _with(were: str, checks: Iterable[str]) -> str:
    """Every check that was faulty in this incident, up to `NAMED` and a word of the others."""
    names = dict.fromkeys(filter(None, were.split(", ")))
    if OTHERS in names:
        return were
    names |= dict.fromkeys(checks)
    return ", ".join((*islice(names, NAMED), *((OTHERS,) if len(names) > NAMED else ())))


def listed(checks: Collection[str]) -> str:
    """`api, web and 3 more`."""
    names = list(islice(checks, NAMED))
    if (more := len(checks) - len(names)) > 0:
        return f"{', '.join(names)} and {more} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
