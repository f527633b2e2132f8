"""What is a module of blackbox_exporter's: how to look at whatever target a scrape names?

A module becomes the settings of our own kinds and is run by the same engine;
`module_rules` has what those settings do not know. Modules are plain values:
picklable, and comparable for a reload.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from prober import __version__
from prober.probes import AnyCheck, Means, series, tcp
from prober.probes.address import Url, parse_address
from prober.probes.cookies import Jar
from prober.probes.http import HttpCheck
from prober.probes.http_ask import Leg
from prober.probes.http_fetch import Opening, fetch
from prober.probes.http_proxy import HttpProxy
from prober.probes.http_request import Hop
from prober.probes.http_settings import HttpSettings, TlsSettings
from prober.probes.http_token import Client
from prober.probes.http_verdict import answer_of, failed, finding
from prober.probes.judging import JUDGES, Unjudged
from prober.probes.look import Look
from prober.probes.module_rules import Final, Rules, of_coding, of_connection, of_headers
from prober.probes.tcp import TcpCheck, TcpSettings
from prober.probes.texts import utf8
from prober.result import Attempt, Finding, Reason
from prober.secret import Secret
from prober.series import Series
from prober.wire.failure import Failure
from prober.wire.http1 import Lines, Request
from prober.wire.network import Network

AGENT = f"prober/{__version__}"
NOWHERE = "localhost:1"  # in settings that have no target yet
NAME = "probe"  # what the check of a probe is called where one needs a name; no series carries it
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STAMPS = frozenset({"x-synthetic-check", "accept", "accept-encoding"})  # of ours, not of modules

Probe: TypeAlias = Callable[[AnyCheck, Attempt, Means], Awaitable[Finding]]


class Aim(NamedTuple):
    """A module and a target: what the runner needs, and what its result is shown as."""

    check: HttpCheck | TcpCheck
    probe: Probe
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpModule:
    """`settings` lack only their URL; `host` is the Host header that the module itself sets.

    `proxies` are the environment's, by the target's scheme, where they are to be used.
    `has_token`: the Authorization header is a token of the module's, none of its headers.
    """

    settings: HttpSettings
    rules: Rules
    host: str | None = None
    proxies: Mapping[str, HttpProxy] = field(default_factory=dict)
    has_token: bool = False

    def at(self, target: str, hostname: str, timeout: float) -> Aim:
        """Raises ValueError where `target` cannot be one."""
        url = Url.parse(
            target if target.startswith(("http://", "https://")) else f"http://{target}"
        )
        settings = self.settings.model_copy(
            update={"url": url, **self._named(hostname), **self._led(url)}
        )
        settings = settings.model_copy(update=self._asked_by(settings))
        check = HttpCheck(name=NAME, timeout=timeout, http=settings)

        async def probe(_: AnyCheck, attempt: Attempt, means: Means) -> Finding:
            return await _looked(settings, self.rules, attempt, means.network)

        return Aim(check, probe, series(check))

    def _asked_by(self, settings: HttpSettings) -> dict[str, object]:
        """A user in the target goes before the module's password or token, not before OAuth 2."""
        if settings.url.userinfo is None:
            return {}
        if settings.auth is not None:
            if settings.auth.oauth2 is not None:
                return {"url": replace(settings.url, userinfo=None)}
            return {"auth": None}
        return {"headers": _without(settings, "authorization")} if self.has_token else {}

    def _led(self, url: Url) -> dict[str, object]:
        proxy = self.proxies.get(url.scheme)
        return {} if proxy is None else {"proxy": proxy}

    def contradicts(self, hostname: str) -> bool:
        """Whether the module says itself which host to ask for, and another one."""
        return self.host is not None and hostname not in ("", self.host)

    def _named(self, hostname: str) -> dict[str, object]:
        """The host to ask for, in the header and, where no name is configured, in TLS."""
        named = hostname or self.host
        if not named:
            return {}
        headers = _without(self.settings, "host")
        changed: dict[str, object] = {"headers": {**headers, "Host": (named,)}}
        if self.settings.tls.server_name is None:
            changed["tls"] = _named(self.settings.tls, named)
        return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpModule:
    """`settings` lack only their address."""

    settings: TcpSettings

    def at(self, target: str, hostname: str, timeout: float) -> Aim:
        """Raises ValueError where `target` cannot be one."""
        changed: dict[str, object] = {"address": str(parse_address(target))}
        tls = self.settings.tls
        if hostname and tls is not None and tls.server_name is None:
            changed["tls"] = _named(tls, hostname)
        settings = self.settings.model_copy(update=changed)
        check = TcpCheck(name=NAME, timeout=timeout, tcp=settings)

        async def probe(_: AnyCheck, attempt: Attempt, means: Means) -> Finding:
            return await tcp.probe(check, attempt, means.network)

        return Aim(check, probe, series(check))

    def contradicts(self, hostname: str) -> bool:
        return False


