"""Checks and results as the agent makes them, with a table of series like that of a real kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from prober.check import Check
from prober.export.board import Board, CheckInfo, Row
from prober.export.metrics import Metrics
from prober.probes import journey_series
from prober.result import Budget, Evidence, Fact, Finding, Outcome, Reason, Result, Step, Visit
from prober.series import Series, fact_series, info_series
from tests.fake_clock import NOON, FakeClock

UP = Finding.up()
TIMED_OUT = Finding.down(Reason.TIMEOUT, "no answer within 10 s")
REFUSED = Finding.down(Reason.CONNECT, "connection refused")
OURS = Finding.unknown("the agent was late")
REASONS = (Reason.DNS, Reason.CONNECT, Reason.TIMEOUT)
RULES = (("down", "critical"),)


class WebCheck(Check):
    kind: ClassVar[str] = "http"


class PortCheck(Check):
    kind: ClassVar[str] = "tcp"


class WayCheck(Check):
    kind: ClassVar[str] = "journey"


CHECKS = {"http": WebCheck, "tcp": PortCheck, "journey": WayCheck}


def _phases(result: Result) -> list[tuple[str, float]]:
    return [(f'phase="{phase}"', seconds) for phase, seconds in result.phases.items()]


PORT_SERIES = (
    fact_series("probe_dns_lookup_time_seconds", "How long the lookup took.", "dns_lookup_seconds"),
    fact_series("probe_ip_protocol", "Whether IP 4 or 6 was spoken.", "ip_protocol"),
)
WEB_SERIES = (
    *PORT_SERIES,
    Series("probe_http_duration_seconds", "Durations of the phases.", _phases),
    fact_series("probe_http_status_code", "The status code.", "status_code"),
    info_series("probe_tls_version_info", "The TLS version.", {"version": "tls_version"}),
)


def series_of(kind: str) -> tuple[Series, ...]:
    """Fresh ones for each check: those of a journey remember which steps and pages it has named."""
    if kind == "journey":
        return journey_series.series()
    return WEB_SERIES if kind == "http" else PORT_SERIES


FACTS: Mapping[str, Fact] = {
    "dns_lookup_seconds": 0.0021, "ip_protocol": 4, "status_code": 200, "tls_version": "TLS 1.3",
}  # fmt: skip
PHASES = {"resolve": 0.0021, "connect": 0.011, "tls": 0.02, "processing": 0.1, "transfer": 0.001}


@dataclass(frozen=True, slots=True)
class Trip:
    """What some runs add to a result."""

    steps: Sequence[Step] = ()
    visits: Sequence[Visit] = ()
    evidence: Sequence[Evidence] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    budgets: Sequence[Budget] = ()
    skipped: Sequence[str] = ()


def budget(name: str, page: str | None = None, *, limit: float = 1, actual: float = 1) -> Budget:
    return Budget(budget=name, page=page, limit=limit, actual=actual, ok=actual <= limit)


def step(name: str, seconds: float = 0.4, message: str = "") -> Step:
    """One that failed where it has a message."""
    return Step(name=name, ok=not message, seconds=seconds, message=message)


PAGE = Visit(page="/", url="https://shop.example/", lcp=0.8, cls=0.0, fcp=0.5, ttfb=0.1)


def visit(page: str, lcp: float | None = 0.8, inp: float | None = None) -> Visit:
    return replace(PAGE, page=page, lcp=lcp, inp=inp, interactions=int(inp is not None))


class Bench:
    """A board and metrics that are told the same things, as the agent tells them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.board = Board()
        self.metrics = Metrics("eu-west-1", self.clock)

    def add(
        self,
        name: str = "shop",
        *,
        kind: str = "http",
        target: str = "https://shop.example/",
        severity: str = "critical",
        interval: float = 60.0,
        labels: Mapping[str, str] | None = None,
        reasons: tuple[Reason, ...] = REASONS,
        rules: tuple[tuple[str, str], ...] = RULES,
        series: tuple[Series, ...] | None = None,
    ) -> None:
        check = CHECKS[kind](name=name, interval=interval)
        info = CheckInfo(kind=kind, target=target, severity=severity, labels=labels or {})
        series = series or series_of(kind)
        self.board.add(check, info)
        self.metrics.add(check, info, series=series, reasons=reasons, rules=rules)

    def remove(self, name: str) -> None:
        self.board.remove(name)
        self.metrics.remove(name)

    def run(
        self,
        name: str = "shop",
        finding: Finding = UP,
        *,
        seconds: float = 0.134,
        attempts: int = 1,
        facts: Mapping[str, Fact] = FACTS,
        trip: Trip | None = None,
    ) -> Row | None:
        """One run that ends now."""
        kind = self.board.rows[name].info.kind if name in self.board.rows else "http"
        made = result(
            name, finding, kind=kind, at=self.clock.now() - seconds, seconds=seconds,
            attempts=attempts, facts=facts, trip=trip,
        )  # fmt: skip
        row = self.board.observe(made)
        if row is not None:
            self.metrics.observe(made, row)
        return row

    async def text(self, *, openmetrics: bool = False) -> str:
        return b"".join([piece async for piece in self.metrics.render(openmetrics)]).decode()

    async def value(self, series: str) -> float | None:
        """The value of one series, written as in the exposition; None where it is not there."""
        found = [line for line in (await self.text()).splitlines() if line.startswith(f"{series} ")]
        assert len(found) <= 1, found
        return float(found[0].rsplit(" ", 1)[1]) if found else None


def result(
    name: str = "shop",
    finding: Finding = UP,
    *,
    kind: str = "http",
    at: float = NOON,
    seconds: float = 0.134,
    attempts: int = 1,
    facts: Mapping[str, Fact] = FACTS,
    trip: Trip | None = None,
) -> Result:
    seen = finding.outcome is not Outcome.UNKNOWN
    trip = trip or Trip()
    return Result(
        check=name, kind=kind, region="eu-west-1", run_id=f"run-{name}-{at}", traceparent="00-0-0-01",
        started_at=at, seconds=seconds, attempts=attempts, finding=finding,
        facts=facts if seen else {}, phases=PHASES if seen else {},
        steps=trip.steps, visits=trip.visits, evidence=trip.evidence, values=trip.values,
        budgets=trip.budgets, skipped=trip.skipped,
    )  # fmt: skip
