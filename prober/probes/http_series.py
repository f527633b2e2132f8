"""What an HTTP run becomes as metrics: blackbox_exporter's names, types and meanings.

As there, what the run did not get as far as is 0 (status, lengths, phases),
but times of certificates and documents, and infos, are absent where unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from prober.probes.address import is_name
from prober.probes.http_settings import HttpSettings
from prober.probes.series import ADDRESS_SERIES, number_series
from prober.result import Reason, Result
from prober.series import Series, fact_series, info_series

PHASES = ("resolve", "connect", "tls", "processing", "transfer")


def _phases(result: Result) -> Sequence[tuple[str, float]]:
    return tuple((f'phase="{phase}"', result.phases.get(phase, 0.0)) for phase in PHASES)


def _version(result: Result) -> Sequence[tuple[str, float]]:
    return (("", float(str(result.facts.get("http_version", 0)))),)


SERIES: tuple[Series, ...] = (
    *ADDRESS_SERIES,
    number_series(
        "probe_http_status_code",
        "Status of the final response; 0 if there was none.",
        "status_code",
    ),
    Series("probe_http_version", "HTTP version of the final response; 0 if none.", _version),
    number_series("probe_http_ssl", "1 if the final response came over TLS.", "ssl"),
    number_series("probe_http_redirects", "Redirects that were followed.", "redirects"),
    number_series(
        "probe_http_content_length", "Bytes of the body as it was sent.", "content_length"
    ),
    number_series(
        "probe_http_uncompressed_body_length",
        "Bytes of the body after decompression.",
        "uncompressed_body_length",
    ),
    Series("probe_http_duration_seconds", "Time by phase, summed over redirects.", _phases),
    fact_series(
        "probe_http_last_modified_timestamp_seconds",
        "Moment in the Last-Modified header, in Unix time.",
        "last_modified",
    ),
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
    number_series(
        "probe_failed_due_to_regex", "1 if a regex made the last run fail.", "regex_failed"
    ),
)


def reasons(settings: HttpSettings) -> tuple[Reason, ...]:
    """Why a check can be down, in the order of `Reason`; redirects may lead to any host and to TLS."""
    led = settings.redirects > 0
    expect = settings.expect
    possible = {
        Reason.DNS: led or is_name(settings.url.host),
        Reason.CONNECT: True,
        Reason.TLS: led or settings.url.tls,
        Reason.CERTIFICATE: led or settings.url.tls,
        Reason.TIMEOUT: True,
        Reason.PROTOCOL: True,
        Reason.REDIRECT: led,
        Reason.STATUS: True,
        Reason.HEADER: bool(expect.headers),
        Reason.BODY: bool(expect.body.tests),
        Reason.JSON: bool(expect.json_),
        Reason.SIZE: True,
        Reason.LATENCY: expect.duration is not None,
    }
    return tuple(reason for reason in Reason if possible.get(reason, False))
