"""What is a good page, and how is Prometheus asked whether one is?

Google's thresholds, https://web.dev/articles/vitals: up to the first it is
good, above the second poor. They are edges of the histograms, so the shares of
good and of poor visits are exact; a percentile is not, between two edges, and
is taken of the last results as they followed one another.
"""

from __future__ import annotations

from typing import NamedTuple

from prober.export.dashboards.looks import BAD, FAIR, GOOD, Look
from prober.export.dashboards.queries import Source
from prober.export.histogram import bound
from prober.export.rules.promql import quoted


class Vital(NamedTuple):
    """`series` is what follows probe_ and prober_ in its gauge and its histogram."""

    name: str
    title: str
    series: str
    good: float
    poor: float
    is_time: bool = True

    @property
    def look(self) -> Look:
        return Look(
            unit="s" if self.is_time else "none",
            steps=((GOOD, None), (FAIR, self.good), (BAD, self.poor)),
            least=0.0,
            decimals=None if self.is_time else 3,
            empty="not measured",
        )

    @property
    def words(self) -> str:
        unit = " s" if self.is_time else ""
        return f"good up to {self.good:g}{unit}, poor above {self.poor:g}{unit}"

    def p75(self, source: Source, window: str, by: str) -> str:
        """As it was measured, of the worst region."""
        measured = source.over(f"probe_{self.series}", window)
        return f"max by ({by}) (quantile_over_time(0.75, {measured}))"

    def share_good(self, source: Source, window: str, by: str = "") -> str:
        return f"{self._within(source, bound(self.good), window, by)} / {self._all(source, window, by)}"

    def share_poor(self, source: Source, window: str, by: str = "") -> str:
        within = self._within(source, bound(self.poor), window, by)
        return f"1 - {within} / {self._all(source, window, by)}"

    def _all(self, source: Source, window: str, by: str) -> str:
        return f"({self._within(source, '+Inf', window, by)} > 0)"

    def _within(self, source: Source, edge: str, window: str, by: str) -> str:
        series, le = f"prober_{self.series}_bucket", f"le={quoted(edge)}"
        return f"sum by ({by}) ({source.increase(series, window, le)})"


VITALS = (
    Vital("LCP", "Largest Contentful Paint", "web_vital_lcp_seconds", 2.5, 4.0),
    Vital("INP", "Interaction to Next Paint", "web_vital_inp_seconds", 0.2, 0.5),
    Vital("CLS", "Cumulative Layout Shift", "web_vital_cls", 0.1, 0.25, is_time=False),
    Vital("FCP", "First Contentful Paint", "web_vital_fcp_seconds", 1.8, 3.0),
    Vital("TTFB", "Time To First Byte", "web_vital_ttfb_seconds", 0.8, 1.8),
)
