"""Last-result gauges that several kinds share."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from prober.result import Result
from prober.series import Series

_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619


def number_series(name: str, help_text: str, fact: str) -> Series:
    """A gauge of a number or bool that is 0 where the run did not get as far as the fact."""

    def read(result: Result) -> Sequence[tuple[str, float]]:
        value = result.facts.get(fact, 0)
        return (("", float(value) if isinstance(value, int | float) else 0.0),)

    return Series(name, help_text, read)


@lru_cache(maxsize=4096)
def address_hash(ip: str) -> int:
    """FNV-1a, 32 bits, of the address's bytes: a number that changes when the address does."""
    digest = _FNV_OFFSET
    for byte in ipaddress.ip_address(ip).packed:
        digest = (digest ^ byte) * _FNV_PRIME % 2**32
    return digest


def _hashed(result: Result) -> Sequence[tuple[str, float]]:
    ip = result.facts.get("ip")
    return (("", float(address_hash(ip)) if isinstance(ip, str) else 0.0),)


def _looked_up(result: Result) -> Sequence[tuple[str, float]]:
    """The lookup's time; where it failed, the time until it did."""
    seconds = result.facts.get("dns_lookup_seconds", result.phases.get("resolve", 0.0))
    return (("", float(seconds) if isinstance(seconds, int | float) else 0.0),)


ADDRESS_SERIES = (
    Series("probe_dns_lookup_time_seconds", "Time the first name lookup took.", _looked_up),
    number_series("probe_ip_protocol", "IP version used, 4 or 6; 0 if none was.", "ip_protocol"),
    Series("probe_ip_addr_hash", "Hash of the address used, to see it change.", _hashed),
)
