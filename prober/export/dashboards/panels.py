"""What is a panel made of, and which kinds of it are there?

Only what Grafana 10 and 11 have in common. A panel knows nothing of its place:
that is for `layout`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pydantic import JsonValue

from prober.export.dashboards.looks import Json, Look

Queries: TypeAlias = "Query | Sequence[Query]"


class Query(NamedTuple):
    """`legend` names what comes back; `form` is how Grafana is to read it."""

    expr: str
    legend: str = ""
    is_instant: bool = False
    form: str = "time_series"
    exemplars: bool = False


def over_time(expr: str, legend: str = "") -> Query:
    """Step by step through the range."""
    return Query(expr, legend)


def now(expr: str, legend: str = "") -> Query:
    """As it is at the end of the range."""
    return Query(expr, legend, is_instant=True)


def rows(expr: str) -> Query:
    """As it is at the end of the range, a row for each series and a column for each label."""
    return Query(expr, is_instant=True, form="table")


def latency(expr: str, legend: str = "") -> Query:
    """Over the range, with the traces that Prometheus has of its buckets."""
    return Query(expr, legend, exemplars=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`about` is what whoever looks at it has to know; of 24 columns it takes `width`."""

    kind: str
    title: str
    about: str
    queries: tuple[Query, ...]
    width: int
    height: int
    look: Look
    options: Json
    custom: Json = field(default_factory=dict)
    overrides: tuple[JsonValue, ...] = ()
    transformations: tuple[JsonValue, ...] = ()
    repeat: str = ""  # a variable: the panel once for each of its values


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int


WIDE, HALF, THIRD = Size(24, 8), Size(12, 8), Size(8, 8)
SMALL = Size(4, 4)


