"""What can be written under `http:`."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from prober.check import Model
from prober.probes.address import Url
from prober.probes.expect import Expect, ExpectField
from prober.probes.extract import Named, SourceField
from prober.probes.http_auth import Auth
from prober.probes.http_body import JSON, Body, file_body, form_body, valid_form
from prober.probes.http_file import NamedFile
from prober.probes.http_headers import refuse_half, valid_headers, valid_method
from prober.probes.http_proxy import HttpProxy
from prober.probes.http_resolve import valid_resolve
from prober.probes.http_tls import TlsSettings
from prober.probes.values import MOST_VALUES
from prober.secret import Secret
from prober.units import Count, Size

__all__ = ["HttpCommon", "HttpSettings", "TlsSettings"]

_BODIES = {"body": "body", "json": "json_", "form": "form", "body_file": "body_file"}
_VERSIONS = {"4": 4, "6": 6}


def _body(value: str) -> str:
    refuse_half(value, "body")
    return value


def _json(value: JsonValue) -> JsonValue:
    refuse_half(json.dumps(value, ensure_ascii=False), "json")
    return value


def _ip(value: object) -> object:
    return str(value) if isinstance(value, int) else value


class HttpCommon(Model):
    """What one request may have beside where and what it asks; of a list of steps, their defaults."""

    headers: Annotated[Mapping[str, tuple[str | Secret, ...]], BeforeValidator(valid_headers)] = {}
    auth: Auth | None = None
    redirects: Annotated[Count, Field(ge=0, le=100)] = 10  # 0: do not follow
    ip: Annotated[Literal["prefer6", "prefer4", "6", "4"] | None, BeforeValidator(_ip)] = None
    resolve: Annotated[Mapping[str, str], BeforeValidator(valid_resolve)] = {}
    http2: bool = True  # offered over TLS; false: HTTP/1.1 alone
    proxy: HttpProxy | None = None
    max_body: Annotated[Size, Field(gt=0)] = 10 * 2**20  # after decompression
    tls: TlsSettings = TlsSettings()
    values: Annotated[Mapping[Named, SourceField], Field(max_length=MOST_VALUES)] = {}
    expect: ExpectField = Expect()

    @model_validator(mode="after")
    def _agreed(self) -> Self:
        """What is written does not contradict itself."""
        given = {name.lower() for name in self.headers}
        if self.auth is not None and "authorization" in given:
            raise ValueError("headers has Authorization, and auth is there too; keep one of them")
        if self.proxy is not None and "proxy-authorization" in given:
            raise ValueError(
                "headers has Proxy-Authorization, which would reach the target;"
                " write the user into the URL of proxy"
            )
        version = _VERSIONS.get(self.ip or "")
        for place, address in self.resolve.items() if version else ():
            if ipaddress.ip_address(address).version != version:
                raise ValueError(
                    f"resolve has {address} for {place}, which is no IPv{version}, but ip is {self.ip}"
                    "; change one of them"
                )
        return self


class HttpSettings(HttpCommon):
    """One HTTP request, where it may be led, and what has to come of it."""

    url: Url
    method: Annotated[str, AfterValidator(valid_method)] = "GET"
    body: Annotated[str, AfterValidator(_body)] | None = None
    json_: Annotated[JsonValue, AfterValidator(_json), Field(alias="json")] = None
    form: Annotated[Mapping[str, tuple[str | Secret, ...]], BeforeValidator(valid_form)] | None = (
        None
    )
    body_file: NamedFile | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        there = [name for name, field in _BODIES.items() if self._has(field)]
        if len(there) > 1:
            listed = f"{', '.join(there[:-1])} and {there[-1]}"
            said = "both" if len(there) == 2 else "all"
            raise ValueError(f"{listed} are {said} there; write one of them")
        if self.auth is not None and self.url.userinfo is not None:
            raise ValueError("url has a user in it, and auth is there too; keep one of them")
        if self.expect.certificate and not self.url.tls and not self.redirects:
            raise ValueError("expect.certificate is there, but no answer can come over https")
        return self

    def _has(self, field: str) -> bool:
        return self.has_json if field == "json_" else getattr(self, field) is not None

    @property
    def has_json(self) -> bool:
        """Whether there is a JSON body; it may be null."""
        return "json_" in self.model_fields_set

    @property
    def payload(self) -> Body:
        """What is sent. Raises OwnFault where a file cannot be read."""
        if self.has_json:
            return Body(json.dumps(self.json_, ensure_ascii=False).encode(), JSON)
        if self.form is not None:
            return form_body(self.form)
        if self.body_file is not None:
            content = self.body_file.whole("body_file")
            return file_body(self.body_file.path, content)
        return Body((self.body or "").encode())
