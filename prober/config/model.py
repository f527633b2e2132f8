"""What a whole config is, once it is right: the parts of every other package, put together.

It only composes: the settings of a kind, a notifier, a rule or a route live
in the file that uses them; here are those of the agent itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    WithJsonSchema,
)

from prober.alerts.periods import Report
from prober.alerts.route import Route
from prober.alerts.rules import EffectiveRule
from prober.alerts.slo import Slo
from prober.alerts.windows import Maintenance
from prober.check import LabelName, Model
from prober.config.watch import TargetFiles
from prober.errors import Problem
from prober.export.otlp import OtlpSettings
from prober.notify import AnyNotifier
from prober.notify.command import CommandNotifier
from prober.probes import AnyCheck
from prober.probes.journey_settings import BrowserSettings
from prober.probes.modules import Module
from prober.secret import Scrubber
from prober.shard import Shard
from prober.units import Count, Duration

SEVERITIES = ("critical", "high", "medium", "low", "info")
_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]\s/]*):(?P<port>[0-9]{1,5})")
_SHARD = WithJsonSchema({"type": "string", "pattern": "^[0-9]+/[0-9]+$"})

Word = Annotated[str, Field(min_length=1, max_length=200)]


def _address(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f"{value!r} is not an address; write host:port, :9620 or [::]:9620")
    return value


def web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(
            f"{value!r} is not the address of a page; write https://prober.example.com/"
        )
    return value.rstrip("/")


class AgentSettings(Model):
    region: Word
    labels: Mapping[LabelName, str] = {}
    shard: Annotated[Shard, BeforeValidator(Shard.of), _SHARD] | None = (
        None  # of its region's checks
    )
    data_dir: Path = Path("./data")  # relative to the config file; absolute once loaded
    notify: Literal["auto", "always", "never"] = "auto"
    resolver: Literal["auto", "system"] = "auto"
    browser: BrowserSettings = BrowserSettings()


class WebSettings(Model):
    listen: Annotated[str, AfterValidator(_address)] = "127.0.0.1:9620"
    external_url: Annotated[str, AfterValidator(web_address)] | None = None  # ends without a slash

    @property
    def host(self) -> str | None:
        """A name or an address without brackets; None for every interface."""
        return self.listen.rpartition(":")[0].strip("[]") or None

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])


class PrometheusSettings(Model):
    """How Prometheus scrapes the agents: what the generated rules need to know. Seconds."""

    job: Word = "prober"
    scrape_interval: Annotated[Duration, Field(ge=0.1, le=300)] = 30.0
    runbooks: Annotated[str, AfterValidator(web_address)] | None = None  # ends without a slash


class Config(Model):
    """One agent's whole configuration: immutable, picklable, comparable by value.

    Its parts come in validated (see `prober.config.build`), so they are not
    validated a second time. `checks` carry the agent's labels beside their own.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    agent: AgentSettings
    web: SkipValidation[WebSettings] = WebSettings()
    regions: tuple[str, ...]
    quorum: Annotated[Count, Field(ge=1)] = 2  # regions that agree, unless a check has its own
    severities: tuple[str, ...] = SEVERITIES
    checks: SkipValidation[tuple[AnyCheck, ...]] = ()
    rules: SkipValidation[Mapping[str, tuple[EffectiveRule, ...]]] = Field(
        default_factory=dict
    )  # by the check's name
    depends: SkipValidation[Mapping[str, tuple[str, ...]]] = Field(default_factory=dict)  # as well
    elsewhere: SkipValidation[frozenset[str]] = frozenset()  # checks that other shards have
    notifiers: SkipValidation[Mapping[str, AnyNotifier]] = Field(default_factory=dict)
    routes: SkipValidation[tuple[Route, ...]] = ()
    maintenance: SkipValidation[tuple[Maintenance, ...]] = ()
    reports: SkipValidation[tuple[Report, ...]] = ()
    slos: SkipValidation[tuple[Slo, ...]] = ()
    prometheus: SkipValidation[PrometheusSettings] = PrometheusSettings()
    otlp: SkipValidation[OtlpSettings | None] = None
    modules: SkipValidation[Mapping[str, Module]] = Field(default_factory=dict)  # of /probe
    connectivity: SkipValidation[tuple[AnyCheck, ...]] = ()  # asked whether the agent is cut off
    scrub: SkipValidation[Scrubber] = Scrubber()
    files: Mapping[str, str] = {}  # absolute path → sha256: the config, then each file it names
    targets: SkipValidation[TargetFiles] = TargetFiles()

    @property
    def notifies(self) -> bool:
        """Whether this agent sends notices itself, or leaves it to the generated rules."""
        if self.agent.notify == "auto":
            return len(self.regions) == 1
        return self.agent.notify == "always"

    @property
    def told_without_routes(self) -> tuple[str, ...]:
        """Every notifier but the commands: these do something, and only where a route says so."""
        return tuple(
            name for name, one in self.notifiers.items() if one.kind != CommandNotifier.kind
        )


class Loaded(NamedTuple):
    """A config, what is legal in it but probably not meant, and journeys that cannot be run."""

    config: Config
    warnings: tuple[Problem, ...]
    broken: tuple[Problem, ...] = ()
