"""What can be written in a module of blackbox_exporter's `blackbox.yml`?

The options of its versions 0.23 to 0.27 for http and tcp, under its own
names; `blackbox` makes modules of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prober.check import LabelName, Model
from prober.probes.address import Url
from prober.probes.http_file import NamedFile
from prober.probes.http_headers import valid_headers, valid_method
from prober.probes.http_proxy import HttpProxy
from prober.probes.module_rules import UNPACKED
from prober.probes.texts import Pattern
from prober.secret import Secret
from prober.units import Duration

# Why an option that blackbox_exporter has is a mistake here.
NOT_HERE = {
    "http": {
        "fail_if_body_json_matches_cel": "CEL is not supported; write a check with expect.json",
        "fail_if_body_json_not_matches_cel": "CEL is not supported; write a check with expect.json",
        "enable_http3": "HTTP/3 is not supported; leave it out",
        "http_headers": "not supported; write headers",
        "use_proxy_dns": "not supported; write skip_resolve_phase_with_proxy",
    },
    "oauth2": {
        name: f"the token is asked for as the target is; write {name} beside oauth2"
        for name in ("tls_config", "proxy_url")
    },
    "tls_config": {
        name: f"not supported in place; name a file with {name}_file"
        for name in ("ca", "cert", "key")
    },
}
OTHERS = ("dns", "icmp", "grpc", "unix", "websocket")  # kinds that are not there yet
KINDS = ("http", "tcp", *OTHERS)

_VERSIONS = ("HTTP/1.0", "HTTP/1.1", "HTTP/2.0")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]?)i?B?", re.IGNORECASE)


def _size(value: object) -> object:
    """A KB is 1024 bytes there."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise ValueError(f"{value!r} is not a size; write it as 64KB, 10MB or a number of bytes")
    power = " KMGTPE".index(match[2].upper() or " ")
    return int(float(match[1]) * 1024**power)


def _kind(value: str) -> str:
    if value not in KINDS:
        raise ValueError(f"{value!r} is no kind of probe; write http or tcp")
    return value


def _http_version(value: str) -> str:
    if value not in _VERSIONS:
        raise ValueError(f"{value!r} is not a version of HTTP; write one of {', '.join(_VERSIONS)}")
    return value


def _status(value: int) -> int:
    if not 100 <= value <= 599:
        raise ValueError(f"{value} is not a status; write a number from 100 to 599")
    return value


def _compression(value: str) -> str:
    known = ("", "identity", *sorted(UNPACKED))
    if value not in known:
        raise ValueError(f"{value!r} is not a compression; write one of {', '.join(known[1:])}")
    return value


Status = Annotated[int, AfterValidator(_status)]
TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
Address = Literal["ip4", "ip6"]


class HeaderMatch(Model):
    header: Annotated[str, Field(min_length=1)]
    regexp: Pattern
    allow_missing: bool = False


class TlsConfig(Model):
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None


class BasicAuth(Model):
    username: str = ""
    password: Secret | None = None
    password_file: NamedFile | None = None


class Authorization(Model):
    type: str = "Bearer"
    credentials: Secret | None = None
    credentials_file: NamedFile | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.credentials is None) == (self.credentials_file is None):
            raise ValueError("write one of credentials and credentials_file")
        return self


class OAuth2(Model):
    client_id: str
    client_secret: Secret | None = None
    client_secret_file: NamedFile | None = None
    scopes: tuple[str, ...] = ()
    token_url: Url
    endpoint_params: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.client_secret is None) == (self.client_secret_file is None):
            raise ValueError("write one of client_secret and client_secret_file")
        return self


class HttpOptions(Model):
    valid_status_codes: tuple[Status, ...] = ()
    valid_http_versions: tuple[Annotated[str, AfterValidator(_http_version)], ...] = ()
    preferred_ip_protocol: Address = "ip6"
    ip_protocol_fallback: bool = True
    skip_resolve_phase_with_proxy: bool = False
    no_follow_redirects: bool = False
    follow_redirects: bool = True
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    method: Annotated[str, AfterValidator(valid_method)] = "GET"
    headers: Annotated[Mapping[str, tuple[str | Secret, ...]], BeforeValidator(valid_headers)] = {}
    fail_if_body_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_body_not_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_header_matches: tuple[HeaderMatch, ...] = ()
    fail_if_header_not_matches: tuple[HeaderMatch, ...] = ()
    body: str | None = None
    body_file: NamedFile | None = None
    body_size_limit: Annotated[Annotated[int, Field(ge=0)], BeforeValidator(_size)] = 0
    compression: Annotated[str, AfterValidator(_compression)] = ""
    tls_config: TlsConfig = TlsConfig()
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: Secret | None = None
    bearer_token_file: NamedFile | None = None
    oauth2: OAuth2 | None = None
    proxy_url: HttpProxy | None = None
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: Annotated[
        Mapping[str, tuple[str | Secret, ...]], BeforeValidator(valid_headers)
    ] = {}
    enable_http2: bool = True

    @model_validator(mode="after")
    def _agreed(self) -> Self:
        """Nothing that is written excludes something else."""
        if self.body is not None and self.body_file is not None:
            raise ValueError("body and body_file are both there; write one of them")
        if self.fail_if_ssl and self.fail_if_not_ssl:
            raise ValueError("fail_if_ssl and fail_if_not_ssl are both true: nothing can be right")
        ways = ("basic_auth", "authorization", "bearer_token", "bearer_token_file", "oauth2")
        there = [name for name in ways if getattr(self, name) is not None]
        if len(there) > 1:
            raise ValueError(f"{' and '.join(there)} are both there; write one of them")
        return self


class Label(Model):
    name: LabelName
    value: str


class QueryResponse(Model):
    expect: Pattern | None = None
    send: str | None = None
    starttls: bool = False
    labels: tuple[Label, ...] = ()


class TcpOptions(Model):
    preferred_ip_protocol: Address = "ip6"
    ip_protocol_fallback: bool = True
    source_ip_address: str | None = None
    query_response: tuple[QueryResponse, ...] = ()
    tls: bool = False
    tls_config: TlsConfig = TlsConfig()


class Options(Model):
    """One module, as far as all kinds are alike."""

    prober: Annotated[str, AfterValidator(_kind)]
    timeout: Duration | None = None


# By the key that holds them, wherever it stands.
SECTIONS: Mapping[str, type[Model]] = {
    "http": HttpOptions,
    "tcp": TcpOptions,
    "tls_config": TlsConfig,
    "basic_auth": BasicAuth,
    "authorization": Authorization,
    "oauth2": OAuth2,
    "query_response": QueryResponse,
}
