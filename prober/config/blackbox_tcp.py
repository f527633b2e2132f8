"""How does a tcp module of blackbox_exporter's become ours?"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from prober.config import blackbox_http
from prober.config.blackbox_options import QueryResponse, TcpOptions
from prober.config.desk import Desk
from prober.config.tree import Path
from prober.probes.http_tls import TlsSettings
from prober.probes.modules import NOWHERE, TcpModule
from prober.probes.tcp_said import Said
from prober.probes.tcp_settings import Item, TcpSettings


def module(desk: Desk, place: Path, options: TcpOptions) -> TcpModule | None:
    """None where it is reported why not."""
    try:
        return made(options)
    except ValidationError as error:
        desk.report.invalid(error, TcpSettings, (place,))
    return None


def made(options: TcpOptions) -> TcpModule:
    """Of options that are known to be right."""
    return TcpModule(settings=TcpSettings.model_validate(_settings(options)))


def _settings(options: TcpOptions) -> dict[str, object]:
    dialogue = tuple(item for entry in options.query_response for item in _items(entry))
    speaks_tls = options.tls or any(item.starttls for item in dialogue)
    tls = TlsSettings.model_validate(blackbox_http.tls(options.tls_config))
    return {
        "address": NOWHERE,
        "tls": tls if speaks_tls else None,
        "ip": blackbox_http.ip(options.preferred_ip_protocol, options.ip_protocol_fallback),
        "source_ip_address": options.source_ip_address,
        "dialogue": dialogue,
    }


def _items(entry: QueryResponse) -> Iterator[Item]:
    """In the order in which an entry is gone through."""
    if entry.expect is not None:
        labels = {label.name: Said.expand(label.value, "") for label in entry.labels}
        yield Item.model_validate({"expect": entry.expect, "labels": labels})
    if entry.send:
        send = Said.expand(entry.send) if entry.expect is not None else Said.literal(entry.send)
        yield Item.model_validate({"send": send})
    if entry.starttls:
        yield Item.model_validate({"starttls": True})
