"""What a journey's check says of it in the config."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from prober.check import Check, Model
from prober.probes.address import Url, hidden
from prober.probes.journey_budgets import Budgets
from prober.probes.journey_options import (
    ContextOptions,
    Device,
    JourneyBrowser,
    Keep,
    Network,
    whole,
)
from prober.secret import Given, Secret
from prober.units import Count, Duration, Size

_FUNCTION = re.compile(r"[^\W\d]\w*")
LEAST_MEMORY = 256 << 20  # bytes; no browser shows a page in less


class Script(NamedTuple):
    """A file, and the function that is meant in it; None: the only one that it has."""

    path: str
    function: str | None = None

    @classmethod
    def of(cls, text: str) -> Script | None:
        """As the config writes it, `journeys/shop.py::place_order`; None for what is no script."""
        path, colons, function = text.partition("::")
        fits = path.endswith(".py") and bool(_FUNCTION.fullmatch(function)) == bool(colons)
        return cls(path, function or None) if fits else None

    def __str__(self) -> str:
        return f"{self.path}::{self.function}" if self.function else self.path


def _short_form(value: object) -> object:
    return {"script": value} if isinstance(value, str) else value


def _script(text: str) -> str:
    if Script.of(text) is None:
        raise ValueError(
            f"{text!r} is no script; write journeys/order.py, or journeys/shop.py::place_order"
        )
    return text


def _base_url(text: str) -> str:
    Url.parse(text)
    return text.strip()


def _origin(text: str) -> str:
    """As browsers write it: without the usual port, and a host as the network wants it."""
    if "://" not in text:
        raise ValueError(f"{hidden(text)!r} is no origin; write it as https://host")
    url = Url.parse(text)
    if url.target != "/" or url.userinfo is not None:
        raise ValueError(f"{hidden(text)!r} is more than an origin; write {_origin_of(url)}")
    return _origin_of(url)


def _origin_of(url: Url) -> str:
    return f"{url.scheme}://{url.authority}"


def _params(value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise ValueError("a number that JSON does not have; write a finite one") from None
    whole(text)
    return value


def _secrets(value: Mapping[str, Secret]) -> Mapping[str, Secret]:
    for name, secret in value.items():
        try:
            whole(name + secret.reveal())
        except ValueError:
            raise ValueError("a secret has half of a character; write the whole of it") from None
    return value


def _memory(size: int) -> int:
    if size < LEAST_MEMORY:
        raise ValueError(f"too little for a browser; write {LEAST_MEMORY >> 20}MiB or more")
    return size


class BrowserSettings(Model):
    """How many browsers run at a time, how much one may take, and whether it has its sandbox."""

    workers: Annotated[Count, Field(ge=1)] = 1
    memory: Annotated[Size, AfterValidator(_memory)] = 3 << 29  # bytes; of one journey in all
    sandbox: Literal["auto", True, False] = "auto"  # auto: where the system can give one


class JourneySettings(Model):
    """`script` is relative to the config file until the config is loaded, absolute from then on."""

    script: Annotated[str, AfterValidator(_script)]
    base_url: Annotated[str, AfterValidator(_base_url)] | None = None
    first_party: tuple[Annotated[str, AfterValidator(_origin)], ...] | None = None
    params: Annotated[Mapping[str, JsonValue], AfterValidator(_params)] = {}
    secrets: Annotated[Mapping[str, Given], AfterValidator(_secrets)] = {}
    device: Device | None = None
    network: Network | None = None
    context: ContextOptions = ContextOptions()
    budgets: Budgets = Budgets()
    evidence: Keep = "failure"
    browser: JourneyBrowser = JourneyBrowser()

    @property
    def first_parties(self) -> tuple[str, ...] | None:
        """The origins that are known; None: nobody is told of the run."""
        if self.first_party == ():
            return None
        own = () if self.base_url is None else (_origin_of(Url.parse(self.base_url)),)
        return tuple(dict.fromkeys((*own, *(self.first_party or ()))))

    @property
    def parts(self) -> Script:
        path, _, function = self.script.partition("::")
        return Script(path, function or None)

    @property
    def path(self) -> Path:
        return Path(self.parts.path)

    @property
    def function(self) -> str | None:
        """None: the only one that the file has."""
        return self.parts.function


class JourneyCheck(Check):
    kind: ClassVar[str] = "journey"

    interval: Annotated[Duration, Field(gt=0)] = 300.0
    timeout: Annotated[Duration, Field(gt=0)] = 60.0
    journey: Annotated[JourneySettings, BeforeValidator(_short_form)]

    @property
    def target(self) -> str:
        named = f"::{self.journey.function}" if self.journey.function else ""
        where = f" at {self.journey.base_url}" if self.journey.base_url else ""
        return f"{os.path.basename(self.journey.path)}{named}{where}"
