"""What can be chosen above a dashboard?"""

from __future__ import annotations

from prober.export.dashboards.looks import Json
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


def query_variable(name: str, label: str, query: str, *, single: bool = False) -> Json:
    """One whose values Prometheus knows; of `single` one is chosen, of any other as many as you like."""
    everything: Json = {"selected": True, "text": ["All"], "value": ["$__all"]}
    made: Json = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "definition": query,
        "query": {
            "qryType": 1,
            "query": query,
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "hide": 0,
        "skipUrlSync": False,
        "multi": not single,
        "includeAll": not single,
        "current": {} if single else everything,
        "options": [],
    }
    return made if single else made | {"allValue": ".*"}


def values_of(label: str, series: str) -> str:
    return f"label_values({series}, {label})"


DATASOURCE: Json = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "query": "prometheus",
    "regex": "",
    "refresh": 1,
    "hide": 0,
    "skipUrlSync": False,
    "multi": False,
    "includeAll": False,
    "current": {},
    "options": [],
}
_SPANS = ("5m", "15m", "1h", "6h", "1d", "7d")
_SPAN = "1h"
OVER_VARIABLE: Json = {
    "type": "interval",
    "name": "over",
    "label": "Measured over",
    "query": ",".join(_SPANS),
    "refresh": 2,
    "hide": 0,
    "skipUrlSync": False,
    "auto": False,
    "auto_count": 30,
    "auto_min": "10s",
    "current": {"selected": True, "text": _SPAN, "value": _SPAN},
    "options": [{"selected": span == _SPAN, "text": span, "value": span} for span in _SPANS],
}


def region_variable(scene: Scene, more: str = "") -> Json:
    job = f"job={quoted(scene.job)}{more}"
    return query_variable(
        "region", "Region", values_of("region", f"prober_check_info{{{job}}}")
    )  # fmt: skip
