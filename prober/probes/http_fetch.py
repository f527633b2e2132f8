"""What does a server answer in the end, wherever it leads us on the way?"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Self

from prober.probes.address import Url
from prober.probes.cookies import Jar
from prober.probes.http_request import Hop
from prober.probes.http_settings import HttpSettings
from prober.probes.texts import clipped
from prober.result import Attempt, Fact, Reason
from prober.wire.failure import Failure
from prober.wire.http1 import Limits, Request, Response, exchange
from prober.wire.network import Endpoint, Network

# Facts of the first lookup and of the way; all others are of the hop they were met on.
_OF_THE_RUN = frozenset({"dns_lookup_seconds", "redirects", "regex_failed"})
_LAST_MODIFIED = len("last-modified")  # most headers are ruled out by their length
_YEARS = range(1970, 9999)  # of which every moment can be told in any time zone


class Opening(NamedTuple):
    """The first request of a run, ready to be sent; `name` is its check's."""

    name: str
    hop: Hop
    request: Request

    @classmethod
    def of(cls, settings: HttpSettings, name: str, jar: Jar) -> Self:
        hop = Hop.first(settings)
        return cls(name, hop, hop.request(name, jar))


async def fetch(
    settings: HttpSettings, opening: Opening, jar: Jar, attempt: Attempt, net: Network
) -> tuple[Response, float]:
    """The response that leads nowhere else, and the seconds that all of them took.

    `jar` gets the cookies met on the way. Raises Failure or OwnFault.
    """
    name, hop, request = opening
    seconds, followed = 0.0, 0
    while True:
        attempt.facts["redirects"] = followed
        response, took = await _ask(hop, request, settings, attempt, net)
        seconds += took
        following = hop.after(response) if settings.redirects else None
        if following is None:
            return response, seconds
        if followed == settings.redirects:
            many = "1 redirect" if followed == 1 else f"{followed} redirects"
            message = f"more than {many}, the last to {clipped(str(following.url))}"
            raise Failure(Reason.REDIRECT, message)
        jar.keep(hop.url, response.headers, net.clock.now())
        hop, followed = following, followed + 1
        request = hop.request(name, jar)
        for fact in attempt.facts.keys() - _OF_THE_RUN:
            del attempt.facts[fact]


async def _ask(
    hop: Hop, request: Request, settings: HttpSettings, attempt: Attempt, net: Network
) -> tuple[Response, float]:
    """One hop's response, and the seconds from its start to its last byte."""
    url = hop.url
    attempt.facts["final_url"] = str(url)
    policy = settings.tls.policy if url.tls else None
    connection = await net.connect(Endpoint(url.host, url.port, policy), attempt)
    try:
        limits = Limits(body=settings.max_body)
        response = await exchange(connection, request, limits, hop.stamps(attempt))
    finally:
        connection.close()
    attempt.facts.update(_facts(response, url))
    return response, response.last_byte - connection.started_at


def _facts(response: Response, url: Url) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "status_code": response.status,
        "http_version": response.version,
        "ssl": url.tls,
        "content_length": response.wire_length
        if response.wire_length is not None
        else response.received,
        "uncompressed_body_length": response.body_length,
    }
    for name, value in response.headers:
        if len(name) != _LAST_MODIFIED or name.lower() != "last-modified":
            continue
        if (moment := _moment(value)) is not None:
            facts["last_modified"] = moment
    return facts


def _moment(text: str) -> datetime | None:
    """What a Last-Modified says, in UTC; None where it is no moment of any document."""
    try:
        moment = parsedate_to_datetime(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year in _YEARS else None
