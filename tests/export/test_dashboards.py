"""The dashboards as files: what Grafana takes, and what a test of their queries cannot see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from prober.config import load
from prober.config.scene import scene
from prober.export.dashboards.chosen import MOST_LABELS
from prober.export.dashboards.whole import dashboards
from prober.export.scene import Scene
from tests.command import prober
from tests.export.rules.fleet import scene as config
from tests.export.rules.fleet import watched as check

ROOT = Path(__file__).parent.parent.parent
GRAFANA = ROOT / "deploy" / "grafana"
OURS = (
    "prober-overview", "prober-check", "prober-journey", "prober-vitals", "prober-slo",
    "prober-certificates", "prober-values", "prober-agent",
)  # fmt: skip
# Grafana's own, which the models leave out: of a Prometheus annotation, and of a variable.
NOT_MODELLED = {"step", "titleFormat", "textFormat", "tagKeys", "definition"}
FIXED = {"10m", "15m", "1h", "1d"}
BUILT_IN = {"__rate_interval", "__range", "datasource"}
FILES = [f"{uid}.json" for uid in OURS]
COLUMNS = 24


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class Place(Strict):
    x: Annotated[int, Field(ge=0, lt=COLUMNS)]
    y: Annotated[int, Field(ge=0)]
    w: Annotated[int, Field(gt=0, le=COLUMNS)]
    h: Annotated[int, Field(gt=0)]


class Target(Strict):
    refId: Annotated[str, Field(pattern="^[A-Z]$")]
    expr: Annotated[str, Field(min_length=1)]
    legendFormat: str
    format: Literal["time_series", "table", "heatmap"]
    instant: bool
    range: bool
    exemplar: bool
    interval: str | None = None


class Threshold(Strict):
    color: str
    value: float | int | None


class Thresholds(Strict):
    mode: Literal["absolute"]
    steps: Annotated[list[Threshold], Field(min_length=1)]


class Defaults(Strict):
    unit: str
    thresholds: Thresholds
    mappings: list[JsonValue]
    links: list[Mapping[str, JsonValue]]
    min: float | None = None
    max: float | None = None
    decimals: int | None = None
    noValue: Annotated[str, Field(min_length=1)] | None = None


class Fields(Strict):
    defaults: Defaults
    overrides: list[Mapping[str, JsonValue]]


class Panel(Strict):
    id: int
    type: Literal["row", "stat", "timeseries", "table", "bargauge", "state-timeline", "heatmap"]
    title: Annotated[str, Field(min_length=1)]
    gridPos: Place
    description: str = ""
    targets: list[Target] = []
    fieldConfig: Fields | None = None


class Variable(Strict):
    type: Literal["datasource", "query", "interval"]
    name: Annotated[str, Field(pattern=r"^\w+$")]
    label: str
    definition: str = ""


class Variables(Strict):
    list: list[Variable]


class Board(Strict):
    uid: str
    title: str
    refresh: str
    schemaVersion: int
    tags: list[str]
    templating: Variables
    panels: list[Panel]
    annotations: Mapping[str, list[Mapping[str, JsonValue]]]

    @property
    def shown(self) -> list[Panel]:
        return [panel for panel in self.panels if panel.type != "row"]

    @property
    def asked(self) -> Iterator[str]:
        """All that it asks of Prometheus."""
        for panel in self.panels:
            yield from (target.expr for target in panel.targets)
        yield from (str(one["expr"]) for one in self.annotations["list"] if "expr" in one)
        yield from (variable.definition for variable in self.templating.list)


FULL = config(
    check("shop", labels={"team": "payments"}),
    check("order", kind="journey", budgets={"": {"lcp": 2.5, "cls": 0.1}, "/pay": {"lcp": 4.0}}),
)


@lru_cache
def full() -> Mapping[str, Board]:
    return made(FULL)


def made(watched: Scene) -> Mapping[str, Board]:
    return {name: Board.model_validate(board) for name, board in dashboards(watched).items()}


def test_there_are_eight_and_each_is_found_by_the_name_of_its_file() -> None:
    boards = full()

    assert list(boards) == FILES
    assert tuple(board.uid for board in boards.values()) == OURS
    assert len({board.title for board in boards.values()}) == len(OURS)
    for board in boards.values():
        assert (board.refresh, board.schemaVersion, board.tags) == ("30s", 39, ["prober"])


@pytest.mark.parametrize("name", FILES)
def test_grafanas_own_models_lose_nothing_of_it(name: str) -> None:
    plugins.register_default_plugins()
    written: JsonValue = json.loads(json.dumps(dashboards(FULL)[name]))
    read = Dashboard.from_json(json.loads(json.dumps(written)))
    again: JsonValue = json.loads(JSONEncoder().encode(read))

    assert sorted({key for key in lost(written, again) if key not in NOT_MODELLED}) == []


def lost(ours: JsonValue, theirs: JsonValue, key: str = "") -> Iterator[str]:
    """The keys of what is not there, or another. What they add is theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name in theirs:
                yield from lost(value, theirs[name], name)
            else:
                yield name
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            yield from lost(one, other, key)
    elif ours != theirs:
        yield f"{key}: {theirs!r}"


