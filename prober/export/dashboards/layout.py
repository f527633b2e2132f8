"""How do panels become a dashboard: in which place, with which variables, in whose words?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue

from prober.export.dashboards.links import of_dashboard
from prober.export.dashboards.looks import Json
from prober.export.dashboards.panels import Panel, Query
from prober.export.dashboards.variables import SOURCE
from prober.export.rules.promql import duration
from prober.export.scene import Scene

COLUMNS = 24
SCHEMA = 39
REFRESH = "30s"
_LINES = ("timeseries",)  # kinds whose series have colours of their own


class Row(NamedTuple):
    title: str
    panels: tuple[Panel, ...]


class Mark(NamedTuple):
    """What is drawn across all panels of a dashboard while `expr` has series."""

    name: str
    expr: str
    title: str
    text: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """`of` is its name among ours: `check` is the file prober-check.json and the uid prober-check."""

    of: str
    title: str
    about: str
    variables: tuple[Json, ...]
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...] = ()
    range: str = "now-6h"
    beside: str = ""  # another one of ours, of the same check

    @property
    def uid(self) -> str:
        return f"prober-{self.of}"

    def to_json(self, scene: Scene) -> Json:
        panels = list(_placed(self.rows, duration(scene.every)))
        return {
            "uid": self.uid,
            "title": f"Prober / {self.title}",
            "description": self.about,
            "tags": ["prober"],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": REFRESH,
            "time": {"from": self.range, "to": "now"},
            "timepicker": {},
            "fiscalYearStartMonth": 0,
            "links": [*of_dashboard(self.of, self.beside)],
            "annotations": {"list": [_OWN, *(_mark(mark, scene) for mark in self.marks)]},
            "templating": {"list": list(self.variables)},
            "panels": panels,
        }


def _placed(rows: tuple[Row, ...], every: str) -> Iterator[JsonValue]:
    """From the left to the right, and below where a line is full."""
    number = y = 0
    for row in rows:
        number += 1
        yield _row(number, row.title, y)
        y += 1
        x = tallest = 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            place: Json = {"h": panel.height, "w": panel.width, "x": x, "y": y}
            yield _panel(panel, number, place, every)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def _row(number: int, title: str, y: int) -> JsonValue:
    place: Json = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def _panel(panel: Panel, number: int, place: Json, every: str) -> JsonValue:
    look = panel.look
    mode = look.colours if panel.kind in _LINES else "thresholds"
    made: Json = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "interval": every,
        "transparent": False,
        "targets": [_target(query, place, every) for place, query in enumerate(panel.queries)],
        "fieldConfig": {
            "defaults": look.defaults(mode) | {"custom": panel.custom},
            "overrides": list(panel.overrides),
        },
        "options": panel.options,
        "transformations": list(panel.transformations),
    }
    if panel.repeat:
        made |= {"repeat": panel.repeat, "repeatDirection": "h", "maxPerRow": 2}
    return made


def _target(query: Query, place: int, every: str) -> JsonValue:
    made: Json = {
        "refId": chr(ord("A") + place),
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "format": query.form,
        "legendFormat": query.legend or "__auto",
        "instant": query.is_instant,
        "range": not query.is_instant,
        "exemplar": query.exemplars,
    }
    # Without it $__rate_interval follows the data source, whose setting nobody looks at.
    return made if query.is_instant else made | {"interval": every}


def _mark(mark: Mark, scene: Scene) -> JsonValue:
    return {
        "name": mark.name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": mark.colour,
        "expr": mark.expr,
        "step": duration(max(scene.every, 60.0)),
        "titleFormat": mark.title,
        "textFormat": mark.text,
        "tagKeys": "severity,region",
    }


_OWN: JsonValue = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}
