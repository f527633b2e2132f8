"""What do several dashboards ask of Prometheus?

A last result is withheld where nobody has seen the target, so what is missing
is neither up nor down. Of two agents of a region (shards, or the old and the
new one while it is replaced) the worse is shown. The right side of each join
has one series for each of the left: anything else is an error, not an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prober.export.rules.promql import quoted

STEP = "$__rate_interval"  # never shorter than four scrapes
RANGE = "$__range"
OVER = "$over"
WORST = 15  # that are shown of what may be thousands
REGION = 'region=~"$region"'


@dataclass(frozen=True, slots=True)
class Source:
    """The agents' series, of what the variables have chosen."""

    job: str
    chosen: tuple[str, ...] = ()

    def __call__(self, name: str, *more: str) -> str:
        return f"{name}{{{', '.join((f'job={quoted(self.job)}', *self.chosen, *more))}}}"

    def over(self, name: str, window: str, *more: str) -> str:
        return f"{self(name, *more)}[{window}]"

    def increase(self, name: str, window: str, *more: str) -> str:
        return f"increase({self.over(name, window, *more)})"

    def runs(self, window: str) -> Callable[[str], str]:
        """Those within `window`, of an outcome."""
        return lambda outcome: self.increase("prober_runs_total", window, outcome)

    def per_minute(self, name: str, *more: str) -> str:
        return f"60 * rate({self.over(name, STEP, *more)})"

    def quantile(self, q: float, histogram: str, window: str, *by: str) -> str:
        labels = ", ".join(("le", *by))
        rate = f"rate({self.over(f'{histogram}_bucket', window)})"
        return f"histogram_quantile({q:g}, sum by ({labels}) ({rate}))"

    def state(self, by: str) -> str:
        """1 up, 0 down at some time of the step, 2 maintenance, -1 without a verdict."""
        maintenance = f"max_over_time({self.over('prober_maintenance_active', STEP)})"
        return self._state(by, maintenance, f"min_over_time({self.over('probe_success', STEP)})")

    def state_now(self, by: str) -> str:
        """The same, of this moment."""
        return self._state(by, self("prober_maintenance_active"), self("probe_success"))

    def _state(self, by: str, maintenance: str, verdict: str) -> str:
        known = f"0 * max by ({by}) ({self('prober_check_interval_seconds')}) - 1"
        muted = f"2 * (max by ({by}) ({maintenance}) == 1)"
        return f"{muted} or min by ({by}) ({verdict}) or {known}"

    def reason(self) -> str:
        """By check and region, why it was down last, as far as the last hours can tell."""
        asked = [
            f"topk by (check, region) (1, {self.increase('prober_failures_total', window)} > 0)"
            for window in ("10m", "1h", "1d")
        ]
        return " or on (check, region) ".join(asked)


def availability(runs: Callable[[str], str], by: str = "") -> str:
    """The share of the runs with a verdict that was up; nothing where there were none."""
    up, judged = runs('outcome="up"'), runs('outcome=~"up|down"')
    return f"sum {by}({up}) / (sum {by}({judged}) > 0)"


def or_none(count: str, of: str) -> str:
    """`count`, and 0 where it has no series while `of` has: no news is good only while somebody looks."""
    return f"{count} or 0 * count({of})"


def told_apart(total: str, by: str) -> str:
    """`total` by a label, what is 0 left out; but one 0 where all is."""
    return f"sum by ({by}) ({total}) > 0 or on () 0 * sum({total})"


def firing(*matchers: str) -> str:
    """The alerts of Prometheus' rules: the moment since which each of them is active, in milliseconds."""
    chosen = ", ".join(('alertname=~"Prober.+"', *matchers))
    alerts = f'ALERTS{{{chosen}, alertstate="firing"}}'
    return f"1000 * (ALERTS_FOR_STATE{{{chosen}}} and ignoring (alertstate) {alerts})"


def ranked(expr: str, *, falling: bool = True, most: int = WORST) -> str:
    order, cut = ("sort_desc", "topk") if falling else ("sort", "bottomk")
    return f"{order}({cut}({most}, {expr}))"
