"""One request of a run and its answer: which way does it go, and what is known of it then?"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Self

from prober.probes.address import Url
from prober.probes.cookies import Jar
from prober.probes.http_proxy import HttpProxy
from prober.probes.http_request import Hop
from prober.probes.http_resolve import resolved
from prober.probes.http_settings import HttpSettings
from prober.result import Attempt, Fact
from prober.wire import http1, http2
from prober.wire.http1 import Limits, Lines, Request, Response
from prober.wire.network import Endpoint, Network
from prober.wire.tunnel import Proxy

_LAST_MODIFIED = len("last-modified")  # most headers are ruled out by their length
_YEARS = range(1970, 9999)  # of which every moment can be told in any time zone


class Leg(NamedTuple):
    """A request ready to be sent, and its way; `stamps` are header lines beside its hop's own."""

    hop: Hop
    request: Request
    to: Endpoint
    limits: Limits
    url: str  # for people
    stamps: Lines = ()

    @classmethod
    def of(cls, hop: Hop, settings: HttpSettings, name: str, jar: Jar) -> Self:
        """`name` is the check's."""
        proxy = settings.proxy
        if proxy is not None and not proxy.serves(hop.url):
            proxy = None
        asked = proxy if proxy is not None and not hop.url.tls else None
        return cls(
            hop,
            hop.request(name, jar, asked),
            _endpoint(hop.url, settings, proxy),
            Limits(body=settings.max_body),
            str(hop.url),
        )


async def ask(leg: Leg, attempt: Attempt, net: Network) -> tuple[Response, float]:
    """The response, and the seconds from the start to its last byte. Raises Failure or OwnFault."""
    hop = leg.hop
    attempt.facts["final_url"] = leg.url
    connection = await net.connect(leg.to, attempt)
    try:
        stamps = hop.stamps(attempt) + leg.stamps
        exchange = http2.exchange if connection.protocol == "h2" else http1.exchange
        response = await exchange(connection, leg.request, leg.limits, stamps)
    finally:
        connection.close()
    _note(response, hop.url, attempt.facts)
    return response, response.last_byte - connection.started_at


def _endpoint(url: Url, settings: HttpSettings, proxy: HttpProxy | None) -> Endpoint:
    ip, overrides = settings.ip or "auto", settings.resolve
    via = None
    if proxy is not None:
        at = resolved(overrides, proxy.host, proxy.port)
        if not url.tls:
            return Endpoint(proxy.host, proxy.port, ip=ip, resolved=at)
        via = Proxy(at or proxy.host, proxy.port, proxy.tunnel_lines)
    # A name and a certificate were written for the host of the check's own URL.
    own = url.host == settings.url.host
    policy = settings.tls.policy if own else settings.tls.policy_elsewhere
    return Endpoint(
        url.host,
        url.port,
        policy if url.tls else None,
        ip=ip,
        resolved=resolved(overrides, url.host, url.port),
        via=via,
        http2=settings.http2 and url.tls,
    )


def _note(response: Response, url: Url, facts: dict[str, Fact]) -> None:
    facts["status_code"] = response.status
    facts["http_version"] = response.version
    facts["ssl"] = url.tls
    sent = response.wire_length
    facts["content_length"] = response.received if sent is None else sent
    facts["uncompressed_body_length"] = response.body_length
    for name, value in response.headers:
        if len(name) != _LAST_MODIFIED or name.lower() != "last-modified":
            continue
        if (moment := _moment(value)) is not None:
            facts["last_modified"] = moment


def _moment(text: str) -> datetime | None:
    """What a Last-Modified says, in UTC; None where it is no moment of any document."""
    try:
        moment = parsedate_to_datetime(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year in _YEARS else None
