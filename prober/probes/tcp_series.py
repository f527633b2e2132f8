"""What a TCP run becomes as metrics, and why a check can be down: as blackbox_exporter has it."""

from __future__ import annotations

from collections.abc import Sequence

from prober.probes.address import is_name
from prober.probes.series import ADDRESS_SERIES, REGEX_SERIES, TLS_SERIES
from prober.probes.tcp_settings import TcpSettings
from prober.result import Reason, Result
from prober.series import Series


def _expect_info(result: Result) -> Sequence[tuple[str, float]]:
    labels = result.facts.get("expect_info")
    return ((labels, 1.0),) if isinstance(labels, str) else ()


SERIES: tuple[Series, ...] = (
    *ADDRESS_SERIES,
    *TLS_SERIES,
    Series("probe_expect_info", "What the last expect with labels found.", _expect_info),
    REGEX_SERIES,
)


def reasons(settings: TcpSettings) -> tuple[Reason, ...]:
    """Why a check can be down, in the order of `Reason`."""
    hears = any(item.expect is not None for item in settings.dialogue)
    possible = {
        Reason.DNS: is_name(settings.endpoint.host),
        Reason.CONNECT: True,
        Reason.TLS: settings.speaks_tls,
        Reason.CERTIFICATE: settings.speaks_tls,
        Reason.TIMEOUT: True,
        Reason.PROTOCOL: True,
        Reason.BODY: hears,
        Reason.SIZE: hears,
        Reason.LATENCY: settings.expect.duration is not None,
    }
    return tuple(reason for reason in Reason if possible.get(reason, False))
