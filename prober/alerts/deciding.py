"""What did somebody decide, and may it be done?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2s

from prober.alerts import notice
from prober.alerts.book import Book, is_owed
from prober.alerts.decisions import Ack, Decision, Entry, Expire, Mute
from prober.alerts.hold import Holding
from prober.alerts.state import AlertState, Key
from prober.alerts.telling import Telling
from prober.errors import ProberError

LEAST = 6  # digits of an id that are enough, where they mean one incident
KNOWN_FOR = 86400.0  # seconds for which a mute that is over is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was done, in words for whoever asked, and what it was done to: an id."""

    said: str
    id: str


class Deciding:
    def __init__(self, *, book: Book, telling: Telling, holding: Holding) -> None:
        self.audit: list[Entry] = []  # not yet taken
        self.mutes: dict[str, Mute | None] = {}  # as well; None: over
        self._book = book
        self._telling = telling
        self._holding = holding
        self._known: dict[str, Mute] = {}

    def load(self, mutes: Iterable[Mute]) -> None:
        """Of an earlier life, or found late: what was decided since counts more."""
        for mute in mutes:
            if mute.id not in self._known and mute.id not in self.mutes:
                self._known[mute.id] = mute
                self._holding.put(mute)

    @property
    def known(self) -> Mapping[str, Mute]:
        return self._known

    def decide(self, decision: Decision, now: float) -> Decided:
        """Raises ProberError with what is wrong; then nothing was done."""
        match decision:
            case Mute():
                return self._mute(decision, now)
            case Ack():
                return self._ack(decision, now)
            case Expire():
                return self._expire(decision, now)

    def _mute(self, mute: Mute, now: float) -> Decided:
        if mute.ends_at <= max(now, mute.starts_at):
            raise ProberError(f"{mute.kind} {mute.id} would be over before it begins")
        lately = now - KNOWN_FOR
        self._known = {id_: one for id_, one in self._known.items() if one.ends_at > lately}
        self._known[mute.id] = self.mutes[mute.id] = mute
        self._holding.put(mute)
        what = ", ".join(str(one) for one in mute.matchers)
        self._note(mute.by, f"began {mute.kind}", f"{mute.id} {what}", mute.comment, now)
        return Decided(said=f"{mute.kind} {mute.id} holds", id=mute.id)

    def _expire(self, decision: Expire, now: float) -> Decided:
        known = self._known.get(decision.id)
        if known is None:
            raise ProberError(f"no silence or maintenance {decision.id!r}")
        if known.ends_at <= now:
            raise ProberError(f"{known.kind} {known.id} is over already")
        self._known[decision.id] = replace(known, ends_at=now)  # for whoever ends it again
        self.mutes[decision.id] = None
        self._holding.drop(decision.id)
        self._note(decision.by, f"ended {known.kind}", known.id, decision.comment, now)
        return Decided(said=f"{known.kind} {known.id} is over", id=known.id)

    def _ack(self, decision: Ack, now: float) -> Decided:
        key, state = self._named(decision.incident)
        id_ = notice.incident_id(notice.incident_key(state))
        if state.acked_at is not None:
            by = state.acked_by or "somebody"
            raise ProberError(f"incident {id_} was acknowledged by {by} already")
        after = replace(state, acked_at=now, acked_by=decision.by)
        self._telling.acknowledged(key, after, decision.comment, now)
        self._note(decision.by, "acknowledged", id_, decision.comment, now)
        return Decided(said=f"incident {id_} is acknowledged", id=id_)

    def _named(self, wanted: str) -> tuple[Key, AlertState]:
        """By its id, the first six or more digits of that, or its key."""
        found = [
            (key, state)
            for key, state in self._book.firing()
            if not is_owed(key) and _means(wanted, state)
        ]
        if not found:
            raise ProberError(f"no incident {wanted!r} fires; it is over already, or never was")
        if len(found) > 1:
            raise ProberError(f"{wanted!r} means {len(found)} incidents; write more of the id")
        return found[0]

    def _note(self, who: str, did: str, what: str, why: str, now: float) -> None:
        whole = f"{now!r} {who} {did} {what}".encode(errors="replace")
        id_ = blake2s(whole, digest_size=8).hexdigest()
        self.audit.append(Entry(id=id_, at=now, who=who, did=did, what=what, why=why))


def _means(wanted: str, state: AlertState) -> bool:
    key = notice.incident_key(state)
    if wanted == key:
        return True
    return len(wanted) >= LEAST and notice.incident_id(key).startswith(wanted)
