"""The application with incidents to ask for, and somebody who decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from prober.alerts.decisions import Decision, Entry, Mute
from prober.alerts.matchers import parse
from prober.alerts.state import AlertState, Key
from prober.errors import ProberError
from prober.store.records import Listed, Story, Wanted
from prober.web.sources import Sources
from tests.fake_clock import NOON
from tests.store.test_outbox import fired
from tests.web.serve import Agent


@dataclass
class Desk(Agent):
    decided: list[Decision] = field(default_factory=list)
    refuses: str = ""
    broken: str = ""  # what is wrong with the disk
    states: dict[Key, AlertState] = field(default_factory=lambda: {("api", "down"): fired()})
    mutes: dict[str, Mute] = field(default_factory=dict)
    stories: list[Story] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    reaching: bool = True  # what is decided has something that it holds back
    telling: bool = True

    async def decide(self, decision: Decision) -> str:
        if self.refuses:
            raise ProberError(self.refuses)
        self.decided.append(decision)
        return "it is done"

    async def incidents(self, wanted: Wanted) -> Sequence[Listed]:
        self._look()
        self.wanted.append(wanted)
        return [Listed(one.record, one.heard) for one in self.stories]

    async def incident(self, known: str) -> Story | None:
        self._look()
        return next((one for one in self.stories if known in (one.record.id, one.record.key)), None)

    async def audit(self, limit: int) -> Sequence[Entry]:
        self._look()
        return self.log[:limit]

    def _look(self) -> None:
        if self.broken:
            raise ProberError(self.broken)

    def sources(self) -> Sources:
        return replace(
            super().sources(),
            decide=self.decide,
            incidents=self.incidents,
            incident=self.incident,
            audit=self.audit,
            states=lambda: self.states,
            mutes=lambda: self.mutes,
            reaches=lambda _: self.reaching,
            tells=lambda: self.telling,
            scrub=lambda text: text.replace("hunter2", "***"),
        )


def mute(id_: str = "3f9a0c1d", **more: object) -> Mute:
    whole = Mute(
        id=id_,
        kind="silence",
        matchers=(parse('check=~"a.*"'), parse("team!=web")),
        starts_at=NOON - 60,
        ends_at=NOON + 3600,
        by="ana@desk",
        comment="a new disk",
        at=NOON - 60,
    )
    return replace(whole, **more)  # type: ignore[arg-type]
