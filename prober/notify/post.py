"""How a body is posted to a receiver over HTTP, and what its answer means.

2xx is acceptance and nothing else is; what other answers mean is in `answers`.
Redirects are not followed. Messages name receivers by scheme, host and port only:
the rest of a URL may be as secret as its userinfo.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from logging import WARNING, getLogger
from typing import Annotated, TypeAlias

import anyio
import httpx
from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from prober.clock import Clock
from prober.errors import DeliveryError
from prober.headers import header_text
from prober.notify import answers
from prober.secret import Scrubber, Secret, is_secret_header, written
from prober.units import show_duration

ANSWER_SHOWN = 200  # characters of an answer that a message quotes
ANSWER_READ = 4096  # bytes; a receiver that talks on is not listened to

SECRET_FROM = 6  # characters of a path's segment; shorter ones are words like "v2" and "hook"


class Url:
    """An http or https URL that shows as its scheme, host and port alone."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise ValueError("not a URL; write it as https://host/path") from error
        if url.scheme not in ("http", "https") or not url.host or " " in text:
            raise ValueError("not an http or https URL; write it as https://host/path")
        if not 0 < (url.port or 80) < 65536:
            raise ValueError(f"{url.port} is not a port; write 1 to 65535")
        self._text = text

    def reveal(self) -> httpx.URL:
        """The whole URL but for the userinfo, which travels as `auth`."""
        return httpx.URL(self._text).copy_with(userinfo=b"")

    def under(self, path: str) -> Url:
        """The same with `path` behind its own."""
        url = httpx.URL(self._text)
        return Url(str(url.copy_with(path=url.path.rstrip("/") + path)))

    @property
    def auth(self) -> httpx.Auth | None:
        url = httpx.URL(self._text)
        return httpx.BasicAuth(url.username, url.password) if url.userinfo else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown should a receiver repeat it."""
        url = httpx.URL(self._text)
        userinfo = (f"{url.username}:{url.password}", url.username, url.password)
        path = [part for part in url.path.split("/") if len(part) >= SECRET_FROM]
        return (*userinfo, *path, url.query.decode(), *url.params.values())

    def __str__(self) -> str:
        url = httpx.URL(self._text)
        return f"{url.scheme}://{url.netloc.decode()}"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return written(cls, cls, core_schema.str_schema())


def _headers(value: object) -> object:
    """Hides the values that are secret by name; refuses what HTTP cannot carry."""
    if not isinstance(value, Mapping):
        return value
    return {name: _header_value(str(name), text) for name, text in value.items()}


def _header_value(name: str, value: object) -> str | Secret:
    secret = isinstance(value, Secret) or is_secret_header(name)
    text = header_text(name, value)
    return Secret(text) if secret else text


Headers: TypeAlias = Annotated[Mapping[str, str | Secret], BeforeValidator(_headers)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One body on its way to one receiver; `hidden` is what no message must show."""

    url: Url
    under: str = ""  # a path below the URL's own, and no secret
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout: float  # of everything, from connecting to the end of the answer
    hidden: tuple[str, ...] = field(default=(), repr=False)


_certificates = cache(ssl.create_default_context)


def client() -> httpx.AsyncClient:
    """The client all notifiers share. The first takes 50 ms, for certificates and code: make it early.

    Proxies of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) are used, a
    .netrc is not; certificates are checked against the system's. Connections
    are not counted here, so that a slow receiver cannot use up another's.
    """
    for chatty in ("httpx", "httpcore"):  # they log whole URLs, and headers
        getLogger(chatty).setLevel(WARNING)
    with suppress(RuntimeError):
        anyio.get_cancelled_exc_class()  # or the first request would load what it runs on
    return httpx.AsyncClient(
        verify=_certificates(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        timeout=None,  # noqa: S113 - `send` bounds the whole exchange instead of each step
        trust_env=True,
    )


async def send(post: Post, client: httpx.AsyncClient, clock: Clock) -> None:
    """Returns when the receiver has accepted. Raises DeliveryError."""
    answer = await ask(post, client)
    if not answer.response.is_success:
        raise refusal(post, answer, clock.now())


@dataclass(frozen=True, slots=True)
class Answered:
    """A status, and the beginning of what was said with it (or nothing, where that got lost)."""

    response: httpx.Response
    said: bytes


async def ask(post: Post, client: httpx.AsyncClient) -> Answered:
    """Whatever the receiver answers. Raises DeliveryError where it does not."""
    response: httpx.Response | None = None
    said = bytearray()
    try:
        async with asyncio.timeout(post.timeout):
            async with _exchange(post, client) as response:
                await _read(response, said)
    except (TimeoutError, httpx.HTTPError) as error:
        # A status has been an answer, whatever became of the text behind it.
        if response is None:
            raise _unanswered(post, error) from error
    return Answered(response, bytes(said))


def _exchange(post: Post, client: httpx.AsyncClient) -> AbstractAsyncContextManager[httpx.Response]:
    headers = httpx.Headers({"User-Agent": "prober", "Content-Type": "application/json"})
    headers.update(post.headers)
    headers["Accept-Encoding"] = "identity"
    url = post.url.under(post.under).reveal() if post.under else post.url.reveal()
    return client.stream("POST", url, content=post.body, headers=headers, auth=post.url.auth)


async def _read(response: httpx.Response, said: bytearray) -> None:
    async for piece in response.aiter_raw():
        said += piece
        if len(said) >= ANSWER_READ:
            return


def refusal(post: Post, answer: Answered, now: float) -> DeliveryError:
    """What an answer other than 2xx means, by its status alone."""
    status = answer.response.status_code
    more = _leads_to(answer.response, post) or _quoted(answer.said, post)
    message = f"{post.url} answered {status}{more}"
    wish = answers.retry_after(answer.response.headers.get("Retry-After"), now)
    return answers.meaning(status, message, wish)


def _leads_to(response: httpx.Response, post: Post) -> str:
    """Of a redirect, the host: path and query may hold secrets, and so may the page that repeats them."""
    if response.next_request is None:
        return ""
    place = response.next_request.url
    host = Scrubber(post.hidden)(f"{place.scheme}://{place.netloc.decode()}")
    there = "to another of its own paths" if host == str(post.url) else f"to {host}"
    return f", which leads {there} and is not followed"


def _unanswered(post: Post, error: TimeoutError | httpx.HTTPError) -> DeliveryError:
    if isinstance(error, TimeoutError):
        return DeliveryError(f"{post.url} did not answer within {show_duration(post.timeout)}")
    # The libraries quote what they cannot send.
    return DeliveryError(f"{post.url} cannot be told: {_scrubbed(answers.cause(error), post)}")


def _quoted(answer: bytes, post: Post) -> str:
    text = " ".join(answer.decode("utf-8", "replace").split())
    text = _scrubbed(text, post)
    shown = text if len(text) <= ANSWER_SHOWN else f"{text[:ANSWER_SHOWN]}…"
    return f", saying {shown!r}" if shown else ""


def _scrubbed(text: str, post: Post) -> str:
    return Scrubber((*post.hidden, *post.url.secrets))(text)


def revealed(headers: Mapping[str, str | Secret]) -> dict[str, str]:
    return {n: v.reveal() if isinstance(v, Secret) else v for n, v in headers.items()}


def secret_parts(headers: Iterable[str | Secret]) -> tuple[str, ...]:
    """Secret values, and the word behind `Bearer ` or `Basic ` on its own."""
    values = [value.reveal() for value in headers if isinstance(value, Secret)]
    return (*values, *(value.split(" ", 1)[1] for value in values if " " in value))
