"""What is an SLO about, and by which series are its runs counted?

What is bad is counted by run, not by time: the counters of all regions, added.
A window of an hour or more looks at copies of these counters, written every
few minutes: for a month of a few thousand checks the counters themselves would
be too many samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prober.alerts.slo import HOUR, MINUTE, Pair, Slo
from prober.export.histogram import bound
from prober.export.rules.promql import duration, names, quoted
from prober.export.scene import Scene

# Between two copies there are so many scrapes; but Prometheus looks back for no more than 5 minutes.
SCRAPES, APART = 16, 4 * MINUTE
RATIO = "slo:sli_error:ratio_rate"
FAILURES = "slo:sli_error:increase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An SLO and what it covers. Of `pairs` and `firsts`, shortest windows, the checks of each."""

    slo: Slo
    checks: tuple[str, ...]
    regions: tuple[str, ...]
    pairs: Mapping[Pair, tuple[str, ...]]
    firsts: Mapping[float, tuple[str, ...]]

    @property
    def spans(self) -> Mapping[float, tuple[str, ...]]:
        """The windows that are recorded, shortest first, and the checks of each."""
        spans: dict[float, dict[str, None]] = {}
        for pair, checks in self.pairs.items():
            for span in (pair.short, pair.long):
                spans.setdefault(span, {}).update(dict.fromkeys(checks))
        spans[self.slo.window] = dict.fromkeys(self.checks)
        return {span: tuple(spans[span]) for span in sorted(spans)}


def seldom(scene: Scene) -> float:
    return min(SCRAPES * scene.every, APART)


def copied(slo: Slo) -> tuple[str, ...]:
    """The names of the copies, of bad runs and of all that count; and which promises share them."""
    if slo.latency is None:
        return ("check_region:prober_runs_total:down", "check_region:prober_runs_total:judged")
    family = "check_region:prober_run_duration_seconds"
    return (f"{family}:slow", f"{family}:timed", bound(slo.latency.under))


def counted(slo: Slo, source: str, of: Callable[[str], str]) -> tuple[str, str]:
    """The bad runs and all that count, where `of` is asked of each counter."""
    if slo.latency is None:
        runs = f"prober_runs_total{{{source},outcome"
        return of(f'{runs}="down"}}'), of(f'{runs}=~"up|down"}}')
    le = quoted(bound(slo.latency.under))
    timed = of(f"prober_run_duration_seconds_count{{{source}}}")
    quick = of(f"prober_run_duration_seconds_bucket{{{source},le={le}}}")
    # An agent that does not have this edge yet counts for nothing.
    return f"{timed} - ignoring (le) {quick}", f"{timed} and ignoring (le) {quick}"


def within(
    scene: Scene, promise: Promise, span: float, checks: Sequence[str], *, by: str = "check"
) -> tuple[str, str]:
    """The bad runs of each check in a window, and all that count."""
    slo, lasts = promise.slo, duration(span)

    def grown(counter: str) -> str:
        return f"increase({counter}[{lasts}])"

    if span < HOUR:
        source = selector(scene, checks, promise.regions, f"job={quoted(scene.job)}")
        bad, judged = counted(slo, source, grown)
    else:
        own = (f"under={quoted(bound(slo.latency.under))}",) if slo.latency else ()
        source = selector(scene, checks, promise.regions, *own)
        bad, judged = (grown(named(name, source)) for name in copied(slo)[:2])
    return f"sum by ({by}) ({bad})", f"sum by ({by}) ({judged})"


def selector(scene: Scene, checks: Iterable[str], regions: Iterable[str], *more: str) -> str:
    """Nothing is asked of what is everything: a check that comes later is covered as well."""
    parts = [*more]
    wanted = {*checks}
    others = [one.name for one in scene.checks if one.name not in wanted]
    if others and len(others) < len(wanted):
        parts.append(f"check!~{names(others)}")
    elif others:
        parts.append(f"check=~{names(sorted(wanted))}")
    if (there := {*regions}) != {*scene.regions}:
        parts.append(f"region=~{names(sorted(there))}")
    return ",".join(parts)


def recorded(record: str, slo: Slo, span: float, more: str = "") -> str:
    return named(f"{record}{duration(span)}", f"slo={quoted(slo.name)}", more)


def named(record: str, *matchers: str) -> str:
    asked = ",".join(filter(None, matchers))
    return f"{record}{{{asked}}}" if asked else record
