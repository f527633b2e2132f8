"""What does the page say of the documents that a journey saw? Pure: visits and budgets in, texts out.

Of each page its last visit, as the metrics have it: its vitals, how Google and
the check's budgets judge them, what made them, and what is to be held against them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prober.units import show_duration
from prober.visit import Budget, Visit

LIMITS = {  # Google's: good up to the first, poor beyond the second
    "LCP": (2.5, 4.0),
    "INP": (0.2, 0.5),
    "CLS": (0.1, 0.25),
    "FCP": (1.8, 3.0),
    "TTFB": (0.8, 1.8),
}
UNTOUCHED = "no_interaction"
FLAGS = {
    "contended": "another journey ran beside it",
    "stopped_by_input": "LCP may be too short: an input came before the page was complete",
    "remote": "in a remote browser",
    "throttled": "on a throttled network",
    "unverified": "INP may be wrong: not a headless shell",
}


@dataclass(frozen=True, slots=True)
class LimitShown:
    """What a budget allows."""

    text: str
    ok: bool


@dataclass(frozen=True, slots=True)
class VitalShown:
    """`rating` is good, fair or poor; empty where the browser reported nothing, then `why` says why."""

    name: str
    value: str
    rating: str
    limit: LimitShown | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class PageShown:
    """`times` is how often it was visited, `note` what else should be known of its last visit.

    `made` are pairs: a vital, or a part of the work, and what it comes from.
    """

    name: str
    url: str
    times: int
    vitals: tuple[VitalShown, ...]
    note: str
    made: tuple[tuple[str, str], ...]


def pages(visits: Sequence[Visit], budgets: Iterable[Budget]) -> list[PageShown]:
    times = Counter(visit.page for visit in visits)
    last = {visit.page: visit for visit in visits}
    limits = {(one.page, one.budget): one for one in budgets}
    common = caveats(visits)
    return [_page(visit, times[page], limits, common) for page, visit in last.items()]


def caveats(visits: Sequence[Visit]) -> frozenset[str]:
    """The flags that every visit has; they are the run's, and are said once."""
    flags = [frozenset(visit.quality) for visit in visits]
    return (
        frozenset.intersection(*flags) & FLAGS.keys() - {"stopped_by_input"}
        if flags
        else frozenset()
    )


def words(flags: Iterable[str]) -> list[str]:
    """What the flags mean, in the order of the table."""
    given = list(flags)
    known = [text for flag, text in FLAGS.items() if flag in given]
    return [*known, *(flag.replace("_", " ") for flag in given if flag not in FLAGS)]


def _page(
    visit: Visit,
    times: int,
    limits: Mapping[tuple[str | None, str], Budget],
    common: frozenset[str],
) -> PageShown:
    values = {
        "LCP": visit.lcp, "INP": visit.inp, "CLS": visit.cls,
        "FCP": visit.fcp, "TTFB": visit.ttfb,
    }  # fmt: skip
    vitals = []
    for name, value in values.items():
        limit = limits.get((visit.page, name.lower()))
        untouched = name == "INP" and UNTOUCHED in visit.quality
        vitals.append(_vital(name, value, limit, "no interaction" if untouched else ""))
    note = ", ".join(_notes(visit, common))
    return PageShown(visit.page, visit.url, times, tuple(vitals), note, tuple(_made(visit)))


def _vital(name: str, value: float | None, budget: Budget | None, why: str) -> VitalShown:
    limit = LimitShown(_figure(name, budget.limit), budget.ok) if budget else None
    if value is None:
        return VitalShown(name, "", "", limit, why)
    good, fair = LIMITS[name]
    rating = "good" if value <= good else "fair" if value <= fair else "poor"
    return VitalShown(name, _figure(name, value), rating, limit)


def _figure(name: str, value: float) -> str:
    if name != "CLS":
        return show_duration(value)
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _notes(visit: Visit, common: frozenset[str]) -> Sequence[str]:
    counts = (
        (visit.js_errors, "script error", "script errors"),
        (visit.failed_requests, "failed request", "failed requests"),
    )
    said = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    flags = [flag for flag in visit.quality if flag != UNTOUCHED and flag not in common]
    return (*said, *words(flags))


def _made(visit: Visit) -> list[tuple[str, str]]:
    """What can be said of where the figures come from."""
    it = visit.attribution
    lcp = ", ".join(str(it[key]) for key in ("lcp_element", "lcp_url") if key in it)
    work = f"long tasks {show_duration(visit.long_task)}" if visit.long_task else ""
    asked = ""
    if visit.requests:
        asked = f"{visit.requests} request{'s' if visit.requests > 1 else ''}, {_size(visit.bytes)}"
    found = (
        ("LCP", lcp),
        ("CLS", str(it.get("cls_source", ""))),
        ("INP", _interaction(it)),
        ("load", ", ".join(filter(None, (asked, work)))),
    )
    return [(name, text) for name, text in found if text]


def _interaction(it: Mapping[str, str | float]) -> str:
    """`click on button#pay: 8 ms until it was handled, 120 ms in https://… (pay), 12 ms until …`."""
    what = " on ".join(str(it[key]) for key in ("inp_event", "inp_target") if key in it)
    code = f" in {it['inp_script']}" if "inp_script" in it else " in its handlers"
    parts = (
        ("inp_delay", " until it was handled"),
        ("inp_processing", code),
        ("inp_presentation", " until it was shown"),
    )
    said = [
        show_duration(value) + text
        for key, text in parts
        if isinstance(value := it.get(key), int | float)
    ]
    return ": ".join(filter(None, (what, ", ".join(said))))


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"
