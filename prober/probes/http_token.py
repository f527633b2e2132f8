"""Which access token goes with a request? One that is kept, or one that is asked for now.

RFC 6749, 4.4, over our own wire. What it takes is the run's timeout's, but of
no phase and not of the run's duration. Who asks at the same time as somebody
else waits for their answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakKeyDictionary

from prober.probes.address import bracketed
from prober.probes.cookies import Jar
from prober.probes.http_ask import Leg, ask
from prober.probes.http_auth import OAuth2, basic_header
from prober.probes.http_headers import refuse_unsendable
from prober.probes.http_request import Hop
from prober.probes.http_settings import HttpSettings
from prober.probes.http_tls import TlsSettings
from prober.probes.texts import clipped
from prober.result import Attempt, Reason
from prober.secret import Secret
from prober.wire.failure import Failure, OwnFault
from prober.wire.http1 import Lines, Response
from prober.wire.network import Network

_LARGEST = 2**20  # bytes of an answer
_LIFETIME = 300.0  # seconds that a token is kept where its server does not say
_MARGIN = 30.0  # seconds before its end that it is not used any more, or a tenth of its life


class Token(NamedTuple):
    """`until` is a monotonic moment; `is_kept` where it was not asked for by this very run."""

    value: Secret
    until: float
    is_kept: bool = False

    @property
    def line(self) -> Lines:
        return (("Authorization", f"Bearer {self.value.reveal()}"),)


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for tokens: equal ones share them, whatever check they belong to."""

    key: tuple[object, ...] = field(repr=False)
    host: str
    leg: Leg = field(compare=False, repr=False)

    @classmethod
    def of(cls, settings: HttpSettings, name: str) -> Client | None:
        """None where no token is needed."""
        if settings.auth is None or settings.auth.oauth2 is None:
            return None
        request = _request(settings, settings.auth.oauth2)
        leg = Leg.of(Hop.first(request), request, name, Jar())
        headers = tuple(line for line in leg.request.headers if line[0] != "X-Synthetic-Check")
        key = (str(request.url), headers, leg.request.body, leg.to)
        return cls(key, bracketed(request.url.host), leg)


async def token(client: Client, attempt: Attempt, net: Network) -> Token:
    """The one to be used now. Raises Failure or OwnFault."""
    began = net.clock.monotonic()
    attempt.doing = f"token request to {client.host}"
    try:
        found = await _desk(net).token(client, attempt, net)
    except (Failure, OwnFault):
        attempt.doing = ""  # which it ended by itself
        raise
    # Where there is none, nothing else took time: a run that was cut off is no quick one.
    attempt.aside += net.clock.monotonic() - began
    attempt.doing = ""
    attempt.secrets = (*attempt.secrets, found.value.reveal())
    return found


def refused(client: Client, old: Token, net: Network) -> None:
    """A target does not take `old` any more: the next to ask gets another one."""
    _desk(net).drop(client, old)


class _Desk:
    """The tokens of one agent, and who is asking for one right now."""

    def __init__(self) -> None:
        self._kept: dict[Client, Token] = {}
        self._asking: dict[Client, asyncio.Future[Token | Failure | OwnFault]] = {}

    async def token(self, client: Client, attempt: Attempt, net: Network) -> Token:
        while True:
            kept = self._kept.get(client)
            if kept is not None and net.clock.monotonic() < kept.until:
                return kept._replace(is_kept=True)
            asking = self._asking.get(client)
            if asking is None:
                return await self._ask(client, attempt, net)
            attempt.during = "token"
            await asyncio.wait((asking,))
            if not asking.cancelled():  # else whoever asked ran out of time, and it is our turn
                return _taken(asking.result())

    def drop(self, client: Client, old: Token) -> None:
        kept = self._kept.get(client)
        if kept is not None and kept.value == old.value:
            del self._kept[client]

    async def _ask(self, client: Client, attempt: Attempt, net: Network) -> Token:
        answer = self._asking[client] = asyncio.get_running_loop().create_future()
        try:
            answer.set_result(await _asked(client, attempt, net))
        finally:
            del self._asking[client]
            answer.cancel()  # has no effect where there is one
        found = _taken(answer.result())
        now = net.clock.monotonic()
        self._kept = {one: kept for one, kept in self._kept.items() if now < kept.until}
        self._kept[client] = found
        return found


