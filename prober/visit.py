"""What a journey saw on its way: its steps, the documents it visited, what they were allowed, what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from prober.units import show_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a journey, as far as it came; `url` is the page's at its end.

    `began` is so many seconds after the attempt did; a result out of history does not know it.
    """

    name: str
    ok: bool
    seconds: float
    url: str | None = None
    message: str = ""
    began: float | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, JsonValue]:
        return {
            "name": self.name,
            "ok": self.ok,
            "duration_seconds": self.seconds,
            "url": self.url,
            "message": self.message or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One document that a journey saw: its Web Vitals (seconds, CLS without a unit) and its errors.

    What the browser has not reported is None, never 0. `long_task` is by how
    many seconds its long tasks went beyond 50 ms each, after FCP; `quality`
    says what is to be held against the figures; `attribution` names what made
    them: lcp_element, lcp_url, cls_source, inp_target, inp_event, inp_script,
    and the parts of INP in seconds, inp_delay, inp_processing, inp_presentation.
    """

    page: str  # as the author called it, or the path of its URL
    url: str
    lcp: float | None = None
    inp: float | None = None
    cls: float | None = None
    fcp: float | None = None
    ttfb: float | None = None
    interactions: int = 0
    quality: tuple[str, ...] = ()
    js_errors: int = 0
    failed_requests: int = 0
    long_task: float | None = None
    requests: int = 0
    bytes: int = 0
    attribution: Mapping[str, str | float] = field(default_factory=dict)

    def to_json(self) -> dict[str, JsonValue]:
        return {
            "page": self.page,
            "url": self.url,
            "lcp_seconds": self.lcp,
            "inp_seconds": self.inp,
            "cls": self.cls,
            "fcp_seconds": self.fcp,
            "ttfb_seconds": self.ttfb,
            "interactions": self.interactions,
            "quality": list(self.quality),
            "js_errors": self.js_errors,
            "failed_requests": self.failed_requests,
            "long_task_seconds": self.long_task,
            "requests": self.requests,
            "bytes": self.bytes,
            "attribution": dict(self.attribution),
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that shows what a run saw; `path` is relative to data_dir, with forward slashes."""

    kind: str  # screenshot, trace, har, console, dom
    path: str

    def to_json(self) -> dict[str, JsonValue]:
        return {"kind": self.kind, "path": self.path}


CONTENDED = (
    "contended"  # of a visit while another journey ran beside: its times are that one's, too
)
_PLAIN = frozenset({"cls", "js_errors", "failed_requests"})  # numbers that are no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One limit of a budget beside what was measured, both in seconds where it is a time.

    `budget` is the vital's or count's name, `duration`, or `step NAME`;
    `page` is None where it is not of a page.
    """

    budget: str
    page: str | None
    limit: float
    actual: float
    ok: bool

    def __str__(self) -> str:
        """For people: `lcp of checkout: 4.2 s, at most 4 s`."""
        of = "" if self.page is None else f" of {self.page}"
        actual, limit = self._shown(self.actual), self._shown(self.limit)
        if actual == limit and not self.ok:  # broken by less than is mostly worth saying
            actual = f"{self.actual:.6g}{'' if self.budget in _PLAIN else ' s'}"
        return f"{self.budget}{of}: {actual}, at most {limit}"

    def _shown(self, value: float) -> str:
        return f"{round(value, 3):g}" if self.budget in _PLAIN else show_duration(value)

    def to_json(self) -> dict[str, JsonValue]:
        return {
            "budget": self.budget,
            "page": self.page,
            "limit": self.limit,
            "actual": self.actual,
            "ok": self.ok,
        }
