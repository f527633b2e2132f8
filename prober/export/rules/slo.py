"""How much of an error budget is left, and how fast does it burn?

Windows of an hour or more are evaluated in one group with the copies that
they look at (see `promise`), at the very moment of the newest copy, so that
Prometheus has nothing to guess beyond it, and one failure is one. The names are
those that sloth uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.alerts.scope import labels_of
from prober.alerts.slo import DAY, HOUR, MINUTE, Pair, Slo, windows
from prober.export.histogram import bound
from prober.export.rules import burns
from prober.export.rules.made import Alert, Group, Record
from prober.export.rules.promise import (
    FAILURES,
    RATIO,
    Promise,
    copied,
    counted,
    recorded,
    seldom,
    selector,
    within,
)
from prober.export.rules.promql import duration, number, quoted
from prober.export.scene import Scene, Watched

LOOKS, SELDOM = 2, MINUTE  # two looks at the short windows, as APART is between two copies
NAMED = 5  # checks that a note names


def groups(scene: Scene) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The rules of all objectives, and notes of what could not be watched as usual."""
    promises, notes = [], []
    for slo in scene.slos:
        promise, said = _promise(scene, slo)
        notes += said
        if promise is not None:
            promises.append(promise)
    if not promises:
        return (), tuple(notes)
    longest = max(promise.slo.window for promise in promises)
    notes.append(
        f"Prometheus has to keep {duration(longest)} for the SLOs; it keeps 15d unless told"
    )
    often = min(LOOKS * scene.every, SELDOM)
    short = [Group(f"prober-slo-{p.slo.name}", often, tuple(_short(scene, p))) for p in promises]
    long = [rule for promise in promises for rule in _long(scene, promise)]
    copies = Group("prober-slos", seldom(scene), (*_copies(scene, promises), *long))
    return (copies, *short), tuple(notes)


def _promise(scene: Scene, slo: Slo) -> tuple[Promise | None, list[str]]:
    regions = tuple(r for r in scene.regions if any(_covers(slo, r, one) for one in scene.checks))
    checks = [one for one in scene.checks if regions and _covers(slo, regions[0], one)]
    if not checks:
        return None, [f"{slo.name} covers no check"]
    pairs: dict[Pair, list[str]] = {}
    firsts: dict[float, list[str]] = {}
    said: dict[tuple[str, ...], list[str]] = {}
    paces = {one.interval for one in checks}
    known = {pace: windows(slo, pace, len(regions), scene.every) for pace in paces}
    for one in checks:
        found, odd = known[one.interval]
        for pair in found:
            pairs.setdefault(pair, []).append(one.name)
        if found:
            firsts.setdefault(found[0].short, []).append(one.name)
        if odd:
            said.setdefault(odd, []).append(one.name)
    promise = Promise(
        slo=slo,
        checks=tuple(one.name for one in checks),
        regions=regions,
        pairs={pair: tuple(of) for pair, of in pairs.items()},
        firsts={span: tuple(of) for span, of in firsts.items()},
    )
    return promise, [f"{slo.name} of {_some(of)}: {'; '.join(odd)}" for odd, of in said.items()]


def _covers(slo: Slo, region: str, check: Watched) -> bool:
    return slo.match.covers(labels_of(region, check.name, check.kind, check.labels))


def _some(checks: Sequence[str]) -> str:
    more = f" and {len(checks) - NAMED} more" if len(checks) > NAMED else ""
    return ", ".join(checks[:NAMED]) + more


def _copies(scene: Scene, promises: Sequence[Promise]) -> Iterator[Record]:
    """One of each counter, for all promises that look at it."""
    alike: dict[tuple[str, ...], list[Promise]] = {}
    for promise in promises:
        alike.setdefault(copied(promise.slo), []).append(promise)
    for several in alike.values():
        slo = several[0].slo
        checks = dict.fromkeys(name for one in several for name in one.checks)
        regions = dict.fromkeys(name for one in several for name in one.regions)
        source = selector(scene, checks, regions, f"job={quoted(scene.job)}")
        labels = {"under": bound(slo.latency.under)} if slo.latency else {}
        for name, runs in zip(copied(slo), counted(slo, source, str), strict=False):
            yield Record(name, f"sum by (check, region, instance) ({runs})", labels)


def _long(scene: Scene, promise: Promise) -> Iterator[Record]:
    slo, labels = promise.slo, {"slo": promise.slo.name}
    longs = {pair.long for pair in promise.pairs}
    yield Record("slo:objective:ratio", f"vector({number(slo.objective)})", labels)
    yield Record("slo:error_budget:ratio", f"vector({number(slo.budget)})", labels)
    yield Record("slo:time_period:days", f"vector({number(slo.window / DAY)})", labels)
    for span, checks in promise.spans.items():
        if span >= HOUR:
            yield from _ratio(scene, promise, span, checks, is_long=span in longs)
    period = f"max by (check) ({recorded(RATIO, slo, slo.window)})"
    yield Record("slo:period_burn_rate:ratio", f"{period} / {number(slo.budget)}", labels)
    left = f"1 - slo:period_burn_rate:ratio{{slo={quoted(slo.name)}}}"
    yield Record("slo:period_error_budget_remaining:ratio", left, labels)


def _short(scene: Scene, promise: Promise) -> Iterator[Record | Alert]:
    slo = promise.slo
    for span, checks in promise.spans.items():
        if span < HOUR:
            yield from _ratio(scene, promise, span, checks, is_long=False)
    now = " or ".join(
        recorded(RATIO, slo, span, selector(scene, checks, scene.regions))
        for span, checks in promise.firsts.items()
    )
    if now:
        pace = f"max by (check) ({now}) / {number(slo.budget)}"
        yield Record("slo:current_burn_rate:ratio", pace, {"slo": slo.name})
    yield from burns.alerts(scene, promise)


def _ratio(
    scene: Scene, promise: Promise, span: float, checks: Sequence[str], *, is_long: bool
) -> Iterator[Record]:
    """The share of bad runs in a window; nothing where there was no run."""
    labels = {"slo": promise.slo.name, "window": duration(span)}
    bad, judged = within(scene, promise, span, checks)
    if is_long:
        yield Record(f"{FAILURES}{duration(span)}", bad, labels)
        bad = f"{recorded(FAILURES, promise.slo, span)} / on (check)"
    else:
        bad += " /"
    yield Record(f"{RATIO}{duration(span)}", f"{bad} ({judged} > 0)", labels)
