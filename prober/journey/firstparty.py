"""Which requests of a journey say of which run they are?

Those to first parties, and of a page its documents and what its scripts ask for
(XHR, fetch). Chromium pauses these (CDP's Fetch domain), and each goes on with
three headers more. Headers for all that a page asks would make other sites refuse
what scripts ask of them, and a route of Playwright's turns the HTTP cache off.

A request that is paused waits for us: whatever happens here, it goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

from playwright import async_api
from playwright.async_api import Error
from pydantic import BaseModel

from prober.journey.arrivals import Arrivals
from prober.journey.either import (
    ApiRequest,
    Browser,
    CDPSession,
    Context,
    done,
    driven,
    session_of_browser,
)
from prober.journey.engine import LISTENERS
from prober.journey.events import Order
from prober.journey.tried import Tried

_TYPES = ("Document", "XHR", "Fetch")
_METHODS = ("get", "post", "put", "patch", "delete", "head", "fetch")
_SCHEMES = ("http", "https")
# Chromium keeps it by itself. Told, it would go along whole wherever the request is redirected.
_NOT_TOLD = "referer"


class _Request(BaseModel):
    url: str
    headers: Mapping[str, str]


class _Paused(BaseModel):
    """What is read of the event."""

    requestId: str
    request: _Request


class FirstParty:
    """The stamps of one run, and whom they are for."""

    def __init__(self, order: Order, *, is_async: bool) -> None:
        self._stamps = {
            "traceparent": order.traceparent,
            "X-Synthetic-Check": order.check,
            "X-Synthetic-Run": order.run_id,
        }
        self._base_url = order.base_url
        self._is_elsewhere = order.connect is not None
        self._is_async = is_async
        self._origins = set(with_safe_twins(order.first_party))
        self._learns = order.base_url is None  # who is asked for the first page is one
        self._sessions: list[CDPSession] = []
        given = order.context.get("extra_http_headers")
        self._of_all = tuple(given) if isinstance(given, Mapping) else ()

    async def attach(self, browser: Browser, context: Context) -> None:
        """Before the context has a page.

        A browser of our own is told once, and nothing in it is missed. In one
        that others may use as well, each page of ours is told.
        """
        self.stamp(context.request)
        if self._is_elsewhere:
            Arrivals(self._watch, is_async=self._is_async).attach(context)
        else:
            await self._watch(await session_of_browser(browser))

    def stamp(self, api: ApiRequest) -> None:
        """Requests without a page say so, too, where it is a first party that is asked."""
        for name in _METHODS:
            self._stand_before(api, name)

    async def _watch(self, session: CDPSession) -> None:
        if session not in self._sessions:
            self._sessions.append(session)
            if isinstance(session, async_api.CDPSession):
                session.on("Fetch.requestPaused", lambda event: self._on_paused(session, event))
            else:
                session.on(
                    "Fetch.requestPaused", lambda event: driven(self._on_paused(session, event))
                )
        await self._wish(session)

    async def _wish(self, session: CDPSession) -> None:
        """What is to be paused from now on."""
        urls = ["*"] if self._learns else [url for one in self._origins for url in _patterns(one)]
        types = ("Document",) if self._learns else _TYPES
        wanted = [{"urlPattern": url, "resourceType": one} for url in urls for one in types]
        await _sent(session, "Fetch.enable", {"patterns": wanted})

    async def _on_paused(self, session: CDPSession, event: object) -> None:
        paused = _Paused.model_validate(event)
        told: dict[str, object] = {"requestId": paused.requestId}
        try:
            if self._learns:
                await self._learn(paused.request.url)
            if self._is_ours(paused.request.url):
                told["headers"] = self._headers(paused.request.headers)
        finally:
            if not await _sent(session, "Fetch.continueRequest", told):
                # Gone, or there is a header that Chromium does not take.
                await _sent(session, "Fetch.continueRequest", {"requestId": paused.requestId})

    async def _learn(self, url: str) -> None:
        if urlsplit(url).scheme in _SCHEMES:
            self._learns = False
            self._origins.update(with_safe_twins([_origin(url)]))
            for session in self._sessions:
                await self._wish(session)

    def _headers(self, there: Mapping[str, str]) -> list[dict[str, str]]:
        """All that the request has, but one: those that are told replace them."""
        every = {**there, **self._lacking(there)}
        return [
            {"name": name, "value": value}
            for name, value in every.items()
            if name.lower() != _NOT_TOLD
        ]

    def _lacking(self, there: Iterable[str]) -> dict[str, str]:
        """The stamps that nobody has set."""
        set_ = {name.lower() for name in there}
        return {name: value for name, value in self._stamps.items() if name.lower() not in set_}

    def _is_ours(self, url: str) -> bool:
        with suppress(ValueError):  # it is no URL: others will say so
            return _origin(urljoin(self._base_url or "", url)) in self._origins
        return False

    def _stand_before(self, api: ApiRequest, name: str) -> None:
        original: Callable[..., object] = getattr(api, name)

        @functools.wraps(original)
        def stamped(*args: object, **kwargs: object) -> object:
            wanted = next(iter(args), None) or kwargs.get("url") or kwargs.get("url_or_request")
            url = wanted if isinstance(wanted, str) else getattr(wanted, "url", "")
            if self._is_ours(url):
                there = kwargs.get("headers") or getattr(wanted, "headers", None)
                own = dict(there) if isinstance(there, Mapping) else {}
                kwargs["headers"] = {**self._lacking([*own, *self._of_all]), **own}
            return original(*args, **kwargs)

        setattr(api, name, stamped)


async def _sent(session: CDPSession, method: str, told: dict[str, object]) -> bool:
    """What an author's event handler raised, Playwright raises instead of making the next call."""
    failed = 0
    while failed < LISTENERS:
        with Tried() as tried:
            await done(session.send(method, told))
            return True
        if isinstance(tried.error, Error):  # theirs may be one, too
            failed += 1
        elif tried.error is not None and not isinstance(tried.error, Exception):
            raise tried.error
    return False


def _origin(url: str) -> str:
    """As the order has it: nobody's name, and no port where it is the usual one."""
    scheme, host, *_ = urlsplit(url)
    return f"{scheme}://{host.rpartition('@')[2]}"


def _patterns(origin: str) -> Iterator[str]:
    scheme, host = origin.split("://")
    yield f"{origin}/*"
    yield f"{scheme}://*@{host}/*"  # others may be like it, and go on as they are


def with_safe_twins(origins: Iterable[str]) -> Iterator[str]:
    """A site at the usual port of http mostly leads to the one of https."""
    for one in origins:
        yield one
        scheme, host = one.split("://")
        if scheme == "http" and not host.rpartition(":")[2].isdigit():
            yield f"https://{host}"
