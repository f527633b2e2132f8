"""Which checks have the variables of the overview chosen, and how is that said in PromQL?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from prober.export.dashboards import looks
from prober.export.dashboards.looks import Json
from prober.export.dashboards.queries import REGION, Source
from prober.export.dashboards.variables import (
    DATASOURCE,
    query_variable,
    region_variable,
    values_of,
)
from prober.export.lines import OURS
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

MOST_LABELS = 4
_KINDS = ("kind", "severity")
_PREFIX = "label_"  # of the variable of a check's own label


class Chosen:
    """`labels` are those of checks that most of them have; they can be chosen by, too."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.labels = _own_labels(scene)
        self.source = Source(scene.job, (REGION,))
        self.severities = looks.severities(scene.severities)
        own = [f'{label}=~"${_PREFIX}{label}"' for label in self.labels]
        kinds = [f'{label}=~"${label}"' for label in _KINDS]
        self._matchers = (*kinds, *own)
        self.info = self.source("prober_check_info", *self._matchers)

    def variables(self) -> tuple[Json, ...]:
        info = f"prober_check_info{{job={quoted(self.scene.job)}}}"
        kinds = [query_variable(one, one.title(), values_of(one, info)) for one in _KINDS]
        own = [query_variable(_PREFIX + one, one, values_of(one, info)) for one in self.labels]
        return (DATASOURCE, region_variable(self.scene), *kinds, *own)

    def of(self, expr: str) -> str:
        return f"({expr} and on (check, region) {self.info})"

    def alerts(self, name: str) -> str:
        """Those of Prometheus' rules that fire; they carry the labels of their check."""
        fires = (f"alertname={quoted(name)}", 'alertstate="firing"')
        return f"ALERTS{{{', '.join((*fires, *self._matchers))}}}"

    def runs(self, window: str) -> Callable[[str], str]:
        """Those within `window`, of an outcome; those, too, of an agent that has gone since."""
        info = f"last_over_time({self.info}[{window}])"
        runs = self.source.runs(window)
        return lambda outcome: f"({runs(outcome)} and on (check, region) {info})"

    def of_all_regions(self, expr: str) -> str:
        """Of what has no region."""
        return f"({expr} and on (check) {self.info})"


def _own_labels(scene: Scene) -> tuple[str, ...]:
    found = Counter(label for check in scene.checks for label in check.labels if label not in OURS)
    most = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(label for label, _ in most[:MOST_LABELS])