def stat(title: str, about: str, queries: Queries, look: Look, size: Size = SMALL) -> Panel:
    """One number, or one of each series."""
    options: Json = {
        "graphMode": "none",
        "colorMode": "value" if look.is_plain else "background",
        "justifyMode": "auto",
        "textMode": "auto",
        "wideLayout": True,
        "orientation": "auto",
        "reduceOptions": _last(),
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    return _panel("stat", title, about, queries, size=size, look=look.or_nothing, options=options)


def lines(title: str, about: str, queries: Queries, look: Look, size: Size = HALF) -> Panel:
    """Each series a line."""
    custom: Json = {
        **_DRAWN,
        "drawStyle": "line",
        "lineInterpolation": "stepAfter",
        "fillOpacity": 5,
        "stacking": {"mode": "none", "group": "A"},
        "thresholdsStyle": {"mode": "off" if look.is_plain else "dashed"},
    }
    return _panel(
        "timeseries", title, about, queries, size=size, look=look, options=_GRAPH, custom=custom
    )


def stacked(
    title: str, about: str, queries: Queries, look: Look, size: Size = HALF, draw: str = "bars"
) -> Panel:
    """Series that add up to a whole: as bars, or with `line` as areas."""
    custom: Json = {
        **_DRAWN,
        "drawStyle": draw,
        "lineInterpolation": "stepAfter",
        "fillOpacity": 60,
        "stacking": {"mode": "normal", "group": "A"},
        "thresholdsStyle": {"mode": "off"},
    }
    return _panel(
        "timeseries", title, about, queries, size=size, look=look, options=_GRAPH, custom=custom
    )


def gauges(title: str, about: str, queries: Queries, look: Look, size: Size = THIRD) -> Panel:
    """A bar for each series, in the order in which they come."""
    options: Json = {
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "left",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 30,
        "legend": {
            "calcs": [],
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": False,
        },
        "reduceOptions": _last(),
        "orientation": "horizontal",
    }
    return _panel(
        "bargauge", title, about, queries, size=size, look=look.or_nothing, options=options
    )


def timeline(title: str, about: str, queries: Queries, look: Look, size: Size = WIDE) -> Panel:
    """A strip for each series, coloured by its state; nothing where nobody looked."""
    options: Json = {
        "showValue": "never",
        "rowHeight": 0.85,
        "mergeValues": True,
        "alignValue": "left",
        "legend": {**_LEGEND, "displayMode": "list"},
        "tooltip": {"mode": "single", "sort": "none"},
        "perPage": 40,
    }
    custom: Json = {"lineWidth": 0, "fillOpacity": 85}
    return _panel(
        "state-timeline", title, about, queries, size=size, look=look, options=options, custom=custom
    )  # fmt: skip


def heat(title: str, about: str, expr: str, look: Look, size: Size = HALF) -> Panel:
    """How the buckets of a histogram are filled."""
    options: Json = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short", "decimals": 0},
        "color": {
            "mode": "scheme",
            "scheme": "Blues",
            "fill": "blue",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 32,
            "reverse": False,
        },
        "exemplars": {"color": "orange"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": look.unit},
    }
    query = Query(expr, "{{le}}", form="heatmap", exemplars=True)
    return _panel("heatmap", title, about, query, size=size, look=look, options=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`columns` are those that are shown, in their order, by label or `Value #A`, with their heads.

    `looks` is how the cells of one (by its head) are written; `sort` a head,
    from the most on if `falling`.
    """

    queries: tuple[Query, ...]
    columns: Mapping[str, str]
    looks: Mapping[str, Look] = field(default_factory=dict)
    sort: str = ""
    falling: bool = False
    links: tuple[JsonValue, ...] = ()


def table(title: str, about: str, made: Table, size: Size = WIDE) -> Panel:
    """What `made` says; the columns that it does not name are left out."""
    sort: list[JsonValue] = [{"displayName": made.sort, "desc": made.falling}] if made.sort else []
    options: Json = {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        "sortBy": sort,
    }
    names = list(made.columns)
    shown: JsonValue = {"include": {"names": [*names]}}
    organized: JsonValue = {
        "excludeByName": {},
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": dict(made.columns),
    }
    return _panel(
        "table", title, about, made.queries, size=size,
        look=Look(links=made.links), options=options,
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False},
        overrides=tuple(_cells(head, look) for head, look in made.looks.items()),
        transformations=(
            {"id": "merge", "options": {}},
            {"id": "filterFieldsByName", "options": shown},
            {"id": "organize", "options": organized},
        ),
    )  # fmt: skip


def _panel(
    kind: str, title: str, about: str, queries: Queries, *,
    size: Size, look: Look, options: Json, custom: Json | None = None,
    overrides: tuple[JsonValue, ...] = (), transformations: tuple[JsonValue, ...] = (),
) -> Panel:  # fmt: skip
    return Panel(
        kind=kind, title=title, about=about,
        queries=(queries,) if isinstance(queries, Query) else tuple(queries),
        width=size.width, height=size.height, look=look, options=options, custom=custom or {},
        overrides=overrides, transformations=transformations,
    )  # fmt: skip


def _cells(head: str, look: Look) -> JsonValue:
    """How the cells of one column are written."""
    properties: list[JsonValue] = [{"id": "unit", "value": look.unit}]
    if look.decimals is not None:
        properties.append({"id": "decimals", "value": look.decimals})
    if look.mappings:
        properties.append({"id": "mappings", "value": list(look.mappings)})
    if not look.is_plain:
        properties.append({"id": "thresholds", "value": look.thresholds()})
    if look.links:
        properties.append({"id": "links", "value": list(look.links)})
    if not look.is_plain or look.mappings:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    return {"matcher": {"id": "byName", "options": head}, "properties": properties}


def _last() -> JsonValue:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


_LEGEND: Json = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_GRAPH: Json = {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}}
_DRAWN: Json = {
    "axisPlacement": "auto",
    "lineWidth": 1,
    "pointSize": 5,
    "showPoints": "auto",
    "spanNulls": False,
    "gradientMode": "none",
    "scaleDistribution": {"type": "linear"},
}
