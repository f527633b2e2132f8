"""What an agent is made of: built from a config, filled from the store, brought in line with a reload."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from prober import probes
from prober.alerts.faults import listed
from prober.alerts.plan import OnDemand
from prober.clock import Clock
from prober.config.model import Config
from prober.deliver import Deliverer
from prober.export.board import Board, CheckInfo
from prober.export.metrics import Metrics
from prober.probes import AnyCheck, Means, chromium
from prober.probes.browsers import Browsers, Setup
from prober.probes.journey_options import Channel
from prober.probes.journey_settings import JourneyCheck
from prober.pulse import Pulse
from prober.result import Outcome, Result
from prober.runner import Runner
from prober.settle import Plan, Settle, Watched
from prober.store.database import Store
from prober.web.probing import Probing
from prober.wire.network import Network

log = logging.getLogger(__name__)

SLICE = 200  # checks that are brought in line before the loop is given back


class Parts:
    """Made inside the running loop; `close` ends what is not a task."""

    def __init__(self, config: Config, store: Store, clock: Clock) -> None:
        self.config = config
        self.store = store
        self.clock = clock
        self.board = Board()
        self.metrics = Metrics(config.agent.region, clock)
        self.network = Network(clock, resolver=config.agent.resolver)
        self.browsers = self._browsers(config)
        self.pulse = Pulse(clock, self.metrics.agent.loop_lag.observe)
        self.settle = Settle(
            store=store,
            clock=clock,
            hand=lambda deliveries: self.deliverer.hand(deliveries),
            alerted=self._alerted,
            counters=self,
        )
        self.deliverer = Deliverer(
            notifiers=config.notifiers,
            clock=clock,
            mark=self.settle.mark,
            counted=self._told,
            burns=self.settle.burns,
        )
        self.runner = self._runner(config)
        self.probing = Probing(lambda: self.config.modules, lambda: self.runner)
        self._store_is_up = True
        self._reload_refused = False
        self._has_said_browser = False
        self._said_unverified: str | None = None

    async def restore(self) -> None:
        """Takes up where the last agent on this data_dir stopped, and says nothing about it."""
        left = await self.browsers.tidy()
        loaded = await self.store.load()
        self.settle.load(loaded.states, loaded.undelivered, loaded.since)
        await self.adopt(self.config, (check.name for check in self.config.checks), ())
        for name, last in loaded.results.items():
            since = loaded.since.get(name)
            row = self.board.restore(
                last, loaded.verdicts.get(name), since.since if since else None
            )
            if row and row.verdict:
                self.metrics.restore(row.verdict, row)
        checks = {check.name: check for check in self.config.checks}
        for run in (one for one in left if one.check in checks):
            check = checks[run.check]
            self.observe(run.result(check.kind, self.config.agent.region, check.labels))
        over = (said for said in loaded.last if said.notice.event.is_over)
        self.deliverer.resume([*self.settle.standing(), *over])
        self.deliverer.hand(loaded.undelivered)

    async def adopt(self, config: Config, changed: Iterable[str], removed: Iterable[str]) -> None:
        """From now on the agent is what `config` says; only the checks named are touched."""
        self._warn_of_lost_notifiers(config)
        self.config = config
        self.browsers.configure(config.agent.browser, config.scrub)
        self._say_browser()
        self.runner = self._runner(config)
        self.metrics.agent.configure(config.notifiers)
        self.deliverer.configure(config.notifiers)
        checks = {check.name: check for check in config.checks}
        for count, name in enumerate(changed, 1):
            self._enter(checks[name])
            if count % SLICE == 0:
                await asyncio.sleep(0)
        self.settle.configure(_plan(config))
        for name in removed:
            self.board.remove(name)
            self.metrics.remove(name)
        self._reloaded(successful=True)

    def _warn_of_lost_notifiers(self, config: Config) -> None:
        for (check, rule), state in self.settle.states.items():
            for name in state.told:
                if name not in config.notifiers:
                    log.warning(
                        "%s/%s fires and %s was told, which the config does not have: what is to be "
                        "said at its end waits a day for it to come back",
                        *(check, rule, name),
                    )

    def reload_failed(self) -> None:
        self._reloaded(successful=False)

    def observe(self, result: Result) -> None:
        """A result on its way: the table, the metrics, and on to history and alerts."""
        row = self.board.rows.get(result.check)
        if row is None:
            return  # removed by a reload while it ran
        before = row.state
        self.board.observe(result)
        self.metrics.observe(result, row)
        self.settle.put(result)
        if row.state is not before or result.finding.outcome is Outcome.UNKNOWN:
            _log(result)

    def gauge_outbox(self) -> None:
        """Puts into the agent's metrics what is only asked for when somebody scrapes."""
        for notifier, count in self.deliverer.pending.items():
            self.metrics.agent.outbox_pending.labels(notifier).set(count)
        self.metrics.agent.outbox_oldest.set(self.deliverer.oldest)

    def close(self) -> None:
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
        if missing := self._missing_browser():
            said.append(f"Journeys are not run: {missing}.")
        if faulty := self.settle.faulty:
            said.append(f"No verdict on {listed(faulty)}; ProberAgentFault fires.")
        if not self.config.checks:
            said.append("The config has no checks.")
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

    def _enter(self, check: AnyCheck) -> None:
        rules = self.config.rules[check.name]
        info = CheckInfo(
            kind=check.kind,
            target=self.config.scrub(check.target),
            severity=check.severity or self.config.severities[0],
            labels=check.labels,
            device=(check.journey.device or "") if isinstance(check, JourneyCheck) else "",
        )
        self.board.add(check, info)
        self.metrics.add(
            check,
            info,
            series=probes.series(check),
            reasons=probes.reasons(check),
            rules=[(rule.name, rule.severity) for rule in rules],
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

    def _missing_browser(self) -> str | None:
        """What keeps journeys of this config from being run, if there are any."""
        return chromium.missing(self.browsers.setup.env, self._channels())

    def _channels(self) -> set[Channel]:
        """Of the browsers that have to be on this machine."""
        journeys = (one.journey for one in self.config.checks if isinstance(one, JourneyCheck))
        return {one.browser.channel for one in journeys if one.browser.connect is None}

    def _say_browser(self) -> None:
        """Once: what is missing, and what is not as good as it could be."""
        missing = self._missing_browser()
        if missing and not self._has_said_browser:
            log.warning("journeys are not run, all other checks are: %s", missing)
        self._has_said_browser = missing is not None
        unverified = chromium.unverified(self.browsers.setup.env, self._channels())
        if unverified and unverified != self._said_unverified:
            log.warning("the vitals of journeys are unverified: %s", unverified)
        self._said_unverified = unverified

    def _runner(self, config: Config) -> Runner:
        return Runner(
            region=config.agent.region,
            clock=self.clock,
            means=Means(self.network, self.browsers),
            pulse=self.pulse,
            scrub=config.scrub,
        )

    def _alerted(self, check: str, rule: str, severity: str, firing: bool) -> None:
        state = self.settle.states.get((check, rule))
        since = state.fired_at if state and state.fired_at else self.clock.now()
        self.board.alert(check, rule, severity, firing, since)
        self.metrics.alert(check, rule, severity, firing)

    def _told(self, notifier: str, outcome: str) -> None:
        self.metrics.agent.notifications.labels(notifier, outcome).inc()
        if outcome == "dead":
            self.metrics.agent.dead_letters.labels(notifier).inc()

    def _reloaded(self, *, successful: bool) -> None:
        self._reload_refused = not successful
        self.metrics.agent.reload_successful.set(int(successful))
        if successful:
            self.metrics.agent.reload_success_timestamp.set(self.clock.now())


def _plan(config: Config) -> Plan:
    def watched(check: AnyCheck) -> Watched:
        return Watched(
            kind=check.kind,
            rules=config.rules[check.name],
            labels=check.labels,
            runbook=check.runbook,
        )

    return Plan(
        region=config.agent.region,
        checks=OnDemand({check.name: check for check in config.checks}, watched),
        notifiers=tuple(config.notifiers),
        routes=config.routes,
        notify=config.notifies,
        external_url=config.web.external_url or "",
        labels=config.agent.labels,
        severity=config.severities[0],
    )


def _log(result: Result) -> None:
    fields = {
        "check": result.check,
        "region": result.region,
        "request_id": result.run_id,
        "outcome": result.outcome.value,
        "reason": result.reason.value if result.reason else None,
        "duration_ms": round(result.seconds * 1000, 3),
    }
    level = logging.INFO if result.outcome is Outcome.UP else logging.WARNING
    said = f": {result.message}" if result.message else ""
    log.log(level, "%s is %s%s", result.check, result.outcome.value, said, extra=fields)