@pytest.mark.parametrize("name", FILES)
def test_no_panel_covers_another(name: str) -> None:
    panels = full()[name].panels
    cells = [
        (x, y)
        for place in (panel.gridPos for panel in panels)
        for x in range(place.x, place.x + place.w)
        for y in range(place.y, place.y + place.h)
    ]

    assert len({panel.id for panel in panels}) == len(panels)
    assert max(x for x, _ in cells) < COLUMNS
    assert len(set(cells)) == len(cells)


@pytest.mark.parametrize("name", FILES)
def test_a_panel_says_what_it_shows_and_in_which_unit(name: str) -> None:
    known = {unit for unit in vars(units).values() if isinstance(unit, str)}

    for panel in full()[name].shown:
        assert panel.description.endswith("."), panel.title
        assert panel.fieldConfig is not None, panel.title
        unit = panel.fieldConfig.defaults.unit
        assert unit in known or unit.startswith("suffix: "), panel.title


@pytest.mark.parametrize("name", FILES)
def test_colours_change_from_the_least_to_the_most(name: str) -> None:
    for panel in full()[name].shown:
        assert panel.fieldConfig is not None, panel.title
        first, *others = [step.value for step in panel.fieldConfig.defaults.thresholds.steps]
        limits = [value for value in others if value is not None]
        assert first is None, panel.title
        assert len(limits) == len(others), panel.title
        assert all(one < other for one, other in pairwise(limits)), panel.title


@pytest.mark.parametrize("name", FILES)
def test_what_has_no_data_has_none_of_the_colours_of_what_has(name: str) -> None:
    """Grafana gives it the first colour, unless it is told: green, where more is worse."""
    for panel in full()[name].shown:
        if panel.type not in ("stat", "bargauge"):
            continue
        assert panel.fieldConfig is not None, panel.title
        defaults = panel.fieldConfig.defaults
        colours = {step.color for step in defaults.thresholds.steps}
        last: Mapping[str, JsonValue] = {}
        for mapping in defaults.mappings:
            assert isinstance(mapping, dict), panel.title
            if mapping["type"] == "special":
                last = mapping
        if len(colours) > 1:
            options = last["options"]
            assert isinstance(options, dict), panel.title
            assert options["match"] == "null+nan", panel.title
            result = options["result"]
            assert isinstance(result, dict), panel.title
            assert result["color"] not in {*colours, "green", "red"}, panel.title
            assert result["text"], panel.title


@pytest.mark.parametrize("name", FILES)
def test_what_shows_a_moment_asks_for_one_and_what_shows_a_course_for_a_course(name: str) -> None:
    for panel in full()[name].shown:
        is_instant = panel.type in ("stat", "table", "bargauge")
        form = {"table": "table", "heatmap": "heatmap"}.get(panel.type, "time_series")
        asked = [(one.instant, one.range, one.format, one.interval) for one in panel.targets]
        refs = [target.refId for target in panel.targets]
        assert set(asked) == {(is_instant, not is_instant, form, None if is_instant else "30s")}
        assert len(set(refs)) == len(refs), panel.title


