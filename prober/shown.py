"""What do the page and Prometheus see of every check? The table and the metrics, kept in step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from prober import probes
from prober.alerts.scope import labels_of
from prober.alerts.slo import Slo
from prober.config.model import Config
from prober.export.board import Board, CheckInfo, Row
from prober.export.metrics import Metrics
from prober.probes import AnyCheck
from prober.probes.journey_settings import JourneyCheck
from prober.result import Result
from prober.store.read import Loaded

SLICE = 200  # checks whose edges are looked at before the loop is given back


class Shown:
    def __init__(self, board: Board, metrics: Metrics) -> None:
        self.board = board
        self.metrics = metrics
        self._slos: tuple[Slo, ...] | None = None  # none before the first config

    def enter(self, config: Config, check: AnyCheck) -> None:
        """A check that is new, or edited."""
        info = CheckInfo(
            kind=check.kind,
            target=config.scrub(check.target),
            severity=check.severity or config.severities[0],
            labels=check.labels,
            device=(check.journey.device or "") if isinstance(check, JourneyCheck) else "",
        )
        self.board.add(check, info)
        self.metrics.add(
            check,
            info,
            series=probes.series(check),
            reasons=probes.reasons(check),
            rules=[(rule.name, rule.severity) for rule in config.rules[check.name]],
            edges=_edges(config, check),
        )

    async def promised(self, config: Config) -> None:
        """After the checks have been entered: new promises are kept of those that are as they were, too."""
        before, self._slos = self._slos, config.slos
        if before in (None, config.slos):
            return
        for count, check in enumerate(config.checks, 1):
            self.metrics.measure(check.name, _edges(config, check))
            if count % SLICE == 0:
                await asyncio.sleep(0)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self.board.remove(name)
            self.metrics.remove(name)

    def restore(self, loaded: Loaded) -> None:
        """What history knows of the checks that are there."""
        for name, last in loaded.results.items():
            since = loaded.since.get(name)
            verdict = loaded.verdicts.get(name)
            row = self.board.restore(last, verdict, since.since if since else None)
            if row and row.verdict:
                self.metrics.restore(row.verdict, row)

    def observe(self, row: Row, result: Result) -> None:
        self.board.observe(result)
        self.metrics.observe(result, row)

    def alert(self, check: str, rule: str, severity: str, since: float | None) -> None:
        """It fires since then; None: no more."""
        self.board.alert(check, rule, severity, since is not None, since or 0.0)
        self.metrics.alert(check, rule, severity, since is not None)

    def last_good(self, check: str) -> float | None:
        """When it was last up, in Unix seconds."""
        row = self.board.rows.get(check)
        return row.last_success_at if row else None


def _edges(config: Config, check: AnyCheck) -> tuple[float, ...]:
    """What is promised of its durations, in seconds: each such promise is counted exactly."""
    if not config.slos:
        return ()
    labels = labels_of(config.agent.region, check.name, check.kind, check.labels)
    return tuple(
        slo.latency.under
        for slo in config.slos
        if slo.latency is not None and slo.match.covers(labels)
    )
