"""Which proxy is asked, and for which URLs is none?

`NO_PROXY` is curl's: names with all that is below them, addresses and
networks, `host:port`, and `*` for everything.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from prober.probes.address import Url, bracketed, hidden, is_name, valid_host
from prober.probes.http_auth import basic_header
from prober.secret import Secret, written
from prober.wire.http1 import Lines

_FORM = "write it as http://host:port"


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """`spared` are the entries of NO_PROXY, as they were when the config was read."""

    host: str
    port: int
    userinfo: Secret | None = None
    spared: tuple[str, ...] = ()
    told: Lines = field(default=(), repr=False)  # beside who we are, by those who ask for a tunnel

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError that says what would be right and shows no userinfo."""
        scheme, slashes, rest = text.strip().partition("://")
        shown = hidden(text.strip())
        if slashes and scheme.lower() != "http":
            raise ValueError(f"{shown!r} is a proxy of another kind; only http:// proxies work")
        place = rest.rpartition("@")[2].rstrip("/")
        if not slashes or not re.fullmatch(r"[^/?#]+:[0-9]+", place):
            raise ValueError(f"{shown!r} is not the address of a proxy; {_FORM}")
        url = Url.parse(text)
        return cls(url.host, url.port, url.userinfo, no_proxy(os.environ))

    def serves(self, url: Url) -> bool:
        """Whether `url` is to be asked of the proxy."""
        return not (self.spared and any(_covers(entry, url) for entry in self.spared))

    @property
    def lines(self) -> Lines:
        """What the proxy is told of us, and nobody else."""
        if self.userinfo is None:
            return ()
        return (("Proxy-Authorization", basic_header(self.userinfo).reveal()),)

    @property
    def tunnel_lines(self) -> Lines:
        return (*self.lines, *self.told)

    def __str__(self) -> str:
        return f"http://{bracketed(self.host)}:{self.port}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Takes a text in a config; serializes without userinfo."""
        return written(cls, cls.parse, core_schema.str_schema())


def no_proxy(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The entries of `no_proxy`, or else of `NO_PROXY`."""
    text = environ.get("no_proxy", environ.get("NO_PROXY", ""))
    return tuple(entry for entry in re.split(r"[\s,]+", text) if entry)


def _covers(entry: str, url: Url) -> bool:
    if entry == "*":
        return True
    host, port = _place(entry)
    if port and port != str(url.port):
        return False
    with suppress(ValueError):
        network = ipaddress.ip_network(host, strict=False)
        return not is_name(url.host) and ipaddress.ip_address(url.host) in network
    with suppress(ValueError):
        host = valid_host(host.strip("."))
    return is_name(url.host) and f".{url.host.rstrip('.')}".endswith(f".{host}")


def _place(entry: str) -> tuple[str, str]:
    """Host and port of an entry; no port where it means all."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, rest.removeprefix(":")
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""
