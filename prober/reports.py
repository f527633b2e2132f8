"""When is a report made, what goes into it, and what has been told already?

What the runs come to is added to the file once a minute and at the stop. That
a report was told is kept with the notice itself, in one transaction: a restart
tells none twice, and one that was missed is told at the start. A report that
cannot be made, since the store is gone, waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from prober.alerts import report as reporting
from prober.alerts.figures import Figures
from prober.alerts.notice import Notice
from prober.alerts.periods import REPORT, Report
from prober.alerts.report import SOON, Facts
from prober.alerts.scope import labels_of
from prober.alerts.state import QUIET
from prober.clock import Clock
from prober.config.model import Config
from prober.config.shard import own_labels
from prober.export.board import Board, Row
from prober.result import Result
from prober.settle import Settle
from prober.store import hours, records
from prober.store.database import Store, StoreError

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds between two additions to the file, and looks at what is due
DAY = 86400.0  # by more than that a clock that was set back does not silence a report


class Reports:
    """None of it may be called from a thread."""

    def __init__(self, *, store: Store, settle: Settle, board: Board, clock: Clock) -> None:
        self._store = store
        self._settle = settle
        self._board = board
        self._clock = clock
        self._config: Config | None = None
        self._hours = hours.Hours()
        self._silent = False  # said in the log that there is no store
        self.count = self._hours.count  # itself: asked for with every result
        self._writing = asyncio.Lock()

    def configure(self, config: Config) -> None:
        """After the store was loaded. One that is new begins now; one that is gone is forgotten."""
        self._config = config
        now = self._clock.now()
        wanted = {one.key for one in self._reports()}
        for key in [key for key in self._settle.states if key[1].startswith(REPORT)]:
            if key not in wanted:
                self._settle.remark(key, QUIET)
        for one in self._reports():
            self._told(one, now)

    async def run(self) -> None:
        """Until cancelled; then `flush` adds the rest."""
        while True:
            await self.turn()
            await self._clock.sleep(EVERY)

    async def turn(self) -> None:
        """Adds what is new, and tells what is due."""
        try:
            await self._write()
            for one in self._reports():
                await self._look_at(one)
        except StoreError as error:
            if not self._silent:
                log.warning("what reports are made of waits in memory: %s", error)
            self._silent = True
        else:
            self._silent = False

    async def flush(self, seconds: float) -> None:
        """At the stop, for so long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._write()
        except (TimeoutError, StoreError):
            log.warning("the runs of the last minute are missing in reports")

    def _reports(self) -> tuple[Report, ...]:
        config = self._config
        return config.reports if config is not None and config.notifies else ()

    def _told(self, one: Report, now: float) -> float:
        """Until when it was told last; one that never was, or by a wrong clock, begins now."""
        state = self._settle.states.get(one.key)
        if state is not None and state.since is not None and state.since <= now + DAY:
            return state.since
        self._settle.remark(one.key, replace(QUIET, since=now))
        return now

    async def _write(self) -> None:
        async with self._writing:
            taken = self._hours.take()
            if not taken:
                return
            try:
                await self._store.write(partial(hours.write, taken=taken))
            except StoreError:
                self._hours.put_back(taken)
                raise

    async def _look_at(self, one: Report) -> None:
        now = self._clock.now()
        if (moment := one.due(self._told(one, now), now)) is None:
            return
        said = await self._made(one, moment)
        if one in self._reports():  # a reload may have come in between
            self._settle.remark(one.key, replace(QUIET, since=moment), said, one.notify)

    async def _made(self, one: Report, moment: float) -> Notice | None:
        config = self._config
        assert config is not None  # noqa: S101 - there is no report without one
        facts = Facts(
            region=config.agent.region,
            period=one.period(moment),
            at=self._clock.now(),
            name=one.name or "",
            timezone=one.timezone or "UTC",
            labels=own_labels(config),
            external_url=config.web.external_url or "",
        )
        ends = dict(_certificates(self._board.rows, facts.at))
        return await self._store.ask(
            partial(_notice, one=one, config=config, facts=facts, ends=ends)
        )


def _notice(
    connection: sqlite3.Connection,
    *,
    one: Report,
    config: Config,
    facts: Facts,
    ends: Mapping[str, float],
) -> Notice | None:
    """Read and written beside the loop: of ten thousand checks that takes a while.

    None where it is all of other shards, which tell of it.
    """
    region, (since, until) = facts.region, facts.period
    covered = [
        check.name
        for check in config.checks
        if one.match.covers(labels_of(region, check.name, check.kind, check.labels))
    ]
    found = hours.read(connection, since, until)
    whole = replace(
        facts,
        checks={name: found.get(name, Figures()) for name in covered},
        incidents=[
            record
            for record in records.between(connection, since, until)
            if one.match.covers(record.labels)
        ],
        certificates={name: ends[name] for name in covered if name in ends},
    )
    is_others = config.agent.shard is not None and not (whole.checks or whole.incidents)
    return None if is_others else reporting.notice(whole, one.called)


def _certificates(rows: Mapping[str, Row], now: float) -> Iterator[tuple[str, float]]:
    """Those that end soon, by check, as its last run saw them, or the last that saw one."""
    for name, row in rows.items():
        for result in (row.last, row.verdict):
            if result is not None and (end := _end(result)) is not None:
                if end - now <= SOON:
                    yield name, end
                break


def _end(result: Result) -> float | None:
    end = result.facts.get("chain_not_after", result.facts.get("cert_not_after"))
    return end.timestamp() if isinstance(end, datetime) else None
