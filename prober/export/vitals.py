"""Which Web Vitals have the pages of a check had since the agent started?

Histograms by page, with edges on Google's thresholds, so that the share of
good and of poor visits is exact. Each visit counts, but for one that another
journey ran beside: it measures that one, too. A vital that the browser did not
report does not count, and a page that never had one has no series of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prober.export.family import label_pairs
from prober.export.histogram import Histogram
from prober.result import Visit
from prober.series import MOST_PAGES, Names
from prober.visit import CONTENDED


class _Family(NamedTuple):
    name: str
    help: str
    edges: tuple[float, ...]


_FAMILIES = {
    "lcp": _Family(
        "prober_web_vital_lcp_seconds",
        "Largest Contentful Paint of the visits to a page.",
        (1.0, 1.8, 2.5, 3.0, 4.0, 6.0, 10.0),
    ),
    "inp": _Family(
        "prober_web_vital_inp_seconds",
        "Interaction to Next Paint of the visits to a page that had interactions.",
        (0.04, 0.1, 0.2, 0.3, 0.5, 1.0),
    ),
    "cls": _Family(
        "prober_web_vital_cls",
        "Cumulative Layout Shift of the visits to a page.",
        (0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0),
    ),
    "fcp": _Family(
        "prober_web_vital_fcp_seconds",
        "First Contentful Paint of the visits to a page.",
        (0.3, 0.6, 1.0, 1.8, 3.0, 6.0),
    ),
    "ttfb": _Family(
        "prober_web_vital_ttfb_seconds",
        "Time To First Byte of the visits to a page.",
        (0.1, 0.2, 0.4, 0.8, 1.8, 4.0),
    ),
}
FAMILIES = tuple((family.name, "histogram", family.help) for family in _FAMILIES.values())


class Vitals:
    """Of one check; `labels` is its own label text."""

    def __init__(self, labels: str) -> None:
        self._labels = labels
        self._pages = Names(MOST_PAGES)
        self._histograms: dict[str, dict[str, Histogram]] = {vital: {} for vital in _FAMILIES}

    def count(self, visit: Visit) -> None:
        if CONTENDED in visit.quality:
            return
        page = self._pages.of(visit.page)
        values = {
            "lcp": visit.lcp, "inp": visit.inp, "cls": visit.cls,
            "fcp": visit.fcp, "ttfb": visit.ttfb,
        }  # fmt: skip
        for vital, value in values.items():
            if value is not None:
                self._histogram(vital, page).observe(value)

    def texts(self) -> Iterator[tuple[str, str]]:
        """The lines of each family that there is something to say of."""
        for vital, pages in self._histograms.items():
            if pages:
                text = "".join([histogram.text() for histogram in pages.values()])
                yield _FAMILIES[vital].name, text

    def _histogram(self, vital: str, page: str) -> Histogram:
        found = self._histograms[vital].get(page)
        if found is None:
            name, _, edges = _FAMILIES[vital]
            found = Histogram(name, f"{self._labels},{label_pairs(page=page)}", edges)
            self._histograms[vital][page] = found
        return found
