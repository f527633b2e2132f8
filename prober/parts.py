"""What an agent is made of: built from a config, filled from the store, brought in line with a reload."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from prober.alerts.decisions import Decision
from prober.alerts.faults import listed
from prober.alerts.mutes import Mutes
from prober.clock import Clock
from prober.config.model import Config
from prober.config.plan import plan
from prober.connectivity import Connectivity
from prober.deliver import Deliverer
from prober.export.board import Board
from prober.export.metrics import Metrics
from prober.journal import Journal
from prober.muting import Muting
from prober.pace import Pace
from prober.probes import Means
from prober.probes.browsers import Browsers, Setup
from prober.pulse import Pulse
from prober.refill import Refill
from prober.reports import Reports
from prober.result import Outcome, Result
from prober.runner import Runner
from prober.settle import Settle
from prober.shown import Shown
from prober.store.database import Store
from prober.tracing import Tracing
from prober.wanted import Wanted
from prober.web.probing import Probing
from prober.wire.network import Network

log = logging.getLogger(__name__)

SLICE = 200  # checks that are brought in line before the loop is given back
NEWS_AT_ONCE = 8  # runs in one turn of the loop that may open or end incidents: some milliseconds


class Parts:
    """Made inside the running loop; `close` ends what is not a task."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, ask: Callable[[str], None]
    ) -> None:
        self.config = config
        self.store = store
        self.clock = clock
        self.journal = Journal(clock.now)
        self.board = Board()
        shard = config.agent.shard
        self.metrics = Metrics(config.agent.region, clock, shard=str(shard or ""))
        self.shown = Shown(self.board, self.metrics)
        self.tracing = Tracing(clock, self.metrics.agent.traced)
        self.network = Network(clock, resolver=config.agent.resolver)
        self.browsers = self._browsers(config)
        self.wanted = Wanted(self.browsers.setup.env)
        self.pulse = Pulse(clock, self.metrics.agent.loop_lag.observe)
        self.mutes = Mutes()
        self.muting = Muting(mutes=self.mutes, metrics=self.metrics, clock=clock)
        self.settle = self._settle(ask)
        self.reports = Reports(store=store, settle=self.settle, board=self.board, clock=clock)
        self.deliverer = self._deliverer(config)
        self.runner = self._runner(config)
        self.connectivity = Connectivity(
            clock=clock,
            run=lambda check: self.runner.run(check),
            changed=self._connected,
            missed=self._missed,
        )
        self.failing: set[str] = set()  # checks that were not up when they last ran
        self._pace = Pace(NEWS_AT_ONCE)
        self.probing = Probing(lambda: self.config.modules, lambda: self.runner)
        self._refill = Refill(store, self.settle, clock, clock.now())
        self._store_is_up = True
        self._reload_refused = False

    async def restore(self) -> None:
        """Takes up where the last agent on this data_dir stopped, and says nothing about it."""
        left = await self.browsers.tidy()
        loaded = await self.store.load()
        self.settle.wait()
        verdicts = {name: verdict.outcome for name, verdict in loaded.verdicts.items()}
        self.settle.load(
            loaded.states, loaded.undelivered, loaded.since, mutes=loaded.mutes, verdicts=verdicts
        )
        await self.adopt(self.config, (check.name for check in self.config.checks), ())
        self.shown.restore(loaded)
        checks = {check.name: check for check in self.config.checks}
        for run in (one for one in left if one.check in checks):
            check = checks[run.check]
            self.observe(run.result(check.kind, self.config.agent.region, check.labels))
        over = (said for said in loaded.last if said.notice.event.is_over)
        self.deliverer.resume([*self.settle.standing(), *over], loaded.receipts)
        await self.deliverer.interrupted(loaded.interrupted)
        self.deliverer.hand(loaded.undelivered)
        await self._refill.first({name for name, out in verdicts.items() if out is Outcome.UP})

    async def refill(self) -> None:
        """What rules that look back need of the history, while everything else goes on."""
        checks = [check.name for check in self.config.checks]
        await self._refill.rest(checks)

    async def adopt(self, config: Config, changed: Iterable[str], removed: Iterable[str]) -> None:
        """From now on the agent is what `config` says; only the checks named are touched."""
        self._warn_of_lost_notifiers(config)
        self.config = config
        self.browsers.configure(config.agent.browser, config.scrub)
        self.wanted.say(config)
        self.runner = self._runner(config)
        self.metrics.agent.configure(config.notifiers)
        self.deliverer.configure(config.notifiers)
        self.muting.configure(config)
        self.connectivity.configure(config.connectivity)
        self.tracing.configure(config)
        checks = {check.name: check for check in config.checks}
        for count, name in enumerate(changed, 1):
            self.shown.enter(config, checks[name])
            if count % SLICE == 0:
                await asyncio.sleep(0)
        await self.shown.promised(config)
        self.settle.configure(plan(config))
        self.reports.configure(config)
        self.shown.remove(removed)
        self.failing &= checks.keys()
        self._reloaded(successful=True)

    def _warn_of_lost_notifiers(self, config: Config) -> None:
        for (check, rule), state in self.settle.states.items():
            for name in state.told if not rule.startswith("@") else ():
                if name not in config.notifiers:
                    log.warning(
                        "%s/%s fires and %s was told, which the config does not have: what is to be "
                        "said at its end waits a day for it to come back",
                        *(check, rule, name),
                    )

    def reload_failed(self) -> None:
        self._reloaded(successful=False)

    async def weighed(self, result: Result) -> Result:
        """What a run is to be taken for that is not as well as all are; to be observed at once."""
        if result.finding.outcome is Outcome.UP:
            self.failing.discard(result.check)
        else:
            self.failing.add(result.check)
        if result.finding.outcome is Outcome.DOWN:
            result = await self.connectivity.judged(result)
        await self._pace.turn()
        return result

    def observe(self, result: Result) -> None:
        """A result on its way: the table, the metrics, and on to history and alerts."""
        row = self.board.rows.get(result.check)
        if row is None:
            return  # removed by a reload while it ran
        last, state = row.last, row.state
        result = self.muting.stamped(result)
        self.shown.observe(row, result)
        self.journal.run(result, last, changed=row.state is not state)
        self.settle.put(result)
        self.reports.count(result)
        if self.tracing.put is not None:
            self.tracing.put(result)

    def before_scrape(self) -> None:
        """Puts into the metrics what is only asked for when somebody scrapes."""
        for notifier, count in self.deliverer.pending.items():
            self.metrics.agent.outbox_pending.labels(notifier).set(count)
        self.metrics.agent.outbox_oldest.set(self.deliverer.oldest)
        self.muting.hold(self.settle.held)

    def close(self) -> None:
        self.connectivity.close()
        self.network.close()

    def notices(self) -> list[str]:
        """What whoever looks at the page should know about the agent itself."""
        said = []
        if not self._store_is_up:
            said.append("History and alert state cannot be written; alerts go on from memory.")
        if self._reload_refused:
            said.append(
                "The last reload was refused, the config before it runs on; the log says why."
            )
        if missing := self.wanted.missing(self.config):
            said.append(f"Journeys are not run: {missing}.")
        if self.connectivity.offline:
            said.append("The agent is cut off: none of the addresses under connectivity answers.")
        if faulty := self.settle.faulty:
            said.append(f"No verdict on {listed(faulty)}; ProberAgentFault fires.")
        if not self.config.checks:
            shard = self.config.agent.shard
            said.append(f"No check is in shard {shard}." if shard else "The config has no checks.")
        return said

    def store_up(self, up: bool) -> None:
        if up and not self._store_is_up:  # it may have brought incidents that we had not known
            self.deliverer.resume(self.settle.standing())
        self._store_is_up = up
        self.metrics.agent.store_up.set(int(up))

    def store_errors(self, count: int) -> None:
        self.metrics.agent.store_errors.inc(count)

    def committed(self, seconds: float) -> None:
        self.metrics.agent.store_commit.observe(seconds)

    def _settle(self, ask: Callable[[str], None]) -> Settle:
        return Settle(
            store=self.store,
            clock=self.clock,
            hand=lambda deliveries: self.deliverer.hand(deliveries),
            alerted=self._alerted,
            ended=self.journal.over,
            counters=self,
            ask=ask,
            holding=self.mutes,
            last_good=self.shown.last_good,
        )

    def _deliverer(self, config: Config) -> Deliverer:
        return Deliverer(
            notifiers=config.notifiers,
            clock=self.clock,
            mark=self.settle.mark,
            counted=self._told,
            burns=self.settle.burns,
            claim=self.settle.claim,
            undelivered=self._undelivered,
            scrub=lambda text: self.config.scrub(text),
        )

    def _browsers(self, config: Config) -> Browsers:
        counted = self.metrics.agent
        return Browsers(
            self.clock,
            Setup(
                data_dir=config.agent.data_dir,
                queued=counted.journey_queue.observe,
                started=counted.journey_startup.observe,
                withheld=counted.evidence_withheld.inc,
            ),
        )

    def _runner(self, config: Config) -> Runner:
        return Runner(
            region=config.agent.region,
            clock=self.clock,
            means=Means(self.network, self.browsers),
            pulse=self.pulse,
            scrub=config.scrub,
        )

    def _connected(self, connected: bool) -> None:
        self.metrics.agent.connectivity.set(int(connected))
        self.mutes.offline = not connected
        self.muting.changed()

    def _missed(self, said: str) -> None:
        self.settle.own("offline", said)

    def _undelivered(self, notifier: str, what: str | None) -> None:
        self.settle.own("undelivered", what, about=notifier)

    async def decide(self, decision: Decision) -> str:
        """Carries out what somebody decided. Raises ProberError where it cannot be.

        A secret of the config's that was typed along is not kept.
        """
        by, comment = map(self.config.scrub, (decision.by, decision.comment))
        said = await self.settle.decide(replace(decision, by=by, comment=comment))
        self.muting.changed()
        return said

    def _alerted(self, check: str, rule: str, severity: str, firing: bool) -> None:
        state = self.settle.states.get((check, rule))
        self.journal.alert((check, rule), state)
        since = state.fired_at if state and state.fired_at else self.clock.now()
        self.shown.alert(check, rule, severity, since if firing else None)

    def _told(self, notifier: str, outcome: str) -> None:
        self.metrics.agent.notifications.labels(notifier, outcome).inc()
        if outcome == "dead":
            self.metrics.agent.dead_letters.labels(notifier).inc()

    def _reloaded(self, *, successful: bool) -> None:
        self._reload_refused = not successful
        self.metrics.agent.reload_successful.set(int(successful))
        if successful:
            self.metrics.agent.reload_success_timestamp.set(self.clock.now())
