"""What is the agent itself, where does it serve, and what joins it with those of other regions?"""

from __future__ import annotations

import socket
from typing import Annotated

from pydantic import Field, ValidationError

from prober.check import Model
from prober.config.desk import Desk
from prober.config.labels import refuse_taken
from prober.config.model import AgentSettings, PrometheusSettings, WebSettings
from prober.config.tree import Path
from prober.export.otlp import OtlpSettings
from prober.shard import Shard
from prober.units import Count


class _Quorum(Model):
    quorum: Annotated[Count, Field(ge=1)] = 2


def read_agent(desk: Desk) -> AgentSettings:
    place: Path = ("agent",)
    raw = dict(desk.mapping(place, desk.section("agent")))
    region = desk.env.get("PROBER_REGION")
    if region and len(region) <= 200:
        raw["region"] = region
    elif region:
        desk.report.error((*place, "region"), "PROBER_REGION is too long; at most 200 characters")
    elif raw.get("region") is None:
        raw["region"] = socket.gethostname() or "local"
    if shard := desk.env.get("PROBER_SHARD"):
        raw["shard"] = _shard(desk, shard)
    labels = raw.get("labels")
    if isinstance(labels, dict):
        refuse_taken(desk, (*place, "labels"), labels)
    agent = desk.validated(AgentSettings, raw, place) or AgentSettings(region="local")
    return agent.model_copy(update={"data_dir": desk.files.path(str(agent.data_dir))})


def _shard(desk: Desk, text: str) -> str | None:
    try:
        return str(Shard.of(text))
    except ValueError as error:
        desk.report.error(("agent", "shard"), f"PROBER_SHARD={error}")
        return None


def read_web(desk: Desk) -> WebSettings:
    place: Path = ("web",)
    web = desk.validated(WebSettings, desk.mapping(place, desk.section("web")), place)
    if listen := desk.env.get("PROBER_LISTEN"):
        try:
            address = WebSettings(listen=listen).listen
        except ValidationError:
            said = f"PROBER_LISTEN={listen!r} is not an address; set host:port, :9620 or [::]:9620"
            desk.report.error((*place, "listen"), said)
        else:
            return (web or WebSettings()).model_copy(update={"listen": address})
    return web or WebSettings()


def read_quorum(desk: Desk) -> int:
    raw = desk.section("quorum")
    read = desk.validated(_Quorum, {} if raw is None else {"quorum": raw}, ())
    return (read or _Quorum()).quorum


def read_prometheus(desk: Desk) -> PrometheusSettings:
    place: Path = ("prometheus",)
    raw = desk.mapping(place, desk.section("prometheus"))
    return desk.validated(PrometheusSettings, raw, place) or PrometheusSettings()


def read_otlp(desk: Desk) -> OtlpSettings | None:
    place: Path = ("otlp",)
    if (section := desk.section("otlp")) is None:
        return None
    raw = desk.mapping(place, section)
    return desk.validated(OtlpSettings, raw, place) if isinstance(section, dict) else None
