"""Where does every alert stand, and what of that is yet to be kept, shown, and looked at?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prober.alerts.alarms import Alarms
from prober.alerts.faults import NO_VERDICT, Faults
from prober.alerts.notice import incident_key
from prober.alerts.state import QUIET, AlertState, Key

_OVER = "@over "  # before the name of the rule: an end of which nobody has been told yet


def owed(key: Key) -> Key:
    """Where an alert's end is kept that is yet to be told; the alert itself goes on meanwhile."""
    return key[0], _OVER + key[1]


def is_owed(key: Key) -> bool:
    return key[1].startswith(_OVER)


def is_held(state: AlertState) -> bool:
    """Whether it fires and nobody knows, since something holds it back."""
    return state.told_at is None and state.held != "" and state.firing


class Book:
    """`alerted` hears (check, rule, severity, firing) whenever that changes."""

    def __init__(self, alerted: Callable[[str, str, str, bool], None]) -> None:
        self.states: dict[Key, AlertState] = {}  # without those that are quiet
        self.dirty: set[Key] = set()  # states that differ from what is kept
        self.burning: set[str] = set()  # the incident keys of what fires, or whose end is owed
        self.unseen: set[Key] = set()  # of an earlier life, and nobody has looked since
        self.waiting: dict[Key, None] = {}  # held back or owed: a hold may be over for them
        self.beside: set[str] = set()  # checks whose runs concern more than their own rules
        self.alarms = Alarms()
        self.faults = Faults()
        self._parents: frozenset[str] = frozenset()
        self._alerted = alerted
        self._shown: dict[Key, str] = {}  # severity, as `alerted` has heard it

    def load(self, states: Mapping[Key, AlertState]) -> None:
        """The states of an earlier life."""
        for key, state in states.items():
            self.set(key, state)
            if state.firing:
                self.burning.add(incident_key(state))
                if not is_owed(key):
                    self.unseen.add(key)

    def configure(self, parents: frozenset[str]) -> None:
        """Of these every run is to be known."""
        self._parents = parents
        self.beside = self.faults.doubted | parents

    def get(self, key: Key) -> AlertState:
        return self.states.get(key, QUIET)

    def keep(self, key: Key, state: AlertState) -> None:
        self.dirty.add(key)
        self.set(key, state)

    def set(self, key: Key, state: AlertState) -> None:
        if state == QUIET:
            self.states.pop(key, None)
        else:
            self.states[key] = state
        if is_held(state) or state.ended_at is not None:
            self.waiting[key] = None
        else:
            self.waiting.pop(key, None)
        if key[1] == NO_VERDICT:
            self._note_verdict(key[0], state)

    def show(self, key: Key, severity: str | None) -> None:
        """None: it fires no more."""
        shown = self._shown.pop(key, None)
        if severity is not None:
            self._shown[key] = severity
        if severity == shown:
            return
        if shown is not None:
            self._alerted(*key, shown, False)
        if severity is not None:
            self._alerted(*key, severity, True)

    def over(self, key: Key) -> None:
        """It fires no more, whoever has yet to hear of that."""
        self.show(key, None)
        self.alarms.drop(key)
        self.unseen.discard(key)

    def firing(self) -> Iterable[tuple[Key, AlertState]]:
        """What burns, and what receivers still hold for burning."""
        return ((key, state) for key, state in self.states.items() if state.firing)

    def held(self) -> Iterable[Key]:
        """What fires and nobody knows of."""
        return (key for key in self.waiting if is_held(self.states[key]))

    def _note_verdict(self, check: str, state: AlertState) -> None:
        self.faults.note(check, state)
        if check in self.faults.doubted or check in self._parents:
            self.beside.add(check)
        else:
            self.beside.discard(check)
