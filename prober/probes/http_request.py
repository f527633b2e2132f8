"""What exactly is sent, and to where a redirect takes it.

Nothing that is secret, and no Host of the user's, goes to another origin than
the one it was written for; once dropped it stays dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from prober import __version__
from prober.probes.address import Url, hidden
from prober.probes.cookies import Jar
from prober.probes.http_auth import basic_header
from prober.probes.http_proxy import HttpProxy
from prober.probes.http_settings import HttpSettings
from prober.probes.texts import clipped, utf8
from prober.result import Attempt, Reason
from prober.secret import Secret
from prober.wire.failure import Failure
from prober.wire.http1 import Lines, Request, Response

_TOKEN = "prober-synthetic"  # noqa: S105 - a word in the User-Agent
_FOLLOWED = frozenset({300, 301, 302, 303, 307, 308})
# What each request says of us, whatever is asked of whom: kept once for all checks.
_SAID = (
    ("User-Agent", f"prober/{__version__} {_TOKEN}"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Connection", "close"),
)
_OF_THE_BODY = frozenset({"content-type", "content-encoding", "content-language"})

Headers = Mapping[str, tuple[str | Secret, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One request of a run; `headers` are the user's that still apply.

    `takes_token` where one that has been asked for is to go along: to the
    first origin, as long as no other has been met.
    """

    url: Url
    method: str
    headers: Headers
    body: bytes
    takes_token: bool = False

    @classmethod
    def first(cls, settings: HttpSettings) -> Hop:
        """Raises OwnFault where a file that belongs to it cannot be read."""
        headers, body = dict(settings.headers), settings.payload
        if body.media_type and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = (body.media_type,)
        if settings.auth is not None and (known := settings.auth.header) is not None:
            headers["Authorization"] = (known,)
        return cls(
            url=settings.url,
            method=settings.method,
            headers=headers,
            body=body.content,
            takes_token=settings.auth is not None and settings.auth.oauth2 is not None,
        )

    def request(self, check: str, jar: Jar, proxy: HttpProxy | None = None) -> Request:
        """As it goes onto the wire, less the stamps: the user's headers in place of ours.

        Where it is a `proxy` that is asked, it is told the whole URL, and who we are to it.
        """
        lines = {line[0].lower(): [line] for line in self._ours(check)}
        for name, values in self.headers.items():
            lines[name.lower()] = [(name, _sent(name, value)) for value in values]
        given = "; ".join(value for _, value in lines.get("cookie", ()))
        if cookie := jar.header(self.url, given):
            lines["cookie"] = [("Cookie", cookie)]
        headers = tuple(pair for pairs in lines.values() for pair in pairs)
        if proxy is None:
            return Request(self.method, self.url.target, headers, self.body)
        return Request(self.method, str(self.url), (*headers, *proxy.lines), self.body)

    def stamps(self, attempt: Attempt) -> Lines:
        """What says of which run the request is, where the user does not say it."""
        ours = (("traceparent", attempt.traceparent), ("X-Synthetic-Run", attempt.run_id))
        if not self.headers:
            return ours
        given = {name.lower() for name in self.headers}
        return tuple(line for line in ours if line[0].lower() not in given)

    def _ours(self, check: str) -> Iterator[tuple[str, str]]:
        yield "Host", self.url.authority
        yield from _SAID
        yield "X-Synthetic-Check", check
        if self.url.userinfo is not None and not self.takes_token:
            yield "Authorization", basic_header(self.url.userinfo).reveal()

    def after(self, response: Response) -> Hop | None:
        """The request a redirect asks for; None where the response is final."""
        if response.status not in _FOLLOWED:
            return None
        location = next((v for name, v in response.headers if name.lower() == "location"), None)
        if location is None:
            return None
        try:
            url = self.url.join(utf8(location))
        except ValueError:
            shown = clipped(hidden(location))
            message = f"redirected to {shown!r}, which is no http or https URL"
            raise Failure(Reason.REDIRECT, message) from None
        return self._to(url)._asked_anew(response.status)

    def _to(self, url: Url) -> Hop:
        if self.url.leads_on_to(url):
            return replace(self, url=url)
        public = {
            name: values
            for name, values in self.headers.items()
            if name.lower() != "host" and not any(isinstance(value, Secret) for value in values)
        }
        return replace(self, url=url, headers=public, takes_token=False)

    def _asked_anew(self, status: int) -> Hop:
        """As browsers do: a POST becomes a GET, but for 307 and 308; 303 asks for a GET."""
        by_post = status in {301, 302} and self.method == "POST"
        if not by_post and not (status == 303 and self.method not in {"GET", "HEAD"}):
            return self
        kept = {k: v for k, v in self.headers.items() if k.lower() not in _OF_THE_BODY}
        return replace(self, method="GET", body=b"", headers=kept)


def _sent(name: str, value: str | Secret) -> str:
    text = value.reveal() if isinstance(value, Secret) else value
    if name.lower() == "user-agent" and _TOKEN not in text:
        return f"{text} {_TOKEN}".strip()
    return text
