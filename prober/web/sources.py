"""What are the answers made of?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from prober import __version__
from prober.alerts.decisions import Decision, Entry, Mute
from prober.alerts.state import AlertState, Key
from prober.clock import Clock
from prober.errors import ProberError
from prober.export.board import Board
from prober.export.metrics import Metrics
from prober.store.records import Listed, Story, Wanted
from prober.web.probing import Probing


async def _nobody_decides(_: Decision) -> str:
    raise ProberError("nothing can be decided here")


async def _none(_: object) -> tuple[()]:
    return ()


async def _no_story(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All that the handlers may ask; whatever is text in here has been scrubbed.

    `healthy`: the schedule turns. `ready`: from the first schedule until the
    drain. `reload` returns what changed, one text each, or raises a
    ProberError whose lines are all the reasons. `before_scrape` sets what is
    only measured when somebody scrapes. `notices` is what the page
    should say about the agent itself; `severities` the config's words, worst
    first. `decide` carries out what somebody decided, and says so once it is on
    disk (or why it is not), or raises a ProberError where it cannot be; what is
    remembered raises one where the disk fails. `states` are those of the alerts
    that are not quiet, `mutes` what was put in force by hand, by its id;
    `reaches` says whether there is anything that one can hold back, `tells`
    whether this agent sends notices at all. `scrub`
    takes the config's secrets out of what receivers said.
    """

    board: Board
    metrics: Metrics
    clock: Clock
    region: str
    external_url: str | None
    data_dir: Path
    healthy: Callable[[], bool]
    ready: Callable[[], bool]
    reload: Callable[[], Awaitable[Sequence[str]]]
    probing: Probing
    shard: str = ""  # where the region's checks are several agents'
    version: str = __version__
    before_scrape: Callable[[], None] = lambda: None
    notices: Callable[[], Sequence[str]] = tuple
    severities: Callable[[], Sequence[str]] = tuple
    decide: Callable[[Decision], Awaitable[str]] = _nobody_decides
    incidents: Callable[[Wanted], Awaitable[Sequence[Listed]]] = _none
    incident: Callable[[str], Awaitable[Story | None]] = _no_story
    audit: Callable[[int], Awaitable[Sequence[Entry]]] = _none
    states: Callable[[], Mapping[Key, AlertState]] = dict
    mutes: Callable[[], Mapping[str, Mute]] = dict
    reaches: Callable[[Mute], bool] = lambda _: True
    tells: Callable[[], bool] = lambda: True
    scrub: Callable[[str], str] = str

    @property
    def where(self) -> str:
        """Which agent this is, for people: its region, and its shard of that."""
        return f"{self.region} · {self.shard}" if self.shard else self.region


SOURCES = web.AppKey("sources", Sources)