@pytest.mark.parametrize("name", FILES)
def test_what_a_dashboard_asks_for_has_been_chosen_and_what_is_chosen_is_asked_for(
    name: str,
) -> None:
    board = full()[name]
    used = {found for query in board.asked for found in re.findall(r"\$\{?(\w+)", query)}
    offered = {variable.name for variable in board.templating.list}

    assert used - offered <= BUILT_IN
    assert offered - used <= {"datasource"}


@pytest.mark.parametrize("name", FILES)
def test_rates_follow_the_range_that_is_looked_at(name: str) -> None:
    """A window shorter than four scrapes is mostly empty: no query has one of its own making."""
    windows = {
        found for query in full()[name].asked for found in re.findall(r"\[([^\]]+)\]", query)
    }

    assert windows <= {"$__rate_interval", "$__range", "$over", *FIXED}


def test_latencies_show_the_traces_that_prometheus_has_of_them() -> None:
    with_traces = {
        board.uid
        for board in full().values()
        for panel in board.shown
        for target in panel.targets
        if target.exemplar
    }
    without_buckets = [
        target.expr
        for board in full().values()
        for panel in board.shown
        for target in panel.targets
        if target.exemplar and "prober_run_duration_seconds_bucket" not in target.expr
    ]

    assert with_traces == {"prober-overview", "prober-check", "prober-journey"}
    assert without_buckets == []


def test_the_names_of_the_scrape_job_and_of_the_regions_are_those_of_the_config() -> None:
    boards = made(config(check("shop"), job="synthetic", every=0.5, regions=("a", "b", "c")))
    asked = [query for board in boards.values() for query in board.asked]
    titles = [panel.title for panel in boards["prober-overview.json"].shown]

    assert not [query for query in asked if 'job="prober"' in query]
    assert [query for query in asked if 'job="synthetic"' in query]
    assert "Silent regions, of 3" in titles
    lines = [panel for panel in boards["prober-check.json"].shown if panel.type == "timeseries"]
    assert {target.interval for panel in lines for target in panel.targets} == {"500ms"}


def test_every_series_of_an_agent_is_asked_for_by_the_job() -> None:
    """Others may export probe_success, too: blackbox_exporter does."""
    series = re.compile(r"\b(?:probe|prober)_\w+(\{[^}]*\})?")
    records = {"prober_quorum", "prober_regions", "prober_regions_firing"}
    bare = [
        found[0]
        for board in full().values()
        for query in board.asked
        for found in series.finditer(query)
        if 'job="prober"' not in (found[1] or "") and found[0].split("{")[0] not in records
    ]

    assert [one for one in bare if one != "prober_web_vital_"] == []


def test_checks_can_be_chosen_by_the_labels_that_most_of_them_have() -> None:
    common = {f"label{number}": "x" for number in range(MOST_LABELS)}
    boards = made(config(check("a", labels={**common, "rare": "y"}), check("b", labels=common)))
    board = boards["prober-overview.json"]

    offered = [variable.name for variable in board.templating.list]
    assert offered == ["datasource", "region", "kind", "severity", *(f"label_{n}" for n in common)]
    assert 'label0=~"$label_label0"' in " ".join(board.asked)


def test_a_label_of_a_name_that_a_variable_has_is_told_apart_from_it() -> None:
    board = made(config(check("a", labels={"datasource": "x", "over": "y"})))[
        "prober-overview.json"
    ]

    offered = [variable.name for variable in board.templating.list]
    assert len(set(offered)) == len(offered)
    assert {"label_datasource", "label_over"} <= set(offered)


def test_a_budget_is_drawn_where_its_vital_is() -> None:
    panels = {panel.title: panel for panel in full()["prober-journey.json"].shown}
    lcp, fcp = panels["LCP: Largest Contentful Paint"], panels["FCP: First Contentful Paint"]

    drawn = {target.legendFormat: target.expr for target in lcp.targets[2:]}
    assert list(drawn) == ["budget", "budget of {{page}}"]
    assert drawn["budget"].startswith("2.5 * group(")
    assert "4 * group(" in drawn["budget of {{page}}"]
    assert '"page", "/pay"' in drawn["budget of {{page}}"]
    assert all('check=~"order"' in expr for expr in drawn.values())
    assert len(fcp.targets) == 2


