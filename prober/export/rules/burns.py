"""Who is to be told that an error budget burns too fast?

What is down is ProberQuorumDown's to tell: of a check that is failing right
now in enough regions, and of what such an outage has cost, nobody is told a
second time. And where fewer regions than the quorum see anything fail, a
ticket is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.alerts.slo import HOUR, Pair, Slo
from prober.export.rules import words
from prober.export.rules.made import Alert, Record
from prober.export.rules.promise import (
    FAILURES,
    RATIO,
    Promise,
    named,
    recorded,
    seldom,
    selector,
    within,
)
from prober.export.rules.promql import duration, number, quoted
from prober.export.rules.regions import NEEDED, SAYS, carried, labelled, out_now, told_down
from prober.export.scene import Scene

FEW = 1.5  # failures of the long window: one of them tells nobody, however few the runs
MET, BURN = "check_slo:prober_burn:met", "ProberSLOBurn"


def alerts(scene: Scene, promise: Promise) -> Iterator[Record | Alert]:
    """One for each severity: the first word pages, the third is for a ticket."""
    pages, ticket = scene.severities[0], scene.severities[:3][-1]
    kept = [name for name in carried(scene)[0] if name != "slo"]
    by_word: dict[str, list[str]] = {}
    for pair, checks in promise.pairs.items():
        word = pages if pair.pages else ticket
        by_word.setdefault(word, []).append(_burns(scene, promise, pair, checks))
    for word, burning in by_word.items():
        labels = {"slo": promise.slo.name, "severity": word}
        either = "\n  or ".join(burning)
        said = named(SAYS, selector(scene, promise.checks, promise.regions))
        pace = f"max by (check) (\n  {either}\n) / {number(promise.slo.budget)}"
        # Somebody has to have a say: nobody is told of a check whose regions are in a window.
        soon = _about_to_be_told(scene, promise.slo)
        yield Record(MET, f"{pace}\nand on (check) {said}{soon}", labels)
        burning_now = named(MET, *(f"{k}={quoted(v)}" for k, v in labels.items()))
        yield Alert(
            alert=BURN,
            expr=labelled(burning_now, "check", kept),
            labels=labels,
            annotations=words.of_check(scene, BURN, *_said(promise.slo)),
        )


def _burns(scene: Scene, promise: Promise, pair: Pair, checks: Sequence[str]) -> str:
    slo, limit = promise.slo, number(pair.factor * promise.slo.budget)
    mine = selector(scene, checks, scene.regions)

    def lately(record: str, span: float, more: str = "") -> str:
        """Though an evaluation of the long windows is missed, as where Prometheus restarts."""
        found, apart = recorded(record, slo, span, more), seldom(scene)
        return found if span < HOUR else f"last_over_time({found}[{duration(3 * apart)}])"

    found = [
        f"{lately(RATIO, pair.short, mine)} > {limit}",
        f"{lately(RATIO, pair.long)} > {limit}",
        f"{lately(FAILURES, pair.long)} > {number(FEW)}",
    ]
    if pair.pages and len(promise.regions) > 1:
        bad, judged = within(scene, promise, pair.short, checks, by="check, region")
        needed = f"clamp_max({NEEDED}, {len(promise.regions)})"
        found.append(f"count by (check) ({bad} / ({judged} > 0) > {limit}) >= {needed}")
    return "\n    and on (check) ".join(found) + _told_already(scene, slo, pair)


def _told_already(scene: Scene, slo: Slo, pair: Pair) -> str:
    """Less what somebody was told of as down in the short window."""
    told = f"last_over_time({told_down(scene)}[{duration(pair.short)}])"
    return _unless(scene, slo, told, "\n    ")


def _about_to_be_told(scene: Scene, slo: Slo) -> str:
    """Less what is down right now: by the very scrape that counts its failures."""
    return _unless(scene, slo, f"({out_now(scene)})", "\n")


def _unless(scene: Scene, slo: Slo, known: str, apart: str) -> str:
    """But what burns already goes on, and where no rule says down the budget does."""
    if not told_down(scene):
        return ""
    burning = f'ALERTS{{alertname="{BURN}",alertstate="firing",slo={quoted(slo.name)}}}'
    return f"{apart}unless on (check) ({known} unless on (check) {burning})"


def _said(slo: Slo) -> tuple[str, str]:
    """What is told, in a line and at length."""
    summary = (
        f"{{{{ $labels.check }}}} burns the error budget of {slo.name}"
        ' {{ $value | printf "%.1f" }} times as fast as it may'
    )
    good = f"take less than {duration(slo.latency.under)}" if slo.latency else "be up"
    left = (
        '{{ with query (printf "slo:period_error_budget_remaining:ratio{slo=%q,check=%q}"'
        f' "{slo.name}" $labels.check) }}}}'
        "{{ $left := . | first | value }}; {{ if gt $left 0.0 }}{{ $left | humanizePercentage }}"
        "{{ else }}nothing{{ end }} of the budget is left{{ end }}"
    )
    promised = f"{number(slo.objective * 100)}% of its runs within {duration(slo.window)}"
    return summary, f"{promised} are to {good}{left}"
