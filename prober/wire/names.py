"""What this machine's own files say about names: hosts, resolv.conf, and how a name is written."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

import dns.exception
import dns.name

from prober.result import Reason
from prober.wire.failure import Failure
from prober.wire.station import Address

T = TypeVar("T")

_MOST_SERVERS, _MOST_TIMEOUT, _MOST_ATTEMPTS, _MOST_NDOTS = 3, 30, 5, 15  # as glibc has it
Hosts = dict[str, tuple[Address, ...]]


@dataclass(frozen=True, slots=True)
class Server:
    address: Address
    port: int = 53

    def __str__(self) -> str:
        return self.address.ip if self.port == 53 else self.address.shown(self.port)


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """What resolv.conf(5) lets one say, as far as it changes what is asked whom."""

    servers: tuple[Server, ...] = (Server(Address(socket.AF_INET, "127.0.0.1")),)
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: int = 5
    attempts: int = 2
    rotate: bool = False

    def candidates(self, name: str) -> tuple[str, ...]:
        """The absolute names that `name` may stand for, in the order they are tried."""
        if name.endswith("."):
            return (name[:-1],)
        searched = tuple(f"{name}.{domain}" for domain in self.search)
        return (name, *searched) if name.count(".") >= self.ndots else (*searched, name)


def literal(host: str) -> Address | None:
    """The address that `host` writes out, None where it is a name. `fe80::1%eth0` has a scope."""
    return _scoped(host) if "%" in host else _literal(host)


@lru_cache(16384)  # asked at each run of each check
def _literal(host: str) -> Address | None:
    return _scoped(host) if ":" in host else _ipv4(host)


def _ipv4(host: str) -> Address | None:
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return None
    return Address(socket.AF_INET, host)


def _scoped(host: str) -> Address | None:
    """IPv6; the number of an interface may change, so it is looked up each time."""
    ip, _, zone = host.partition("%")
    try:
        socket.inet_pton(socket.AF_INET6, ip)
        scope = int(zone) if zone.isdigit() else socket.if_nametoindex(zone) if zone else 0
    except (OSError, ValueError):
        return None
    return Address(socket.AF_INET6, ip, scope)


def ascii_name(host: str) -> str:
    """`host` as DNS, SNI and certificates write it: lower case, IDNA. Keeps a trailing dot."""
    name = host if host.isascii() else _idna(host)
    labels = name.removesuffix(".").split(".")
    if len(name) > 254 or not all(0 < len(label) < 64 for label in labels) or " " in name:
        raise Failure(Reason.DNS, f"{host!r} is not a host name")
    return name.lower()


def _idna(host: str) -> str:
    try:
        text = dns.name.from_text(host, idna_codec=dns.name.IDNA_2008_UTS_46).to_text()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise Failure(Reason.DNS, f"{host!r} is not a host name: {error}") from error
    return text if host.endswith(".") else text.removesuffix(".")


def parse_hosts(text: str) -> Hosts:
    """Name → addresses, in the order of the lines; lines that make no sense are passed over."""
    found: Hosts = {}
    for line in text.splitlines():
        ip, *names = line.partition("#")[0].split() or [""]
        if (address := literal(ip)) is None:
            continue
        for name in map(str.lower, names):
            known = found.get(name, ())
            found[name] = known if address in known else (*known, address)
    return found


def parse_resolv_conf(text: str) -> ResolvConf:
    """As glibc does: what makes no sense is passed over, the last `search` or `domain` counts.

    A port can be given as OpenBSD writes it: `nameserver [127.0.0.1]:5353`.
    """
    servers: list[Server] = []
    search = _own_domain()
    options: list[str] = []
    for line in text.splitlines():
        key, *words = line.partition("#")[0].partition(";")[0].split() or [""]
        if key == "nameserver" and words and (server := _server(words[0])) is not None:
            servers.append(server)
        elif key == "search" or (key == "domain" and words):
            search = tuple(word.strip(".").lower() for word in words if word.strip("."))
        elif key == "options":
            options += words
    return ResolvConf(
        servers=tuple(servers[:_MOST_SERVERS]) or ResolvConf().servers,
        search=search,
        ndots=_option(options, "ndots", 1, range(_MOST_NDOTS + 1)),
        timeout=_option(options, "timeout", 5, range(1, _MOST_TIMEOUT + 1)),
        attempts=_option(options, "attempts", 2, range(1, _MOST_ATTEMPTS + 1)),
        rotate="rotate" in options,
    )


def _server(word: str) -> Server | None:
    ip, bracket, port = word.removeprefix("[").partition("]:")
    address = literal(ip.removesuffix("]"))
    if address is None or (bracket and not port.isdigit()):
        return None
    return Server(address, int(port)) if bracket else Server(address)


def _option(options: list[str], name: str, default: int, allowed: range) -> int:
    for option in reversed(options):
        key, _, value = option.partition(":")
        if key == name and value.isdigit():
            return min(max(int(value), allowed[0]), allowed[-1])
    return default


def _own_domain() -> tuple[str, ...]:
    domain = socket.gethostname().partition(".")[2]
    return (domain.lower(),) if domain else ()


@dataclass(slots=True)
class Watched(Generic[T]):
    """A file's meaning, read again when the file has changed. A missing file is an empty one."""

    path: Path
    parse: Callable[[str], T]
    _seen: tuple[int, int, int] | None = field(default=None, init=False)
    _value: T | None = field(default=None, init=False)

    def get(self) -> T:
        try:
            stat = self.path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen and self._value is not None:
                return self._value
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            seen, text = (0, 0, 0), ""
            if seen == self._seen and self._value is not None:
                return self._value
        self._seen, self._value = seen, self.parse(text)
        return self._value
