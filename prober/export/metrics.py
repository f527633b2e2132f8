"""What does Prometheus see of the checks?

Each family keeps the ready lines of each check. Those of a check that runs no
more than twice as often as somebody scrapes are written anew when it has run,
so that a scrape finds them ready; those of any other when somebody scrapes,
so that they are written once a scrape, however often it ran.

A scrape gives the loop back again and again, since the same loop is probing;
but not for ever: a busy agent is scraped within a second or so, too. What is
packed anew is left to a thread, part by part, and it is only what has changed.

Gauges of the last result show the last run that had a verdict. When there has
been none for too long they are withheld: a target that nobody sees is neither
up nor down. Counters stay.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import Executor
from functools import lru_cache
from math import inf

from prober.check import Check
from prober.clock import Clock, Courtesy
from prober.export.agent import AgentMetrics
from prober.export.board import CheckInfo, Row, horizon
from prober.export.family import group_of, label_pairs
from prober.export.lines import Child, Families
from prober.export.pack import HEAD, Gzip, packed
from prober.export.tally import Tally
from prober.result import Outcome, Reason, Result
from prober.series import Series

PIECE = 128 * 1024  # bytes that are put together before the loop is given back
LOOKS = 2000  # checks that are looked at before the loop is given back: about a millisecond
WRITING = 100  # writing the lines of a check is worth so many looks
SCRAPES = 5  # the last ones, that tell how often somebody scrapes
AT_FIRST = 10.0  # seconds between two scrapes, as long as nobody knows better
PATIENCE = 0.2  # seconds that a scrape gives to others, beyond a turn between two slices
AHEAD = 5.0  # seconds between two times of packing before anybody has scraped
WAIT = 120.0  # seconds in which whoever scrapes at all has done so


class Metrics:
    """The families of all checks of a region, and of the agent."""

    def __init__(self, region: str, clock: Clock, *, shard: str = "") -> None:
        self.agent = AgentMetrics(region, shard)
        self._region = region
        self._clock = clock
        self._children: dict[str, Child] = {}
        self._families = Families()
        self._scrapes: deque[float] = deque(maxlen=SCRAPES)
        self._often = (
            AT_FIRST / 2
        )  # seconds; a check of such an interval is written when it has run

    def add(
        self,
        check: Check,
        info: CheckInfo,
        *,
        series: Sequence[Series],
        reasons: Sequence[Reason],
        rules: Sequence[tuple[str, str]],
        edges: tuple[float, ...] = (),
    ) -> None:
        """A check that is new, or edited: of the same kind, it keeps what was counted.

        `series` is its kind's table, `rules` are pairs of a rule's name and severity,
        `edges` further ones by which its durations are counted.
        """
        child = self._children.get(check.name)
        if child is None or child.info.kind != info.kind:
            before = child
            self.remove(check.name)
            child = self._children[check.name] = self._child(check, info, reasons)
            if before is not None:
                child.firing, child.muted = before.firing, before.muted
                child.in_maintenance = before.in_maintenance
        child.check, child.info, child.rules = check, info, _by_name(tuple(rules))
        child.horizon = horizon(check)
        child.firing &= child.rules.keys()
        if child.until < inf:
            child.until = child.seen_at + child.horizon
        child.gauges = self._families.gauges(info.kind, series, child.group)
        child.shown = [None] * len(series)
        child.tally.expect(reasons)
        child.tally.measure(edges)
        child.describe()
        child.write()
        child.write_alerts()

    def measure(self, name: str, edges: tuple[float, ...]) -> None:
        """The durations of a check are counted by these edges, too, and by no others of this sort."""
        child = self._children.get(name)
        if child is not None and child.tally.measure(edges):
            child.write()

    def remove(self, name: str) -> None:
        """The check is gone, and so is everything that was said of it."""
        if child := self._children.pop(name, None):
            self._families.remove(name, child.group)

    def observe(self, result: Result, row: Row) -> None:
        """A run is over; `row` is what the board made of it."""
        child = self._children.get(result.check)
        if child is None:
            return
        child.tally.count(result)
        child.row = row
        if result.finding.outcome is not Outcome.UNKNOWN:
            child.see(result, self._clock.monotonic())
        if child.check.interval >= self._often:
            child.write()

    def restore(self, result: Result, row: Row) -> None:
        """The last verdict out of history: shown until it is too old, and counted as nothing."""
        child = self._children.get(result.check)
        if child is None:
            return
        child.row = row
        if result.outcome is not Outcome.UNKNOWN:
            age = max(0.0, self._clock.now() - result.started_at - result.seconds)
            child.see(result, self._clock.monotonic() - age)

    def alert(self, check: str, rule: str, severity: str, firing: bool) -> None:
        """A rule began to fire for a check, or ceased to."""
        child = self._children.get(check)
        if child is None:
            return
        if firing:
            child.rules = {rule: severity, **child.rules}
            child.firing |= {rule}
        else:
            child.firing -= {rule}
        child.write_alerts()

    def maintenance(self, check: str, active: bool) -> None:
        """A window has begun for a check, or is over."""
        if child := self._children.get(check):
            child.in_maintenance = active
            child.describe()

    def mute(self, check: str, rule: str, muted: bool) -> None:
        """Notices of a rule's alert are held back from now on, or no longer."""
        if child := self._children.get(check):
            child.muted = child.muted | {rule} if muted else child.muted - {rule}
            child.write_alerts()

    async def render(self, openmetrics: bool = False) -> AsyncGenerator[bytes, None]:
        """The whole exposition, piece by piece; other tasks run between the pieces."""
        courtesy = Courtesy(self._clock, PATIENCE)
        await self._catch_up(courtesy)
        piece = bytearray(self.agent.render(openmetrics))
        for family in self._families:
            for text in family.texts(openmetrics):
                piece += text
                if len(piece) >= PIECE:
                    yield bytes(piece)
                    piece.clear()
                    await courtesy.turn()
        yield bytes(piece) + b"# EOF\n" * openmetrics

    async def render_packed(
        self, pool: Executor, openmetrics: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """The same as one gzip file. `pool` packs, and is to be of one thread, always the same."""
        await self._catch_up(Courtesy(self._clock, PATIENCE))
        run, gzip = asyncio.get_running_loop().run_in_executor, Gzip()
        yield HEAD + gzip.of([packed(self.agent.render(openmetrics))])
        for family in self._families:
            yield await run(pool, gzip.of, family.parts(openmetrics))
        yield gzip.of([packed(b"# EOF\n" * openmetrics)]) + gzip.end()

    async def pack_ahead(self, pool: Executor) -> None:
        """From the start until the first scrape: packs now and then what has come.

        That scrape would have to pack everything else. `pool` is that of `render_packed`.
        """
        run, end = asyncio.get_running_loop().run_in_executor, self._clock.monotonic() + WAIT
        while not self._scrapes and self._clock.monotonic() < end:
            for family in self._families:
                await run(pool, family.pack)
            await self._clock.sleep(AHEAD)

    def _child(self, check: Check, info: CheckInfo, reasons: Sequence[Reason]) -> Child:
        labels = label_pairs(check=check.name, region=self._region)
        group, tally = group_of(check.name), Tally(info.kind, labels, reasons)
        child = Child(check, info, group, self._families.lines[group], labels, tally)
        child.start()
        return child

    async def _catch_up(self, courtesy: Courtesy) -> None:
        """Writes what has come since the last scrape, and takes back what is too old to be shown."""
        now = self._clock.monotonic()
        self._note_scrape(now)
        looks = 0
        for child in list(self._children.values()):
            if child.row is not None or child.until < now:
                self._bring_up_to_date(child, now)
                looks += WRITING
            looks += 1
            if looks >= LOOKS:
                await courtesy.turn()
                looks = 0

    def _bring_up_to_date(self, child: Child, now: float) -> None:
        name = child.check.name
        if self._children.get(name) is not child:
            return  # removed meanwhile
        if child.until < now:
            child.forget()
            self._families.withhold(name, child.group)
        if child.row is not None:
            child.write()

    def _note_scrape(self, now: float) -> None:
        """Two who scrape in turns are as good as one who does so twice as often."""
        self._scrapes.append(now)
        if (between := len(self._scrapes) - 1) > 0:
            self._often = (now - self._scrapes[0]) / between / 2


@lru_cache
def _by_name(rules: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """One for all checks that have the same rules."""
    return dict(rules)
