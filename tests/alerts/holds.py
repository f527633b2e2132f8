"""Holds that a test opens and closes, and a story that one result a second happens to."""

from __future__ import annotations

from collections.abc import Mapping

from prober.alerts.decisions import Mute
from prober.alerts.incidents import Incidents
from prober.alerts.matchers import matches
from prober.alerts.notice import Delivery, Event
from prober.alerts.plan import Plan
from prober.alerts.state import AlertState, Key
from prober.result import Outcome
from tests.alerts.samples import result
from tests.fake_clock import NOON

LETTERS = {
    Event.FIRING: "F",
    Event.RESOLVED: "R",
    Event.REMINDER: "m",
    Event.ESCALATED: "e",
    Event.ACKNOWLEDGED: "a",
    Event.FLAPPING: "l",
    Event.WINDOW_BEGUN: "[",
    Event.WINDOW_OVER: "]",
}


class Spans:
    """Windows of all checks (or of those named), and the mutes that were decided."""

    def __init__(self, *spans: tuple[float, float], checks: tuple[str, ...] = ()) -> None:
        self.spans = list(spans)
        self.checks = checks
        self.mutes: dict[str, Mute] = {}

    def why(self, check: str, labels: Mapping[str, str], now: float) -> str:
        if not self.checks or check in self.checks:
            for start, end in self.spans:
                if start <= now < end:
                    return "maintenance weekly"
        for mute in self.mutes.values():
            if mute.starts_at <= now < mute.ends_at and matches(mute.matchers, labels):
                return f"silence {mute.id}"
        return ""

    def next(self, now: float) -> float | None:
        bounds = [bound for span in self.spans for bound in span]
        bounds += [at for one in self.mutes.values() for at in (one.starts_at, one.ends_at)]
        return min((bound for bound in bounds if bound > now), default=None)

    def put(self, mute: Mute) -> None:
        self.mutes[mute.id] = mute

    def drop(self, id: str) -> None:  # noqa: A002
        self.mutes.pop(id, None)


class Held:
    """Time goes on by `till` and by runs; what is due by time alone happens when it is."""

    def __init__(self, plan: Plan, holding: Spans, states: Mapping[Key, AlertState] | None = None):
        self.plan = plan
        self.holding = holding
        self.now = NOON
        self.alerted: list[tuple[str, str, str, bool]] = []
        self.said: list[tuple[float, Delivery]] = []  # all of it, and when
        self.start(states or {})

    def start(self, states: Mapping[Key, AlertState], mutes: tuple[Mute, ...] = ()) -> None:
        self.incidents = Incidents(lambda *heard: self.alerted.append(heard), holding=self.holding)
        self.incidents.load(states, mutes)
        self.incidents.configure(self.plan, self.now)
        self._take()

    def restart(self) -> None:
        """As it is after a crash of which everything was kept."""
        self._take()
        states = {
            key: AlertState.from_json(state.to_json())
            for key, state in self.incidents.states.items()
        }
        mutes = tuple(self.incidents.deciding.known.values())
        self.start(states, mutes)

    def reload(self, plan: Plan) -> None:
        self.plan = plan
        self.incidents.configure(plan, self.now)
        self._take()

    def run(self, *outcomes: Outcome, check: str = "api", every: float = 1.0) -> str:
        """What is said during so many runs."""
        before = len(self.said)
        for outcome in outcomes:
            self.till(self.now + every)
            self.incidents.put(result(outcome, check=check, at=self.now), self.now)
            self._take()
        return self.letters(before)

    def till(self, moment: float) -> str:
        """What is said by then, if nothing runs."""
        before = len(self.said)
        self._take()
        for _ in range(1000):
            wake = self.incidents.next_wake
            if wake is None or wake > moment:
                self.now = max(self.now, moment)
                return self.letters(before)
            self.now = max(self.now, wake)
            self.incidents.tick(self.now)
            self._take()
        raise AssertionError("it is due again and again")

    def letters(self, since: int = 0) -> str:
        return "".join(LETTERS[one.notice.event] for _, one in self.said[since:])

    def _take(self) -> None:
        saying = self.incidents.saying
        self.said += [(self.now, one) for one in saying.said]
        saying.said, saying.reworded, saying.records = [], {}, []
