"""What an HTTP run becomes as metrics: blackbox_exporter's names, types and meanings.

As there, what the run did not get as far as is 0 (status, lengths, phases),
but times of certificates and documents, and infos, are absent where unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from prober.probes.address import is_name
from prober.probes.http_settings import HttpSettings
from prober.probes.series import (
    ADDRESS_SERIES,
    REGEX_SERIES,
    TLS_SERIES,
    VALUE_SERIES,
    StepSeries,
    number_series,
)
from prober.result import Reason, Result
from prober.series import Series, fact_series

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
    *TLS_SERIES,
    REGEX_SERIES,
)


def of(*, values: bool, steps: bool) -> tuple[Series, ...]:
    """The gauges of one check, which reads values or does steps."""
    return (*SERIES, *(VALUE_SERIES,) * values, *(StepSeries().both() if steps else ()))


def reasons(settings: HttpSettings) -> tuple[Reason, ...]:
    """Why a check can be down, in the order of `Reason`; redirects may lead to any host and to TLS."""
    asked = _asked(settings)
    led = settings.redirects > 0
    expect = settings.expect
    possible = {
        Reason.DNS: led or any(is_name(host) for host, _ in asked),
        Reason.CONNECT: True,
        Reason.TLS: led or any(tls for _, tls in asked),
        Reason.CERTIFICATE: led or any(tls for _, tls in asked),
        Reason.TIMEOUT: True,
        Reason.PROTOCOL: True,
        Reason.REDIRECT: led,
        Reason.STATUS: True,
        Reason.HEADER: bool(expect.headers),
        Reason.BODY: bool(expect.body.tests),
        Reason.JSON: bool(expect.json_) or _asks_for_a_token(settings),
        Reason.SIZE: True,
        Reason.LATENCY: expect.duration is not None,
    }
    return tuple(reason for reason in Reason if possible.get(reason, False))


def _asked(settings: HttpSettings) -> list[tuple[str, bool]]:
    """Whom it talks to before any redirect, and whether over TLS."""
    urls = [settings.url]
    if settings.auth is not None and settings.auth.oauth2 is not None:
        urls.append(settings.auth.oauth2.token_url)
    proxy = settings.proxy
    near = [] if proxy is None else [(proxy.host, False)]
    return [(url.host, url.tls) for url in urls] + near


def _asks_for_a_token(settings: HttpSettings) -> bool:
    return settings.auth is not None and settings.auth.oauth2 is not None
