"""What did the documents of a journey measure, and which of them is which?

The collector in each of them tells through a binding: at its beginning, which
fixes the order of the visits; after changes; before it is left; and when it is
asked to. What it told last counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Literal
from urllib.parse import urlsplit

from playwright import async_api, sync_api
from playwright.async_api import Error
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prober.journey.awaited import Awaited, page_of
from prober.journey.either import Context, Page, Request, done, settled
from prober.journey.events import Event, Order, Seen
from prober.journey.steps import NAME
from prober.journey.where import cut

BINDING = "__prober_tell"
DOCUMENTS = 200  # that one run is asked about
LONGEST_URL = 2000  # characters
LONGEST_TELLING = 30_000
_FLUSH = "(leaving) => window.__prober_flush ? window.__prober_flush(leaving) : true"
_DIGIT = re.compile(r"\d")

_Number = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
_Milliseconds = _Number | None
_Count = Annotated[int, Field(ge=0, le=10**15)]
_Text = Annotated[str, Field(max_length=LONGEST_URL + 200)] | None


class _Made(BaseModel):
    """What made the figures; the same words as in a result's attribution."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lcp_element: _Text
    lcp_url: _Text
    cls_source: _Text
    inp_target: _Text
    inp_event: _Text
    inp_script: _Text
    inp_delay: _Milliseconds
    inp_processing: _Milliseconds
    inp_presentation: _Milliseconds

    def attribution(self) -> dict[str, str | float]:
        known = ((name, value) for name, value in self if value is not None)
        return {name: value if isinstance(value, str) else value / 1000 for name, value in known}


class _Told(BaseModel):
    """What a document says of itself. Any page can call the binding, so nothing else is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=64)]
    why: Literal["begun", "changed", "left", "asked"]
    url: Annotated[str, Field(max_length=LONGEST_URL + 1)]
    lcp: _Milliseconds
    fcp: _Milliseconds
    ttfb: _Milliseconds
    inp: _Milliseconds
    cls: _Number | None
    interactions: _Count
    stopped: bool
    long_task: _Milliseconds
    requests: _Count
    bytes: _Count
    made: _Made


@dataclass(slots=True)
class _Document:
    told: _Told
    name: str | None = None
    js_errors: int = 0
    failed_requests: int = 0
    is_news: bool = True

    def seen(self, flags: tuple[str, ...]) -> Seen:
        told = self.told
        own = (("no_interaction", not told.interactions), ("stopped_by_input", told.stopped))
        return Seen(
            id=told.id,
            page=self.name or default_name(told.url),
            url=cut(told.url, LONGEST_URL),
            lcp=_seconds(told.lcp),
            inp=_seconds(told.inp),
            cls=told.cls,
            fcp=_seconds(told.fcp),
            ttfb=_seconds(told.ttfb),
            interactions=told.interactions,
            js_errors=self.js_errors,
            failed_requests=self.failed_requests,
            long_task=_seconds(told.long_task),
            requests=told.requests,
            bytes=told.bytes,
            quality=(*(flag for flag, holds in own if holds), *flags),
            attribution=told.made.attribution(),
        )


class Vitals:
    """The documents of one run; `flags` are what is to be held against the figures of all."""

    def __init__(self, say: Callable[[Event], None], flags: tuple[str, ...] = ()) -> None:
        self._say, self._flags = say, flags
        self._documents: dict[str, _Document] = {}
        self._current: dict[Page, _Document] = {}
        self._awaited = Awaited()

    async def attach(self, context: Context) -> None:
        """Before the context has a page."""
        collector = files(__package__).joinpath("collector.js").read_text("utf-8")
        await done(context.expose_binding(BINDING, self._heard))
        await done(context.add_init_script(collector))

    async def pull(
        self, pages: Iterable[Page], seconds: float, *, leaving: bool = False
    ) -> list[Page]:
        """Asks what is open now; the pages that did not answer in time.

        `leaving`: the journey waits meanwhile, so nobody waits for what may still be painted.
        """
        silent = []
        for page in pages:
            if page in self._current and not page.is_closed():
                # An evaluation has no limit of its own, and waiting for a function would give the
                # page all of Playwright's own script first: so it is looked at by what is there.
                try:
                    await done(
                        page.locator(":root").wait_for(state="attached", timeout=seconds * 1000)
                    )
                except Error:
                    silent.append(page)
                    continue
                with suppress(Error):  # it went on to another document meanwhile
                    await settled(page.evaluate(_FLUSH, leaving))
        self.tell()
        return silent

    def tell(self) -> None:
        """Says what is news."""
        for document in list(self._documents.values()):
            if document.is_news:
                document.is_news = False
                self._say(document.seen(self._flags))

    def name(self, page: Page, name: str) -> None:
        """The author's word for the document that `page` shows."""
        if document := self._current.get(page):
            document.name, document.is_news = name, True

    def count_js_error(self, page: Page | None) -> None:
        if page is not None and (document := self._current.get(page)):
            document.js_errors += 1
            document.is_news = True

    def count_failed_request(self, request: Request) -> None:
        """Of the document that made it, or of the one that it was for."""
        page = page_of(request)
        if not self._awaited.add(request) and page and (document := self._current.get(page)):
            document.failed_requests += 1
            document.is_news = True

    def forget_failed_request(self, request: Request) -> None:
        """It was for a document that no page shows."""
        self._awaited.drop(request)

    def _heard(self, source: Mapping[str, object], text: object) -> None:
        page = source.get("page")
        if not isinstance(page, sync_api.Page | async_api.Page):
            return
        if not isinstance(text, str) or len(text) > LONGEST_TELLING:
            return
        with suppress(ValidationError):
            self._take(page, _Told.model_validate_json(text))

    def _take(self, page: Page, told: _Told) -> None:
        document = self._documents.get(told.id)
        if document is None:
            if told.why != "begun" or len(self._documents) >= DOCUMENTS:
                return
            document = _Document(told, failed_requests=self._awaited.begun(page))
            self._documents[told.id] = self._current[page] = document
        document.is_news = document.is_news or document.told != told
        document.told = told
        if told.why == "left":
            self.tell()


def flags_of(order: Order) -> tuple[str, ...]:
    """What is to be held against every figure of a run."""
    flags = (
        ("remote", order.connect is not None),
        ("throttled", order.network is not None),
        ("unverified", not order.verified),
    )
    return tuple(flag for flag, holds in flags if holds)


def default_name(url: str) -> str:
    """The path of a URL, whose segments with a digit are all one."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return cut(parts.scheme, NAME)
    segments = (":id" if _DIGIT.search(one) else one for one in parts.path.split("/"))
    return cut("/".join(segments) or "/", NAME)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
