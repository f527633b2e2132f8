"""The agent: every check followed from due to told, until it is asked to stop. THE ROAD.

    _follow: sleep until due ─► runner ─► parts.observe: table, metrics, settle (─► deliver)

One process, one loop, one task per check, so runs of a check never overlap.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from prober import process
from prober.clock import Clock, SystemClock
from prober.config.child import load_in_child
from prober.config.difference import cannot_change, difference
from prober.config.model import Config
from prober.config.shard import counted, own
from prober.config.watch import EVERY, Watch
from prober.errors import ConfigError, ProberError, Problem
from prober.parts import Parts
from prober.probes import lead
from prober.result import Outcome
from prober.schedule import Rhythm, Start, missed, waking
from prober.serving import Doors, sources
from prober.store.database import Store
from prober.web import server
from prober.web.app import application
from prober.web.stream import PACKING

log = logging.getLogger(__name__)

OnConfig: TypeAlias = Callable[[Config], None]
OnReady: TypeAlias = Callable[[str], None]

# Seconds that a stop gives to runs under way, to what is to be written, and to notices: with the
# rest of it well below the 10 s that it may take.
STOP_RUNS, STOP_WRITE, STOP_TELL = 5.0, 1.0, 1.5
PRUNE_EVERY = 300.0  # seconds


def ignore(news: Config | str) -> None:
    """For who does not want to be told."""


async def run(
    config: Config,
    path: Path,
    *,
    on_config: OnConfig = ignore,
    on_ready: OnReady = ignore,
) -> None:
    """Runs until SIGTERM or SIGINT, then drains.

    `on_ready` is told the agent's URL once it serves, `on_config` each config
    that a reload brings. Raises StartError where data_dir or port are not to be had.
    """
    process.prepare()
    if config.agent.shard:
        log.info("%s", counted(config))
    config, clock = own(config), SystemClock()
    store = Store.open(config.agent.data_dir, clock)
    try:
        sock = server.bind(config.web.host, config.web.port)
        await Agent(config, path, store, clock, on_config).serve(sock, on_ready)
    finally:
        await store.close()


class Agent:
    def __init__(
        self, config: Config, path: Path, store: Store, clock: Clock, on_config: OnConfig
    ) -> None:
        self._parts = Parts(config, store, clock, self._ask)
        self._path = path
        self._clock = clock
        self._on_config = on_config
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._targets = Watch(config.targets)
        self._ready = False
        self._hung_up = False
        self._checks = {check.name: check for check in config.checks}
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._running: set[str] = set()  # checks with a run under way
        self._asked: dict[str, asyncio.Task[None]] = {}  # runs beside the schedule
        self._again: set[str] = set()  # to be asked when the run under way has ended
        self._signalled: set[asyncio.Task[None]] = set()  # reloads that a signal asked for

    async def serve(self, sock: socket.socket, on_ready: OnReady) -> None:
        """Everything from the first schedule to the end of the drain."""
        parts = self._parts
        try:
            self._listen_to_signals()
            await parts.restore()
            doors = Doors(healthy=self._healthy, ready=lambda: self._ready, reload=self.reload)
            app = application(sources(parts, doors))
            async with (
                server.serving(app, sock) as url,
                asyncio.TaskGroup() as tasks,
            ):
                self._tasks = tasks
                works = (parts.pulse.run, parts.settle.run, parts.deliverer.run, parts.reports.run)
                minding = (parts.muting.run, parts.connectivity.run, parts.refill)
                pack = partial(parts.metrics.pack_ahead, app[PACKING])
                duties = (*works, *minding, parts.tracing.run, pack, self._prune, self._watch)
                background = [tasks.create_task(duty()) for duty in duties]
                self._schedule(list(self._checks))
                process.settle_down()
                self._ready = True
                if self._hung_up:
                    self._hang_up()  # asked for while we were starting
                log.info("watching %d checks, serving on %s", len(self._checks), url)
                on_ready(url)
                await self._stopping.wait()
                await self._drain()
                for task in background:
                    task.cancel()
        finally:
            parts.close()

    # The road

    def _schedule(self, names: Sequence[str]) -> None:
        rate = sum(1 / check.interval for check in self._checks.values())
        start = Start(self._clock.monotonic(), len(names), rate)
        for name in names:
            dues = start.rhythm(name, self._checks[name].interval)
            self._followers[name] = self._tasks.create_task(self._follow(name, dues), name=name)

    async def _follow(self, name: str, dues: Rhythm) -> None:
        """The way of one check, in order, until it is removed or the agent stops."""
        slot = 0
        while not self._stopping.is_set():
            due = dues.due(slot)
            wake = waking(due, lead(self._checks[name]), self._clock.monotonic())
            await self._clock.sleep_until(wake)
            begun = self._clock.monotonic()
            self._parts.metrics.agent.schedule_lag.observe(max(0.0, begun - wake))
            if self._parts.muting.is_paused(name):
                self._parts.metrics.agent.runs_skipped.labels("maintenance").inc()
            else:
                if asked := self._asked.get(name):
                    await asyncio.wait({asked})
                self._running.add(name)
                try:
                    await self._turn(name, due)
                finally:
                    self._running.discard(name)
                if name in self._again:
                    self._ask_again(name)
            following = dues.next_slot(slot, self._clock.monotonic())
            for reason, count in missed(dues, slot, following, begun):
                self._parts.metrics.agent.runs_skipped.labels(reason).inc(count)
            slot = following

    async def _turn(self, name: str, due: float | None = None) -> None:
        """One run, and what becomes of it."""
        try:
            result = await self._parts.runner.run(self._checks[name], due)
            if result.finding.outcome is not Outcome.UP or name in self._parts.failing:
                result = await self._parts.weighed(result)
            self._parts.observe(result)
        except Exception:  # once per turn, or one fault of ours would end every check
            log.exception("the turn of %s raised", name)

    def _ask(self, name: str) -> None:
        """One run more, at once: an alert waits for it. The check's rhythm stays as it is."""
        gone = name not in self._followers or self._stopping.is_set()
        if gone or self._parts.muting.is_paused(name):
            return
        if name in self._running or name in self._asked:
            self._again.add(name)  # what runs now began before the question
            return
        task = self._asked[name] = self._tasks.create_task(self._turn(name), name=name)
        task.add_done_callback(lambda _: self._ask_again(name))

    def _ask_again(self, name: str) -> None:
        self._asked.pop(name, None)
        if name in self._again:
            self._again.discard(name)
            self._ask(name)

    # Reload

    async def reload(self, *, if_changed: bool = False) -> Sequence[str]:
        """Reads the config again and touches only what changed; what that was, a text each.

        `if_changed`: nothing, unless files of targets have changed since the last time.
        Raises ConfigError with every reason; then nothing at all has changed.
        """
        async with self._reloading:
            try:
                # If it fails, the next change is worth another try.
                if not await self._targets.changed() and if_changed:
                    return ()
                loaded = await load_in_child(self._path, os.environ)
                old, new = self._parts.config, loaded.config
                if refused := cannot_change(old, new):
                    raise ConfigError([Problem(str(self._path), 0, "", text) for text in refused])
            except ProberError as error:
                self._parts.reload_failed()
                for reason in str(error).splitlines():
                    log.error("reload refused, the old config goes on: %s", reason)  # noqa: TRY400  # theirs, not ours
                raise
            for warning in loaded.warnings:
                log.warning("%s", warning)
            return await self._adopt(old, new)

    async def _adopt(self, old: Config, new: Config) -> Sequence[str]:
        changes = await difference(old, new)
        if self._stopping.is_set():
            raise ProberError("the agent is stopping")
        self._on_config(new)
        self._targets.configure(new.targets)
        for name in (*changes.removed, *changes.moved):
            self._followers.pop(name).cancel()
            if asked := self._asked.get(name):
                asked.cancel()
        self._checks = {check.name: check for check in new.checks}
        await self._parts.adopt(new, (*changes.added, *changes.changed), changes.removed)
        self._schedule((*changes.added, *changes.moved))
        log.info("reloaded: %s", changes)
        return str(changes).split("; ")

    async def _watch(self) -> None:
        """Takes up files of targets that were changed, without being asked."""
        while True:
            await self._clock.sleep(EVERY)
            await self._reload_by_signal(if_changed=True)

    async def _reload_by_signal(self, *, if_changed: bool = False) -> None:
        try:
            await self.reload(if_changed=if_changed)
        except ProberError:
            return  # said in the log and in the metrics

    # Start and stop

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _hang_up(self) -> None:
        self._hung_up = True
        if not self._ready:
            return
        task = self._tasks.create_task(self._reload_by_signal())
        self._signalled.add(task)
        task.add_done_callback(self._signalled.discard)

    async def _drain(self) -> None:
        """Starts no more runs, gives those under way some time, writes and tells what there is."""
        self._ready = False
        self._parts.browsers.stop()  # a journey that waits for its turn is a run not started
        log.info("stopping; runs under way: %d", len(self._running))
        waiting = (task for name, task in self._followers.items() if name not in self._running)
        for task in (*waiting, *self._asked.values(), *self._signalled):
            task.cancel()
        probing = self._tasks.create_task(self._parts.probing.drain(STOP_RUNS))
        if running := [self._followers[name] for name in self._running]:
            _, late = await asyncio.wait(running, timeout=STOP_RUNS)
            cut = self._parts.browsers.cut()  # these have a result in a moment
            for task in (one for one in late if one.get_name() not in cut):
                log.warning("the run of %s was cut off by the stop, no result", task.get_name())
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await probing
        await asyncio.gather(
            self._parts.settle.flush(STOP_WRITE), self._parts.reports.flush(STOP_WRITE)
        )
        await asyncio.gather(
            self._parts.deliverer.drain(STOP_TELL), self._parts.tracing.drain(STOP_TELL)
        )
        await self._parts.settle.flush(STOP_WRITE)  # what was told just now is not told again
        log.info("stopped")

    async def _prune(self) -> None:
        while True:
            await self._clock.sleep(PRUNE_EVERY)
            try:
                await self._parts.store.prune()
            except ProberError as error:
                log.warning("old history was not pruned: %s", error)
            await self._parts.browsers.prune()
            process.sweep()

    def _healthy(self) -> bool:
        """The schedule turns: nobody who follows a check has gone."""
        return not any(task.done() for task in self._followers.values()) or not self._ready
