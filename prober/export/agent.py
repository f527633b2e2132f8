"""What does Prometheus see of the agent itself?

These families are few and change seldom, so they are prometheus_client's, on
a registry of our own; the rest of the agent sets and counts them directly.
Children that can occur exist from the start, at 0.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition
from prometheus_client.registry import Collector

from prober import __version__

EDGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
QUEUE_EDGES = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
STARTUP_EDGES = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A due missed: the last run was still going on; we came too late; a window without runs.
SKIPPED = ("overrun", "late", "maintenance")
OUTCOMES = ("accepted", "retried", "dead", "not_run")  # of one attempt at telling a notifier


class OutboxOldest(Collector):
    """When the oldest notice still waiting was made; no series while none waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._moment: float | None = None
        registry.register(self)

    def set(self, moment: float | None) -> None:
        self._moment = moment

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "prober_outbox_oldest_timestamp_seconds",
            "When the oldest notice still to be delivered was made; absent while there is none.",
        )
        if self._moment is not None:
            family.add_metric([], self._moment)
        yield family


class _Registry(CollectorRegistry):
    """Leaves out the `_created` series, which double the others and answer no question."""

    def collect(self) -> Iterator[Metric]:
        for family in super().collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


class AgentMetrics:
    """The agent's families; `shard` is empty where the region's checks are one agent's."""

    def __init__(self, region: str = "", shard: str = "") -> None:
        self._registry = _Registry()
        self._notifiers: frozenset[str] = frozenset()
        ProcessCollector(registry=self._registry)
        self._about_itself(region, shard)
        self._about_config()
        self._about_time()
        self._about_journeys()
        self._about_telling()

    def _about_itself(self, region: str, shard: str) -> None:
        labels = {
            "version": __version__,
            "python": platform.python_version(),
            "region": region,
            "shard": shard,
        }
        there = {name: text for name, text in labels.items() if text}
        self.build_info = Gauge(
            "prober_build_info",
            "The version of the agent and of the Python it runs on, its region, and its shard of that.",
            there,
            registry=self._registry,
        )
        self.build_info.labels(**there).set(1)

    def _about_config(self) -> None:
        registry = self._registry
        self.reload_successful = Gauge(
            "prober_config_last_reload_successful",
            "Whether the last attempt to load the config succeeded.",
            registry=registry,
        )
        self.reload_success_timestamp = Gauge(
            "prober_config_last_reload_success_timestamp_seconds",
            "When the config was last loaded successfully.",
            registry=registry,
        )

    def _about_time(self) -> None:
        registry = self._registry
        self.schedule_lag = Histogram(
            "prober_schedule_lag_seconds",
            "How long after its due time a run was started.",
            buckets=EDGES,
            registry=registry,
        )
        self.loop_lag = Histogram(
            "prober_loop_lag_seconds",
            "How late the event loop woke a timer that measures it.",
            buckets=EDGES,
            registry=registry,
        )
        self.runs_skipped = Counter(
            "prober_runs_skipped",
            "Runs that were due and not started, since the last one was still going on (overrun), the agent was late (late) or a window had it so (maintenance).",
            ["reason"],
            registry=registry,
        )
        for reason in SKIPPED:
            self.runs_skipped.labels(reason)
        self.connectivity = Gauge(
            "prober_connectivity",
            "Whether the agent is connected; 1 as well where no addresses are given to tell by.",
            registry=registry,
        )
        self.connectivity.set(1)

    def _about_journeys(self) -> None:
        self.journey_queue = Histogram(
            "prober_journey_queue_seconds",
            "How long a journey that was due waited for a browser worker.",
            buckets=QUEUE_EDGES,
            registry=self._registry,
        )
        self.journey_startup = Histogram(
            "prober_journey_startup_seconds",
            "How long a journey's process took to have its browser ready.",
            buckets=STARTUP_EDGES,
            registry=self._registry,
        )
        self.evidence_withheld = Counter(
            "prober_evidence_withheld",
            "Pieces of journeys' evidence that were not kept, as they may show a secret.",
            registry=self._registry,
        )

    def _about_telling(self) -> None:
        registry = self._registry
        self.store_up = Gauge(
            "prober_store_up", "Whether the last write to the store succeeded.", registry=registry
        )
        self.store_up.set(1)  # an agent whose store cannot be opened does not start
        self.store_errors = Counter(
            "prober_store_errors", "Writes to the store that failed.", registry=registry
        )
        self.store_commit = Histogram(
            "prober_store_commit_seconds",
            "How long it took to write a group of results and alert states.",
            buckets=EDGES,
            registry=registry,
        )
        self.notifications = Counter(
            "prober_notifications",
            "Attempts to tell a notifier: accepted, retried (refused, to be asked again), dead (given up), or not_run (a command, by its own settings).",
            ["notifier", "outcome"],
            registry=registry,
        )
        self.outbox_pending = Gauge(
            "prober_outbox_pending",
            "Notices that still have to be delivered.",
            ["notifier"],
            registry=registry,
        )
        self.outbox_oldest = OutboxOldest(registry)
        self.dead_letters = Counter(
            "prober_dead_letters", "Notices given up.", ["notifier"], registry=registry
        )

        self._traces = Counter(
            "prober_traces",
            "Runs whose spans a collector accepted, or that were dropped since none took them.",
            ["outcome"],
            registry=registry,
        )

    def traced(self, outcome: str, count: int) -> None:
        """So many runs were told as spans, or given up."""
        self._traces.labels(outcome).inc(count)

    def configure(self, notifiers: Iterable[str]) -> None:
        """The notifiers there are from now on; those that are gone take their series along."""
        names = frozenset(notifiers)
        for gone in self._notifiers - names:
            self.outbox_pending.remove(gone)
            self.dead_letters.remove(gone)
            self.notifications.remove_by_labels({"notifier": gone})
        for name in sorted(names):
            self.outbox_pending.labels(name)
            self.dead_letters.labels(name)
            for outcome in OUTCOMES:
                self.notifications.labels(name, outcome)
        self._notifiers = names

    def render(self, openmetrics: bool) -> bytes:
        """All of them as text, without the end mark of OpenMetrics."""
        if not openmetrics:
            return generate_latest(self._registry)
        text: bytes = exposition.generate_latest(self._registry)  # type: ignore[no-untyped-call]  # the library leaves it so
        return text.removesuffix(b"# EOF\n")
