"""Which browser carries a journey, and as what does it present itself?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from prober.check import Model
from prober.probes import devices
from prober.secret import Given, Secret
from prober.units import Count

Channel: TypeAlias = Literal[
    "chromium-headless-shell", "chromium", "chrome", "chrome-beta", "msedge"
]
SHELL: Channel = "chromium-headless-shell"
Network: TypeAlias = Literal["slow-3g", "fast-3g", "slow-4g", "fast-4g"]
Keep: TypeAlias = Literal["failure", "always", "never"]
_HALF = re.compile(r"[\ud800-\udfff]")  # of a surrogate pair: no JSON in UTF-8 carries it


def whole(text: str) -> str:
    """Raises ValueError for what cannot be told to a journey's process."""
    if found := _HALF.search(text):
        raise ValueError(f"{found[0]!r} is half of a character; write the whole of it")
    return text


def _device(name: str) -> str:
    return devices.known(name)


def _zone(name: str) -> str:
    """Nothing is refused where the system has no list of them."""
    there = {one.lower(): one for one in available_timezones()}
    if not there or name.lower() in there:
        return name
    close = get_close_matches(name.lower(), there, n=1)
    right = f"did you mean {there[close[0]]}?" if close else "write one like Europe/Zurich"
    raise ValueError(f"{name!r} is no time zone; {right}")


def _address(secret: Secret) -> Secret:
    try:
        url = urlsplit(secret.reveal())
        fits = url.scheme in ("ws", "wss", "http", "https") and url.hostname and url.port != 0
    except ValueError:
        fits = None
    if not fits or _HALF.search(secret.reveal()):
        raise ValueError(
            "no address of a browser; write ws://HOST:PORT of a Playwright server, "
            "or http://HOST:PORT of a browser that speaks CDP"
        )
    return secret


Device: TypeAlias = Annotated[str, AfterValidator(_device)]
_Text: TypeAlias = Annotated[str, AfterValidator(whole)]
_Pixels: TypeAlias = Annotated[Count, Field(ge=1)]


class JourneyBrowser(Model):
    """`connect` is where a browser runs already: a Playwright server, or one that speaks CDP."""

    channel: Channel = SHELL
    connect: Annotated[Secret, AfterValidator(_address)] | None = None


class Viewport(Model):
    width: _Pixels
    height: _Pixels


class Geolocation(Model):
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    accuracy: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class HttpCredentials(Model):
    username: _Text
    password: Given
    origin: _Text | None = None
    send: Literal["always", "unauthorized"] | None = None


class ContextProxy(Model):
    server: _Text
    bypass: _Text | None = None
    username: _Text | None = None
    password: Given | None = None


class ClientCertificate(Model):
    origin: _Text
    cert_path: Annotated[Path | None, Field(alias="certPath")] = None
    key_path: Annotated[Path | None, Field(alias="keyPath")] = None
    pfx_path: Annotated[Path | None, Field(alias="pfxPath")] = None
    passphrase: Given | None = None


class ContextOptions(Model):
    """Options of Playwright's `new_context`, by its own names; only those that are given count."""

    accept_downloads: bool | None = None
    bypass_csp: bool | None = None
    client_certificates: Sequence[ClientCertificate] | None = None
    color_scheme: Literal["dark", "light", "no-preference"] | None = None
    contrast: Literal["more", "no-preference"] | None = None
    device_scale_factor: Annotated[float, Field(gt=0, le=20)] | None = None
    extra_http_headers: Mapping[_Text, Secret] | None = None
    forced_colors: Literal["active", "none"] | None = None
    geolocation: Geolocation | None = None
    has_touch: bool | None = None
    http_credentials: HttpCredentials | None = None
    ignore_https_errors: bool | None = None
    is_mobile: bool | None = None
    java_script_enabled: bool | None = None
    locale: _Text | None = None
    no_viewport: bool | None = None
    offline: bool | None = None
    permissions: Sequence[_Text] | None = None
    proxy: ContextProxy | None = None
    reduced_motion: Literal["no-preference", "reduce"] | None = None
    screen: Viewport | None = None
    service_workers: Literal["allow", "block"] | None = None
    storage_state: Path | None = None
    strict_selectors: bool | None = None
    timezone_id: Annotated[str, AfterValidator(_zone)] | None = None
    user_agent: _Text | None = None
    viewport: Viewport | None = None

    def revealed(self) -> dict[str, JsonValue]:
        """As Playwright takes them, secrets too."""
        return {key: _plain(value) for key, value in _given(self)}


CONTEXT = frozenset(ContextOptions.model_fields)


def _given(model: BaseModel) -> list[tuple[str, object]]:
    """What is not null, by the keys it is written with."""
    fields = type(model).model_fields
    pairs = [(info.alias or name, getattr(model, name)) for name, info in fields.items()]
    return [(key, value) for key, value in pairs if value is not None]


def _plain(value: object) -> JsonValue:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, BaseModel):
        return {key: _plain(inner) for key, inner in _given(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, bool | int | float):
        return value
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else str(value)