def test_a_page_is_not_drawn_twice_for_the_limit_of_all_pages() -> None:
    same = check("order", kind="journey", budgets={"": {"lcp": 2.5}, "/pay": {"lcp": 2.5}})
    panels = {panel.title: panel for panel in made(config(same))["prober-journey.json"].shown}

    legends = [target.legendFormat for target in panels["LCP: Largest Contentful Paint"].targets]
    assert legends == ["{{page}}", "{{page}}, last", "budget"]


def test_a_click_leads_to_a_dashboard_of_ours_and_says_of_what() -> None:
    boards = {board.uid: board for board in full().values()}
    written = json.dumps(list(dashboards(FULL).values()))
    led = set(re.findall(r'"/d/([\w-]+)\?[^"]*&var-(\w+)=', written))

    assert led == {("prober-check", "check"), ("prober-journey", "journey")}
    for uid, name in led:
        assert name in [variable.name for variable in boards[uid].templating.list]


def test_an_alert_leads_to_its_runbook_where_somebody_said_where_those_are() -> None:
    address = "https://wiki.example.com/${__data.fields.alertname}.md"
    known = json.dumps(
        dashboards(config(runbooks="https://wiki.example.com"))["prober-overview.json"]
    )
    unknown = json.dumps(dashboards(config(runbooks=None))["prober-overview.json"])

    assert address in known
    assert "alertname}.md" not in unknown


def test_dashboards_of_ten_thousand_checks_are_no_larger_than_those_of_one() -> None:
    few, many = config(check("c0")), config(*(check(f"c{number}") for number in range(10_000)))

    assert dashboards(many) == dashboards(few)


def test_the_severities_of_the_config_have_colours_in_its_order() -> None:
    written = json.dumps(
        dashboards(config(check("a"), severities=("page", "mail")))["prober-overview.json"]
    )

    assert '"page": {"text": "page", "color": "red", "index": 0}' in written
    assert '"mail": {"text": "mail", "color": "orange", "index": 1}' in written


def test_the_command_writes_them_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("agent: {region: eu}\nchecks: [{name: a, tcp: 'b:1'}]\n")

    done = prober(tmp_path, "dashboards")
    again = prober(tmp_path, "dashboards", "-o", "deep/er")

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "8 dashboards are in dashboards\n",
        "",
    )
    assert (again.returncode, again.stdout) == (0, "8 dashboards are in deep/er\n")
    names = sorted(file.name for file in (tmp_path / "dashboards").iterdir())
    assert names == sorted(FILES)
    for name in names:
        text = (tmp_path / "dashboards" / name).read_text()
        assert Board.model_validate_json(text).uid == name.removesuffix(".json")
        assert text == (tmp_path / "deep" / "er" / name).read_text()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("checks: []\n")
    (tmp_path / "dashboards").write_text("a file")

    done = prober(tmp_path, "dashboards")

    assert done.returncode == 2
    assert "cannot write to dashboards: " in done.stderr
    assert "Traceback" not in done.stderr


def test_what_deploy_ships_is_what_the_command_makes_of_its_config() -> None:
    watched = scene(load(ROOT / "deploy" / "config.yaml", {}, only=()).config, "config.yaml")
    shipped = {
        file.name: json.loads(file.read_text()) for file in (GRAFANA / "dashboards").glob("*.json")
    }

    assert shipped == dashboards(watched), "run scripts/generate"


def test_grafana_is_told_where_prometheus_and_the_dashboards_are() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())
    provided = yaml.safe_load((GRAFANA / "provisioning/dashboards/prober.yml").read_text())
    every = scene(load(ROOT / "deploy" / "config.yaml", {}, only=()).config, "config.yaml").every
    mounted = [volume.split(":")[:2] for volume in services["grafana"]["volumes"]]

    (source,) = sources["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert source["jsonData"]["timeInterval"] == f"{every:g}s"
    (provider,) = provided["providers"]
    assert ["./grafana/dashboards", provider["options"]["path"]] in mounted
    assert ["./grafana/provisioning", "/etc/grafana/provisioning"] in mounted