_DESKS: WeakKeyDictionary[Network, _Desk] = WeakKeyDictionary()  # as many as there are agents


def _desk(net: Network) -> _Desk:
    return _DESKS.setdefault(net, _Desk())


def _taken(answer: Token | Failure | OwnFault) -> Token:
    match answer:
        case Failure():
            raise Failure(answer.reason, str(answer))  # each its own: they collect tracebacks
        case OwnFault():
            raise OwnFault(str(answer))
        case _:
            return answer


async def _asked(client: Client, attempt: Attempt, net: Network) -> Token | Failure | OwnFault:
    """What the server says; whatever is met on the way is known of the token, not of the run."""
    own = Attempt(run_id=attempt.run_id, traceparent=attempt.traceparent, deadline=attempt.deadline)
    try:
        response, _ = await ask(client.leg, own, net)
        return _token(response, net.clock.monotonic())
    except Failure as failure:
        return Failure(failure.reason, f"{attempt.doing}: {failure}")
    except OwnFault as fault:
        return OwnFault(f"{attempt.doing}: {fault}")
    finally:
        attempt.during = own.during


def _request(settings: HttpSettings, oauth2: OAuth2) -> HttpSettings:
    """The request for a token, as settings: it goes the same way as the check's own."""
    form: dict[str, str | Secret] = {"grant_type": "client_credentials"}
    if oauth2.scopes:
        form["scope"] = " ".join(oauth2.scopes)
    form |= oauth2.params
    headers: dict[str, str | Secret] = {"Accept": "application/json"}
    if oauth2.auth_style == "header":
        headers["Authorization"] = basic_header(oauth2.pair)
    else:
        form |= {"client_id": oauth2.client_id, "client_secret": oauth2.client_secret}
    tls = settings.tls
    if oauth2.token_url.host != settings.url.host:  # a server's name is of one server
        tls = TlsSettings.model_validate(tls.model_dump(exclude={"server_name"}))
    return HttpSettings.model_validate(
        {
            "url": oauth2.token_url,
            "method": "POST",
            "headers": headers,
            "form": form,
            "ip": settings.ip,
            "resolve": settings.resolve,
            "http2": settings.http2,
            "proxy": settings.proxy,
            "tls": tls,
            "redirects": 0,
            "max_body": _LARGEST,
        }
    )


def _token(response: Response, now: float) -> Token:
    said = _json(response)
    if response.status != 200:
        raise Failure(Reason.STATUS, f"status {response.status}{_complaint(said)}")
    value = said.get("access_token")
    if not isinstance(value, str) or not value.strip():
        raise Failure(Reason.JSON, f"the answer has no access_token{_complaint(said)}")
    try:
        refuse_unsendable(value, "access_token")
    except ValueError:
        raise Failure(Reason.JSON, "its access_token cannot stand in a header") from None
    kind = said.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Failure(Reason.JSON, f"token_type is {clipped(str(kind))!r}, not Bearer")
    lifetime = _seconds(said.get("expires_in"))
    return Token(Secret(value.strip()), now + lifetime - min(_MARGIN, lifetime / 10))


def _json(response: Response) -> Mapping[str, object]:
    """The object that was answered; an empty one for anything else."""
    try:
        said = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _complaint(said: Mapping[str, object]) -> str:
    """What the server has against it (RFC 6749, 5.2)."""
    told = [said.get(name) for name in ("error", "error_description")]
    words = ": ".join(clipped(one) for one in told if isinstance(one, str))
    return f", {words}" if words else ""


def _seconds(said: object) -> float:
    try:
        seconds = float(said) if isinstance(said, int | float | str) else _LIFETIME
    except (ValueError, OverflowError):
        return _LIFETIME
    return max(seconds, 0.0) if seconds < float("inf") else _LIFETIME
