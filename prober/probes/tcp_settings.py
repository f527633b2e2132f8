"""What can be written under `tcp:`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from prober.check import LabelName, Model
from prober.probes.address import parse_address
from prober.probes.expect import CertificateExpect
from prober.probes.http_tls import TlsSettings
from prober.probes.tcp_said import Said, credentials
from prober.probes.texts import Pattern, group_names
from prober.secret import Scrubber
from prober.units import Duration
from prober.wire.family import Ip
from prober.wire.network import Endpoint
from prober.wire.tls import TlsPolicy

MOST_ITEMS = 100

_Place: TypeAlias = "tuple[str | int, ...]"


def _true(value: object) -> object:
    if value is False:
        raise ValueError("starttls: false does nothing; write true, or leave the item out")
    return value


class Item(Model):
    """One thing that is heard, said or done: exactly one of the three; `labels` go with `expect`."""

    expect: Pattern | None = None  # searched in each line that comes, until one has it
    labels: Mapping[LabelName, Said] = {}  # of probe_expect_info, from the groups of `expect`
    send: Said | None = None
    starttls: Annotated[Literal[True], BeforeValidator(_true)] | None = None  # TLS from here on

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(one is not None for one in (self.expect, self.send, self.starttls)) != 1:
            raise ValueError("write exactly one of expect, send and starttls: true")
        if self.labels and self.expect is None:
            raise ValueError("labels stand without expect; write them beside one")
        return self

    @property
    def said(self) -> Iterator[tuple[_Place, Said]]:
        for name, label in self.labels.items():
            yield ("labels", name), label
        if self.send is not None:
            yield ("send",), self.send


def _groups_exist(dialogue: tuple[Item, ...]) -> tuple[Item, ...]:
    """Every place in what is said has to be a group of the last expect before it."""
    mistakes: list[InitErrorDetails] = []
    known: tuple[str, ...] = ()
    for index, item in enumerate(dialogue):
        if item.expect is not None:
            known = group_names(item.expect)
        for where, said in item.said:
            for group in () if said.lenient else said.groups:
                if group not in known:
                    # The message is not a template: its braces are the user's own.
                    message = {"message": _no_group(group, known)}
                    error = PydanticCustomError("group", "{message}", message)
                    mistakes.append(InitErrorDetails(type=error, loc=(index, *where), input=None))
    if mistakes:
        raise ValidationError.from_exception_data("dialogue", mistakes, hide_input=True)
    return dialogue


def _no_group(group: str, known: tuple[str, ...]) -> str:
    place = f"{{{{{group}}}}}"
    if not known:
        return f"{place} has no expect before it; write one with a group for it"
    listed = ", ".join(f"{{{{{name}}}}}" for name in known)
    return f"{place} is no group of the expect before it, which has {listed}"


def _address(text: str) -> str:
    return str(parse_address(text))


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address; write one of this machine's") from None


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _switch(value: object) -> object:
    """`true` is TLS as it comes, `false` none."""
    if isinstance(value, bool):
        return {} if value else None
    return value


class _OrSwitch:
    """Tells the schema that an editor gets of what `_switch` takes."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "boolean"}]}


class TcpExpect(Model):
    """Durations are in seconds."""

    duration: Annotated[Duration, Field(gt=0)] | None = None
    certificate: CertificateExpect | None = None


class TcpSettings(Model):
    """A connection, what is said over it, and what has to come of it.

    With `tls`, TLS is spoken from the start, or from `starttls` in the dialogue on.
    """

    address: Annotated[str, AfterValidator(_address)]  # host:port, IPv6 in brackets
    tls: Annotated[TlsSettings | None, BeforeValidator(_switch), _OrSwitch()] = None
    ip: Annotated[Ip, BeforeValidator(_as_text)] = "auto"
    source_ip_address: Annotated[str, AfterValidator(_ip)] | None = None
    dialogue: Annotated[
        tuple[Item, ...], Field(max_length=MOST_ITEMS), AfterValidator(_groups_exist)
    ] = ()
    expect: TcpExpect = TcpExpect()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        switches = sum(item.starttls is not None for item in self.dialogue)
        if switches > 1:
            raise ValueError("starttls is in the dialogue twice; TLS begins once")
        if self.expect.certificate and not self.speaks_tls:
            raise ValueError(
                "expect.certificate is there, but nothing speaks TLS; write tls: true,"
                " or starttls: true in the dialogue"
            )
        return self

    @cached_property
    def speaks_tls(self) -> bool:
        return self.tls is not None or self.switches

    @cached_property
    def switches(self) -> bool:
        """Does TLS begin in the middle of the dialogue?"""
        return any(item.starttls for item in self.dialogue)

    @cached_property
    def endpoint(self) -> Endpoint:
        host, port = parse_address(self.address)
        tls = self.policy if self.tls and not self.switches else None
        return Endpoint(host, port, tls, self.ip, source=self.source_ip_address)

    @cached_property
    def policy(self) -> TlsPolicy:
        return (self.tls or TlsSettings()).policy

    @cached_property
    def connects_only(self) -> bool:
        return not (self.dialogue or self.expect.duration or self.expect.certificate)

    @cached_property
    def scrub(self) -> Scrubber:
        """Takes the passwords of the dialogue out of what the peer says."""
        return Scrubber(credentials(item.send for item in self.dialogue if item.send))
