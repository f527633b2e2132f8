"""Which incidents, mutes and audit entries have yet to be written, and which a new file would need?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from prober.alerts.decisions import Entry, Mute
from prober.alerts.records import Record

MOST = 10_000  # incidents, and audit entries, that wait for the store; the oldest go first


class Kept:
    """`lost` hears how many rows were given up because too many waited."""

    def __init__(self, lost: Callable[[int], None]) -> None:
        self._lost = lost
        self._burning: dict[str, Record] = {}
        self._mutes: dict[str, Mute] = {}
        self._incidents: dict[str, Record] = {}  # not yet written, as are the next two
        self._muted: dict[str, Mute | None] = {}
        self._audit: dict[str, Entry] = {}

    def __bool__(self) -> bool:
        return bool(self._incidents or self._muted or self._audit)

    @property
    def mutes(self) -> Mapping[str, Mute]:
        """By id; some may be over by now."""
        return self._mutes

    def load(self, mutes: Iterable[Mute]) -> None:
        self._mutes = {one.id: one for one in mutes}

    def join(self, mutes: Iterable[Mute]) -> None:
        """Found late: what was decided since counts more."""
        found = {one.id: one for one in mutes if one.id not in self._muted}
        self._mutes = {**found, **self._mutes}

    def note(
        self,
        incidents: Iterable[Record],
        mutes: Mapping[str, Mute | None],
        audit: Iterable[Entry],
    ) -> None:
        for record in incidents:
            self._note(record)
        for id_, mute in mutes.items():
            self._muted[id_] = mute
            if mute is None:
                self._mutes.pop(id_, None)
            else:
                self._mutes[id_] = mute
        self._audit |= {entry.id: entry for entry in audit}
        self._shed()

    def take(
        self, now: float, *, whole: bool
    ) -> tuple[tuple[Record, ...], Mapping[str, Mute | None], tuple[Entry, ...]]:
        """What is new; with `whole` also what burns, and the mutes that are not over."""
        incidents, self._incidents = self._incidents, {}
        muted, self._muted = self._muted, {}
        audit, self._audit = self._audit, {}
        if whole:
            self._mutes = {id_: one for id_, one in self._mutes.items() if one.ends_at > now}
            return (
                tuple({**self._burning, **incidents}.values()),
                dict(self._mutes),
                tuple(audit.values()),
            )
        return tuple(incidents.values()), muted, tuple(audit.values())

    def put_back(self, incidents: Sequence[Record], audit: Sequence[Entry]) -> None:
        """As if it had never been taken. The whole truth, which comes next, has all mutes."""
        newer, self._incidents = self._incidents, {one.id: one for one in incidents}
        for record in newer.values():
            self._note(record)
        self._audit = {**{entry.id: entry for entry in audit}, **self._audit}
        self._shed()

    def _note(self, record: Record) -> None:
        id_ = record.id
        earlier = self._incidents.get(id_)
        after = record if earlier is None else record.after(earlier)
        self._incidents[id_] = after
        if after.resolved_at is not None:
            self._burning.pop(id_, None)
            return
        known = self._burning.get(id_)
        self._burning[id_] = after if known is None else after.after(known)

    def _shed(self) -> None:
        rows: dict[str, Record] | dict[str, Entry]
        for rows in (self._incidents, self._audit):
            if (surplus := len(rows) - MOST) > 0:
                for id_ in list(islice(rows, surplus)):
                    del rows[id_]
                self._lost(surplus)
