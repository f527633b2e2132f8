"""How is one journey: which step fails, which is slow, and how are its pages?"""

from __future__ import annotations

from dataclasses import replace

from prober.export.dashboards import looks, one_check
from prober.export.dashboards.budget_lines import DASHED, budget_lines
from prober.export.dashboards.layout import Dashboard, Row
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import (
    HALF,
    THIRD,
    Panel,
    Size,
    Table,
    gauges,
    lines,
    now,
    over_time,
    rows,
    stacked,
    stat,
    table,
    timeline,
)
from prober.export.dashboards.queries import OVER, RANGE, REGION, STEP, Source
from prober.export.dashboards.variables import (
    DATASOURCE,
    OVER_VARIABLE,
    query_variable,
    region_variable,
    values_of,
)
from prober.export.dashboards.vitals_looks import VITALS, Vital
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

JOURNEY = 'check="$journey"'
PAGE = 'page=~"$page"'


def dashboard(scene: Scene) -> Dashboard:
    source = Source(scene.job, (JOURNEY, REGION))
    pages = Source(scene.job, (JOURNEY, REGION, PAGE))
    job = f"job={quoted(scene.job)}"
    names = values_of("check", f'prober_check_info{{{job}, kind="journey"}}')
    measured = '__name__=~"prober_web_vital_.+_count"'
    seen = values_of("page", f"{{{measured}, {job}, {JOURNEY}}}")
    return Dashboard(
        of="journey",
        title="One journey",
        about="One journey in all its regions: which step fails, which is slow, how its pages are for who uses them.",
        variables=(
            DATASOURCE,
            query_variable("journey", "Journey", names, single=True),
            region_variable(scene, f", {JOURNEY}"),
            query_variable("page", "Page", seen),
            OVER_VARIABLE,
        ),
        rows=(
            Row("Now", (*one_check.now_of(source, JOURNEY)[:-1], *_pages_now(source))),
            Row("Steps", (*_funnel(source), *_steps(source))),
            Row("Budgets", _budgets(source)),
            Row(
                "Pages: Web Vitals",
                (_vitals_now(pages), *(_vital(scene, pages, one) for one in VITALS)),
            ),
            Row("Pages: errors", _errors(pages)),
            Row("When and why", one_check.when_of(source)),
            Row("How long", (one_check.percentiles(source), one_check.heatmap(source))),
        ),
        marks=one_check.marks_of(source, JOURNEY),
        beside="check",
    )


def _pages_now(source: Source) -> tuple[Panel, ...]:
    broken = f"sum(1 - min by (budget, page) ({source('probe_budget_ok')}))"
    return (
        stat(
            "Budgets broken",
            "By the last run, of the worst region.",
            now(broken),
            replace(looks.CONCERN, empty="no budgets"),
        ),
    )


def _funnel(source: Source) -> tuple[Panel, ...]:
    done = f"sum by (step) (sum_over_time({source.over('probe_step_success', RANGE)}))"
    looked = f"sum(count_over_time({source.over('probe_success', RANGE)}))"
    mean = f"avg by (step) (avg_over_time({source.over('probe_step_duration_seconds', RANGE)}))"
    worst = f"max by (step) (max_over_time({source.over('probe_step_duration_seconds', RANGE)}))"
    return (
        gauges(
            "How far it comes",
            "The share of the runs of this range that came through each step, of all runs with a verdict: where the bars become shorter, runs end.",
            now(f"sort_desc({done} / on () group_left () {looked})", "{{step}}"),
            replace(looks.SHARE, decimals=1, empty="no steps"),
        ),
        gauges(
            "Where the time goes",
            "The mean of each step over this range, the longest first.",
            now(f"sort_desc({mean})", "{{step}}"),
            looks.SECONDS,
        ),
        gauges(
            "At worst",
            "The longest that each step took in this range, in any region.",
            now(f"sort_desc({worst})", "{{step}}"),
            looks.SECONDS,
        ),
    )


def _steps(source: Source) -> tuple[Panel, ...]:
    states = f"min by (step) (min_over_time({source.over('probe_step_success', STEP)}))"
    each = f"avg by (step) (avg_over_time({source.over('probe_step_duration_seconds', STEP)}))"
    return (
        timeline(
            "Steps",
            "Each as the worst of the regions has it. A gap is a step that was not come to.",
            over_time(states, "{{step}}"),
            looks.STATE,
        ),
        stacked(
            "Steps, one on the other",
            "The mean of the regions: what grows is what became slow.",
            over_time(each, "{{step}}"),
            looks.SECONDS,
            draw="line",
        ),
        _by_region(source),
    )


