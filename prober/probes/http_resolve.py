"""Where does a host live, whatever the nameservers say? `resolve: {host: ip}`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from prober.probes.address import HostPort, hidden, parse_address, valid_host


def valid_resolve(value: object) -> object:
    """Hosts as URLs have them, with or without a port, and their addresses. Raises ValueError."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, str] = {}
    for place, address in value.items():
        key = _place(str(place))
        if key in found:
            raise ValueError(f"{place!r} is there twice; keep one address")
        found[key] = _address(str(place), address)
    return found


def resolved(overrides: Mapping[str, str], host: str, port: int) -> str | None:
    """The address that is written for this place; one with a port comes first."""
    if not overrides:
        return None
    return overrides.get(str(HostPort(host, port))) or overrides.get(host)


def _place(text: str) -> str:
    bare = text.strip()
    with_port = bare.count(":") == 1 or "]:" in bare
    try:
        return str(parse_address(bare)) if with_port else valid_host(bare.strip("[]"))
    except ValueError:
        said = f"{hidden(text)!r} is not a host; write it as in the URL, or as host:port"
        raise ValueError(said) from None


def _address(place: str, value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value).strip().removeprefix("[").removesuffix("]")))
    except ValueError:
        said = f"{place} has {value!r}, which is no IP address; write one, like 10.0.0.7"
        raise ValueError(said) from None
