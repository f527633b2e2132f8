"""What are the modules of `/probe`? Those of blackbox_exporter's own `blackbox.yml`, read as it is.

Either `modules_file` names that file, or its `modules:` stand in the config;
without both there are those of its default file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import yaml
from pydantic import JsonValue

from prober.config import blackbox_http, blackbox_tcp, hidden, tls
from prober.config.blackbox_options import (
    KINDS,
    NOT_HERE,
    OTHERS,
    SECTIONS,
    HttpOptions,
    Options,
    TcpOptions,
)
from prober.config.desk import Desk, Raw
from prober.config.hidden import Field
from prober.config.tree import Path
from prober.probes.modules import HttpModule, Module, TcpModule, Unsupported
from prober.probes.tcp_said import credentials
from prober.secret import SHOWN, FromFile, Scrubber

KEYS = ("prober", "timeout", *KINDS)
DEFAULT = """\
http_2xx: {prober: http}
http_post_2xx: {prober: http, http: {method: POST}}
tcp_connect: {prober: tcp}
pop3s_banner:
  prober: tcp
  tcp: {query_response: [{expect: "^+OK"}], tls: true, tls_config: {insecure_skip_verify: false}}
ssh_banner:
  prober: tcp
  tcp: {query_response: [{expect: "^SSH-2.0-"}, {send: "SSH-2.0-blackbox-ssh-check"}]}
irc_banner:
  prober: tcp
  tcp:
    query_response:
      - send: "NICK prober"
      - send: "USER prober prober prober :prober"
      - {expect: "PING :([^ ]+)", send: "PONG ${1}"}
      - expect: "^:[^ ]+ 001"
grpc: {prober: grpc}
grpc_plain: {prober: grpc}
icmp: {prober: icmp}
icmp_ttl5: {prober: icmp}
"""


def read_modules(desk: Desk) -> Mapping[str, Module]:
    """By name; one that is wrong is reported and left out."""
    part, here = desk.others.modules, desk.section("modules")
    if part is None and here is None:
        return _defaults()
    if part is not None and here is not None:
        said = "modules and modules_file are both there; write one of them"
        desk.report.error(("modules",), said)
    if part is None:
        return _modules(desk, ("modules",), here)
    root = desk.mapping((part.key,), desk.tree.parts[part.key].root)
    for key in root:
        if key != "modules":
            desk.report.unknown((part.key,), key, ("modules",))
    return _modules(desk.beside(part), (part.key, "modules"), root.get("modules"))


def _modules(desk: Desk, place: Path, value: JsonValue) -> dict[str, Module]:
    found: dict[str, Module] = {}
    for name, raw in desk.mapping(place, value).items():
        if not isinstance(raw, dict):
            at = (*place, name)
            desk.report.error(at, f"{desk.report.found(at)} is not a mapping of keys")
        elif module := _module(desk, (*place, name), raw):
            found[name] = module
    return found


def _module(desk: Desk, place: Path, raw: Raw) -> Module | None:
    for key in raw.keys() - set(KEYS):
        desk.report.unknown(place, key, KEYS)
    common: Raw = {key: raw[key] for key in ("prober", "timeout") if key in raw}
    options = desk.validated(Options, common, place)
    how = _how(desk, place, raw)
    if options is None or how is None:
        return None
    name = str(place[-1])
    shown = _shown(name, raw)
    if isinstance(how, TcpModule):
        shown = Scrubber(credentials(one.send for one in how.settings.dialogue if one.send))(shown)
    return Module(name=name, how=how, timeout=options.timeout, shown=shown)


def _how(desk: Desk, place: Path, raw: Raw) -> HttpModule | TcpModule | Unsupported | None:
    """What it does, which is looked at though the rest of it may be wrong."""
    match kind := raw.get("prober"):
        case "http":
            return _http(desk, (*place, "http"), raw.get("http"))
        case "tcp":
            return _tcp(desk, (*place, "tcp"), raw.get("tcp"))
        case str() if kind in OTHERS:
            how = Unsupported(kind)
            desk.report.warn((*place, "prober"), f"{how}; /probe refuses this module")
            return how
        case _:
            return None


def _http(desk: Desk, place: Path, value: JsonValue) -> HttpModule | None:
    raw = _known(desk, place, desk.mapping(place, value), "http")
    raw = desk.with_files(HttpOptions, raw, place)
    tls.look_into(desk, HttpOptions, raw, place)
    options = desk.validated(HttpOptions, raw, place)
    return None if options is None else blackbox_http.module(desk, place, options)


def _tcp(desk: Desk, place: Path, value: JsonValue) -> TcpModule | None:
    raw = _known(desk, place, desk.mapping(place, value), "tcp")
    raw = desk.with_files(TcpOptions, raw, place)
    tls.look_into(desk, TcpOptions, raw, place)
    options = desk.validated(TcpOptions, raw, place)
    return None if options is None else blackbox_tcp.module(desk, place, options)


def _known(desk: Desk, place: Path, raw: Raw, kind: str) -> Raw:
    """Without what only blackbox_exporter has, which is reported, and what is empty: Go's is unset."""
    kept: Raw = {}
    for key, value in raw.items():
        at = (*place, key)
        is_empty = value is None or (value == "" and key != "expect")  # "" is found in any line
        if is_empty and key in SECTIONS[kind].model_fields:
            continue
        if why := NOT_HERE.get(kind, {}).get(key):
            desk.report.error(at, why)
        elif key in SECTIONS and isinstance(value, dict):
            kept[key] = _known(desk, at, value, key)
        elif key in SECTIONS and isinstance(value, list):
            kept[key] = [
                _known(desk, (*at, index), one, key) if isinstance(one, dict) else one
                for index, one in enumerate(value)
            ]
        else:
            kept[key] = value
    return kept


def _shown(name: str, raw: Raw) -> str:
    """The module as its file has it, less what is secret."""
    masked = {name: _masked(raw, Field.PLAIN)}
    return yaml.safe_dump(masked, sort_keys=False, allow_unicode=True)


def _masked(value: JsonValue, where: Field) -> JsonValue:
    if isinstance(value, dict):
        return {
            key: _masked(one, hidden.inner(where, key, named=False)) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_masked(one, where) for one in value]
    if where.hides or isinstance(value, FromFile):
        return SHOWN
    return hidden.without_userinfo(value) if isinstance(value, str) else value


@cache
def _defaults() -> Mapping[str, Module]:
    """Those of Debian's file, which are right."""
    found: dict[str, Module] = {}
    written: Mapping[str, Raw] = yaml.safe_load(DEFAULT)
    for name, raw in written.items():
        how: HttpModule | TcpModule | Unsupported
        if raw["prober"] == "http":
            how = blackbox_http.made(HttpOptions.model_validate(raw.get("http") or {}))
        elif raw["prober"] == "tcp":
            how = blackbox_tcp.made(TcpOptions.model_validate(raw.get("tcp") or {}))
        else:
            how = Unsupported(str(raw["prober"]))
        found[name] = Module(name=name, how=how, shown=_shown(name, raw))
    return found
