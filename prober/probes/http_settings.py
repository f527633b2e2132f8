"""What can be written under `http:`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from prober.check import Model
from prober.probes.address import Url, valid_host
from prober.probes.expect import Expect
from prober.secret import Secret, is_secret_header
from prober.units import Count, Size
from prober.wire.tls import TlsPolicy

_OURS = frozenset({"content-length", "transfer-encoding"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HALF = re.compile(r"[\ud800-\udfff]")  # of a surrogate pair: UTF-8 has no bytes for it


def _method(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"{value!r} is not an HTTP method; write one word, like GET or POST")
    if value.upper() == "CONNECT":
        raise ValueError("CONNECT asks a proxy for a tunnel; write another method, like GET")
    return value.upper()


def _headers(value: object) -> object:
    """The values of each header as a list, secret ones as such. Messages show no value."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, list[object]] = {}
    mistakes: list[InitErrorDetails] = []
    for name, values in value.items():
        try:
            _refuse_name(name, found)
            listed = values if isinstance(values, list | tuple) else [values]
            found[name] = [_header_value(name, one) for one in listed]
        except ValueError as error:
            # The message is not a template: braces in it are the user's own.
            said = PydanticCustomError("header", "{message}", {"message": str(error)})
            mistakes.append(InitErrorDetails(type=said, loc=(str(name),), input=None))
    if mistakes:
        raise ValidationError.from_exception_data("headers", mistakes, hide_input=True)
    return found


def _refuse_name(name: object, before: Mapping[str, object]) -> None:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header; write one word, like Accept")
    if name.lower() in _OURS:
        raise ValueError(f"{name!r} follows from the body; leave it out")
    if name.lower() in {other.lower() for other in before}:
        raise ValueError(f"{name!r} is there twice; write one list of values")


def _header_value(name: str, value: object) -> str | Secret:
    text = value.reveal() if isinstance(value, Secret) else value
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise ValueError(f"header {name!r} has a value that is no text; write a text or a list")  # noqa: TRY004 - pydantic reports ValueErrors
    if _UNSENDABLE.search(text):
        raise ValueError(f"header {name!r} has a line break or control character; take it out")
    _refuse_half(text, f"header {name!r}")
    text = text.strip()
    return Secret(text) if isinstance(value, Secret) or is_secret_header(name) else text


def _refuse_half(text: str, where: str) -> None:
    if found := _HALF.search(text):
        raise ValueError(f"{where} has {found[0]!r}, half of a character; write the whole of it")


def _body(value: str) -> str:
    _refuse_half(value, "body")
    return value


def _json(value: JsonValue) -> JsonValue:
    _refuse_half(json.dumps(value, ensure_ascii=False), "json")
    return value


def _min_version(value: object) -> object:
    return str(value) if isinstance(value, float) else value


class TlsSettings(Model):
    """How a TLS server is to be verified, and who we are to it."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: Annotated[str, AfterValidator(valid_host)] | None = None
    insecure_skip_verify: bool = False
    min_version: Annotated[
        Annotated[str, Field(pattern=r"^1\.[0-3]$")] | None, BeforeValidator(_min_version)
    ] = None

    @model_validator(mode="after")
    def _key_with_certificate(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("key_file stands without cert_file; write both, or neither")
        return self

    @cached_property
    def policy(self) -> TlsPolicy:
        return TlsPolicy(
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            server_name=self.server_name,
            insecure_skip_verify=self.insecure_skip_verify,
            min_version=self.min_version,
        )


class HttpSettings(Model):
    """One HTTP request, where it may be led, and what has to come of it."""

    url: Url
    method: Annotated[str, AfterValidator(_method)] = "GET"
    headers: Annotated[Mapping[str, tuple[str | Secret, ...]], BeforeValidator(_headers)] = {}
    body: Annotated[str, AfterValidator(_body)] | None = None
    json_: Annotated[JsonValue, AfterValidator(_json), Field(alias="json")] = None
    redirects: Annotated[Count, Field(ge=0, le=100)] = 10  # 0: do not follow
    max_body: Annotated[Size, Field(gt=0)] = 10 * 2**20  # after decompression
    tls: TlsSettings = TlsSettings()
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.body is not None and self.has_json:
            raise ValueError("body and json are both there; write one of them")
        if self.expect.certificate and not self.url.tls and not self.redirects:
            raise ValueError("expect.certificate is there, but no answer can come over https")
        return self

    @property
    def has_json(self) -> bool:
        """Whether there is a JSON body; it may be null."""
        return "json_" in self.model_fields_set
