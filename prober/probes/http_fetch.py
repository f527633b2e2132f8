"""What does a server answer in the end, wherever it leads us on the way?"""

from __future__ import annotations

from typing import NamedTuple, Self

from prober.probes import http_token
from prober.probes.cookies import Jar
from prober.probes.http_ask import Leg, ask
from prober.probes.http_request import Hop
from prober.probes.http_settings import HttpSettings
from prober.probes.http_token import Client
from prober.probes.texts import clipped
from prober.result import Attempt, Fact, Reason
from prober.wire.failure import Failure
from prober.wire.http1 import Response
from prober.wire.network import Network

# Facts of the first lookup and of the way; all others are of the hop they were met on.
_OF_THE_RUN = frozenset(
    {"dns_lookup_seconds", "first_ip", "first_ip_protocol", "redirects", "regex_failed"}
)
_UNAUTHORIZED = 401


class Opening(NamedTuple):
    """The first request of a run, ready to be sent; `name` is its check's.

    `secrets` are those that its config does not hold as they are sent;
    `client` asks for the token that goes along, if one does.
    """

    name: str
    leg: Leg
    secrets: tuple[str, ...] = ()
    client: Client | None = None

    @classmethod
    def of(cls, settings: HttpSettings, name: str, jar: Jar) -> Self:
        """Raises OwnFault where a file that belongs to it cannot be read."""
        leg = Leg.of(Hop.first(settings), settings, name, jar)
        secrets = settings.auth.secrets if settings.auth is not None else ()
        return cls(name, leg, secrets, Client.of(settings, name))


async def fetch(
    settings: HttpSettings, opening: Opening, jar: Jar, attempt: Attempt, net: Network
) -> tuple[Response, float]:
    """The response that leads nowhere else, and the seconds that all of them took.

    `jar` gets the cookies met on the way. Raises Failure or OwnFault.
    """
    name, leg, secrets, client = opening
    attempt.doing = ""
    if secrets:
        attempt.secrets = (*attempt.secrets, *secrets)
    seconds, followed = 0.0, 0
    while True:
        attempt.facts["redirects"] = followed
        if client is None or not leg.hop.takes_token:
            response, took = await ask(leg, attempt, net)
        else:
            response, took = await _ask_with_token(client, leg, attempt, net)
        seconds += took
        following = leg.hop.after(response) if settings.redirects else None
        if following is None:
            return response, seconds
        if followed == settings.redirects:
            many = "1 redirect" if followed == 1 else f"{followed} redirects"
            message = f"more than {many}, the last to {clipped(str(following.url))}"
            raise Failure(Reason.REDIRECT, message)
        jar.keep(leg.hop.url, response.headers, net.clock.now())
        leg, followed = Leg.of(following, settings, name, jar), followed + 1
        _leave(attempt.facts)


def _leave(facts: dict[str, Fact]) -> None:
    """What stays known of a request that led elsewhere."""
    for fact in ("ip", "ip_protocol"):
        facts.setdefault(f"first_{fact}", facts[fact])
    for fact in facts.keys() - _OF_THE_RUN:
        del facts[fact]


async def _ask_with_token(
    client: Client, leg: Leg, attempt: Attempt, net: Network
) -> tuple[Response, float]:
    """As `ask`; a kept token that is not taken any more is replaced once, at nobody's expense."""
    token = await http_token.token(client, attempt, net)
    before, began = dict(attempt.phases), net.clock.monotonic()
    response, took = await ask(leg._replace(stamps=token.line), attempt, net)
    if response.status != _UNAUTHORIZED or not token.is_kept:
        return response, took
    http_token.refused(client, token, net)
    attempt.phases.clear()
    attempt.phases.update(before)
    attempt.aside += net.clock.monotonic() - began
    token = await http_token.token(client, attempt, net)
    return await ask(leg._replace(stamps=token.line), attempt, net)