class Unsupported(NamedTuple):
    """A kind that prober does not have yet: its module is there, and cannot be asked for."""

    kind: str

    def __str__(self) -> str:
        return f"probes of kind {self.kind} are not supported yet; http and tcp are"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """`timeout` is in seconds, None where only the scrape limits it; `shown` is its config as YAML."""

    name: str
    how: HttpModule | TcpModule | Unsupported
    timeout: float | None = None
    shown: str = ""


def refused(how: HttpModule | TcpModule, why: str, timeout: float) -> Aim:
    """For a target that cannot be one: it is down, as nothing can be there."""

    async def probe(_: AnyCheck, attempt: Attempt, means: Means) -> Finding:
        return Finding.down(Reason.PROTOCOL, why)

    return how.at(NOWHERE, "", timeout)._replace(probe=probe)


class _Bare(Hop):
    """A request as blackbox_exporter sends it: what the module says, and hardly anything of ours."""

    __slots__ = ()

    def request(self, check: str, jar: Jar, proxy: HttpProxy | None = None) -> Request:
        whole = super().request(check, jar, proxy)
        given = {name.lower(): values for name, values in self.headers.items()}
        agent = [("User-Agent", str(value)) for value in given.get("user-agent", (AGENT,))]
        kept = [
            (name, value)
            for name, value in whole.headers
            if name.lower() in given or name.lower() not in _STAMPS
        ]
        headers = [line for line in kept if line[0].lower() != "user-agent"]
        return replace(whole, headers=(*headers[:1], *agent, *headers[1:]))

    def stamps(self, attempt: Attempt) -> Lines:
        return ()


async def _looked(settings: HttpSettings, rules: Rules, attempt: Attempt, net: Network) -> Finding:
    """As `http.probe`, with the rules that only modules have."""
    attempt.facts["regex_failed"] = False
    try:
        response, seconds = await fetch(settings, _opening(settings), Jar(), attempt, net)
    except Failure as failure:
        _count(attempt, failure.reason is Reason.REDIRECT)
        return failed(failure, settings.expect, attempt)
    _count(attempt, not settings.redirects and response.status in _REDIRECTS)
    attempt.during = "expect"
    look = Look.of(settings.expect)
    answer = answer_of(look, response, seconds, attempt, net.clock.now())
    headers = [(name, utf8(value)) for name, value in response.headers]
    final = Final(headers, response.version, attempt.facts.get("ssl") is True)
    try:
        # By a name of this run alone: others of the same module do not wait for it to be judged.
        status, *body = (await JUDGES.see(attempt.run_id, look, answer)).judged
    except Unjudged as fault:
        return Finding.unknown(str(fault))
    before = (*of_headers(rules, final), *of_coding(rules, final))
    judged = (status, *before, *body, *of_connection(rules, final))
    return finding(judged, seconds, attempt)


def _count(attempt: Attempt, met: bool) -> None:
    """A redirect that is met counts in blackbox_exporter, also where it is not followed."""
    redirects = attempt.facts.get("redirects", 0)
    if met and isinstance(redirects, int):
        attempt.facts["redirects"] = redirects + 1


def _opening(settings: HttpSettings) -> Opening:
    """Raises OwnFault."""
    hop = _Bare.first(settings)
    if "content-type" not in {name.lower() for name in settings.headers}:  # none of ours
        kept = {name: values for name, values in hop.headers.items() if name != "Content-Type"}
        hop = replace(hop, headers=kept)
    leg = Leg.of(hop, settings, NAME, Jar())
    return Opening(NAME, leg, tuple(_secrets(settings)), Client.of(settings, NAME))


def _secrets(settings: HttpSettings) -> Iterator[str]:
    """What the config does not know as such: out of files, and in the target that was named."""
    if settings.auth is not None:
        yield from settings.auth.secrets
    if (userinfo := settings.url.userinfo) is not None:
        yield from (userinfo.reveal(), userinfo.reveal().partition(":")[2])
    for value in (one for values in settings.headers.values() for one in values):
        if isinstance(value, Secret):
            text = value.reveal()
            yield from (text, text.rpartition(" ")[2])


def _without(settings: HttpSettings, header: str) -> dict[str, tuple[str | Secret, ...]]:
    return {name: values for name, values in settings.headers.items() if name.lower() != header}


def _named(tls: TlsSettings, host: str) -> TlsSettings:
    """As `tls`, for a server of this name; a port that a Host header may carry is none of TLS."""
    try:
        name = parse_address(host).host
    except ValueError:
        name = host.strip("[]")
    return TlsSettings.model_validate({**tls.model_dump(), "server_name": name})