def _by_region(source: Source) -> Panel:
    keys = "step, region"
    success = source.over("probe_step_success", RANGE)
    took = source.over("probe_step_duration_seconds", RANGE)
    made = Table(
        queries=(
            rows(f"min by ({keys}) ({source('probe_step_success')})"),
            rows(f"1 - avg by ({keys}) (avg_over_time({success}))"),
            rows(f"avg by ({keys}) (avg_over_time({took}))"),
        ),
        columns={
            "step": "Step", "region": "Region", "Value #A": "Last", "Value #B": "Failed",
            "Value #C": "Takes",
        },
        looks={
            "Last": looks.STATE,
            "Failed": Look(unit="percentunit", steps=looks.rising(0.001, 0.01), decimals=1),
            "Takes": looks.SECONDS,
        },
        sort="Failed",
        falling=True,
    )  # fmt: skip
    about = "The last run, and of this range the share in which the step failed, of the runs that came to it, and the mean time it took."
    return table("Steps, region by region", about, made, HALF)


def _budgets(source: Source) -> tuple[Panel, ...]:
    keys = "budget, page"
    last = f"min by ({keys}) ({source('probe_budget_ok')})"
    kept = f"avg by ({keys}) (avg_over_time({source.over('probe_budget_ok', RANGE)}))"
    states = f"min by ({keys}) (min_over_time({source.over('probe_budget_ok', STEP)}))"
    made = Table(
        queries=(rows(last), rows(kept)),
        columns={"budget": "Budget", "page": "Page", "Value #A": "Now", "Value #B": "Kept"},
        looks={"Now": looks.KEPT, "Kept": looks.SHARE},
        sort="Kept",
    )
    about = "Limits under `budgets`, by the last run of the worst region, and the share of this range in which they were kept. Without a page: of the whole run or of a step."
    return (
        table("Budgets", about, made, THIRD),
        timeline(
            "Budgets kept and broken",
            "Each as the worst of the regions has it.",
            over_time(states, "{{page}} {{budget}}"),
            replace(looks.KEPT, empty="no budgets"),
            Size(16, 8),
        ),
    )


def _vitals_now(pages: Source) -> Panel:
    visits = pages.increase("prober_web_vital_ttfb_seconds_count", RANGE)
    heads = [(f"Value #{chr(ord('B') + place)}", one) for place, one in enumerate(VITALS)]
    p75 = [rows(one.p75(pages, RANGE, "page")) for one in VITALS]
    made = Table(
        queries=(rows(f"sum by (page) ({visits})"), *p75),
        columns={"page": "Page", **{value: one.name for value, one in heads}, "Value #A": "Visits"},
        looks={"Visits": looks.COUNT, **{one.name: one.look for one in VITALS}},
        sort="Page",
    )
    said = "; ".join(f"{one.name} {one.words}" for one in VITALS)
    about = f"The 75th percentile of the visits of this range, of the worst region, coloured as Google judges: {said}."
    return table("Pages", about, made, HALF)


def _vital(scene: Scene, pages: Source, vital: Vital) -> Panel:
    source = Source(scene.job, pages.chosen[:2])  # what is known of a check has no page
    last = f"max by (page) ({pages(f'probe_{vital.series}')})"
    panel = lines(
        f"{vital.name}: {vital.title}",
        f"The 75th percentile over `Measured over`, and the last visit, page by page, of the worst region; {vital.words}. Dashed in red: its budget, where the config has one.",
        (
            over_time(vital.p75(pages, OVER, "page"), "{{page}}"),
            over_time(last, "{{page}}, last"),
            *budget_lines(scene, source, vital.name.lower()),
        ),
        vital.look,
    )
    return replace(panel, overrides=(DASHED,))


def _errors(pages: Source) -> tuple[Panel, ...]:
    def of(series: str) -> str:
        return f"max by (page) (max_over_time({pages.over(series, STEP)}))"

    look = Look(unit="short", decimals=0, least=0.0)
    return (
        lines(
            "Errors of scripts",
            "That a page did not catch, in its last visit.",
            over_time(of("probe_js_errors"), "{{page}}"),
            look,
            THIRD,
        ),
        lines(
            "Requests without an answer",
            "Of a page, in its last visit: images, scripts and calls that failed.",
            over_time(of("probe_failed_requests"), "{{page}}"),
            look,
            THIRD,
        ),
        lines(
            "Interactions",
            "Clicks, taps and keys that INP was measured of. Without any there is no INP.",
            over_time(of("probe_interactions"), "{{page}}"),
            look,
            THIRD,
        ),
    )
