"""Which of a name's addresses are tried, and in which order: IPv4, IPv6, or one after the other."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from typing import Literal

from prober.result import Reason
from prober.wire.failure import Failure
from prober.wire.station import Address

Ip = Literal["auto", "prefer4", "prefer6", "4", "6"]  # auto: in the resolver's own order

Families = frozenset[socket.AddressFamily]

_BOTH = frozenset({socket.AF_INET, socket.AF_INET6})
_ONLY: Mapping[Ip, socket.AddressFamily] = {"4": socket.AF_INET, "6": socket.AF_INET6}
_FIRST: Mapping[Ip, socket.AddressFamily] = {"prefer4": socket.AF_INET, "prefer6": socket.AF_INET6}
_NAMES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}
_NO_ROUTE = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EINVAL,  # a link-local address without its interface
    }
)


def wanted(ip: Ip) -> Families:
    only = _ONLY.get(ip)
    return _BOTH if only is None else frozenset({only})


def chosen(host: str, found: tuple[Address, ...], ip: Ip) -> tuple[Address, ...]:
    """Those of `found` that are to be tried, in their order. Raises Failure where none is left."""
    if (only := _ONLY.get(ip)) is not None:
        kept = tuple(address for address in found if address.family == only)
        if not kept:
            other = _NAMES[found[0].family]
            listed = ", ".join(address.ip for address in found)
            said = f"host {host!r} has no {_NAMES[only]} address, only {other}: {listed}"
            raise Failure(Reason.DNS, said)
        return kept
    if len(found) == 1:
        return found
    usable = routed(found)
    return usable if ip == "auto" else _first(_FIRST[ip], usable)


def sourced(host: str, found: tuple[Address, ...], source: str) -> tuple[Address, ...]:
    """Those of `found` that can be reached from `source`. Raises Failure where none can."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    kept = tuple(one._replace(source=source) for one in found if one.family == family)
    if not kept:
        listed = ", ".join(address.ip for address in found)
        said = (
            f"host {host!r} has no {_NAMES[family]} address to be reached from {source}: {listed}"
        )
        raise Failure(Reason.DNS, said)
    return kept


def ipv6_first(addresses: Iterable[Address]) -> tuple[Address, ...]:
    return _first(socket.AF_INET6, addresses)


def _first(family: socket.AddressFamily, addresses: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(sorted(addresses, key=lambda address: address.family != family))


def routed(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """Those of a family that this machine has a route for, or all if that would leave none.

    Without this, a machine without IPv6 would say of a dual-stack host that
    is down that it has no address itself.
    """
    first = {address.family: address for address in reversed(addresses)}
    if len(first) == 1:
        return addresses
    usable = {family for family, address in first.items() if _has_route(address)}
    return tuple(address for address in addresses if address.family in usable) or addresses


def _has_route(address: Address) -> bool:
    """Connecting a datagram socket asks the routing table and sends nothing."""
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
            sock.connect(address.at(9))
    except OSError as error:
        return error.errno not in _NO_ROUTE
    return True
