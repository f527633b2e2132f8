"""Last-result gauges that several kinds share."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache

from prober.result import Result, Step
from prober.series import MOST_STEPS, Names, Series, escape, fact_series, info_series

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


# Of the target itself, wherever a redirect leads: `first_…` is there where one was followed.
def _version(result: Result) -> Sequence[tuple[str, float]]:
    version = result.facts.get("first_ip_protocol", result.facts.get("ip_protocol", 0))
    return (("", float(version) if isinstance(version, int) else 0.0),)


def _hashed(result: Result) -> Sequence[tuple[str, float]]:
    ip = result.facts.get("first_ip", result.facts.get("ip"))
    return (("", float(address_hash(ip)) if isinstance(ip, str) else 0.0),)


def _looked_up(result: Result) -> Sequence[tuple[str, float]]:
    """The lookup's time; where it failed, the time until it did."""
    seconds = result.facts.get("dns_lookup_seconds", result.phases.get("resolve", 0.0))
    return (("", float(seconds) if isinstance(seconds, int | float) else 0.0),)


ADDRESS_SERIES = (
    Series("probe_dns_lookup_time_seconds", "Time the first name lookup took.", _looked_up),
    Series("probe_ip_protocol", "IP version used, 4 or 6; 0 if none was.", _version),
    Series("probe_ip_addr_hash", "Hash of the address used, to see it change.", _hashed),
)

REGEX_SERIES = number_series(
    "probe_failed_due_to_regex", "1 if a regex made the last run fail.", "regex_failed"
)

# Absent where there was no TLS: a certificate that nobody showed has no end.
TLS_SERIES = (
    fact_series(
        "probe_ssl_earliest_cert_expiry",
        "Moment the first of the certificates sent expires, in Unix time.",
        "cert_not_after",
    ),
    fact_series(
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "Moment the last of the verified chains expires, in Unix time.",
        "chain_not_after",
    ),
    info_series(
        "probe_ssl_last_chain_info",
        "The server's own certificate.",
        {
            "fingerprint_sha256": "cert_fingerprint",
            "subject": "cert_subject",
            "issuer": "cert_issuer",
            "subjectalternative": "cert_san",
            "serialnumber": "cert_serial",
        },
    ),
    info_series("probe_tls_version_info", "The TLS version agreed on.", {"version": "tls_version"}),
    info_series("probe_tls_cipher_info", "The TLS cipher agreed on.", {"cipher": "cipher"}),
)


class StepSeries:
    """The gauges of one check's steps: what it did not come to is absent.

    A step that was taken more than once shows its longest time, as its budget and
    alerts have it, and as failed if it ever did. Beyond the limit, the check's lifetime brings no more names.
    """

    def __init__(self) -> None:
        self._names = Names(MOST_STEPS)

    def both(self) -> tuple[Series, Series]:
        return (
            Series("probe_step_duration_seconds", "How long a step took.", self._durations),
            Series("probe_step_success", "Whether a step did what it was to do.", self._successes),
        )

    def _taken(self, result: Result) -> Mapping[str, list[Step]]:
        found = dict[str, list[Step]]()
        for step in result.steps:
            found.setdefault(self._names.of(step.name), []).append(step)
        return found

    def _durations(self, result: Result) -> Sequence[tuple[str, float]]:
        steps = self._taken(result).items()
        return tuple(
            (f'step="{escape(name)}"', max(step.seconds for step in taken)) for name, taken in steps
        )

    def _successes(self, result: Result) -> Sequence[tuple[str, float]]:
        steps = self._taken(result).items()
        return tuple(
            (f'step="{escape(name)}"', float(all(step.ok for step in taken)))
            for name, taken in steps
        )


def _values(result: Result) -> Sequence[tuple[str, float]]:
    return tuple((f'name="{escape(name)}"', value) for name, value in result.values.items())


VALUE_SERIES = Series("probe_value", "A number that the check reads out of its answers.", _values)
