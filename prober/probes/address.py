"""How people write where to look: URLs and `host:port`, and what is right about them.

Hosts come out as the network wants them (lower case, IDN as ASCII, IPv6
without brackets). Userinfo is a secret from the moment it is read: no text
made here shows it, neither `str(url)` nor a message about a URL that is wrong.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import NamedTuple, Self
from urllib.parse import quote, unquote, urljoin

import idna
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from prober.secret import SHOWN, Secret, written

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?\.?")
_SAFE = "!$%&'()*+,/:;=@~"  # beside letters, digits and -._~; % because escapes are kept
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # nor can a URL carry half a character


class HostPort(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL without its fragment; `str` shows it without its userinfo.

    `userinfo` is `user:password`, unescaped.
    """

    scheme: str
    host: str
    port: int
    target: str
    userinfo: Secret | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError that says what would be right and shows no userinfo."""
        text = text.strip()
        _refuse_unseen(text)
        scheme = text.partition("://")[0].lower()
        if scheme not in _PORTS or "://" not in text:
            raise ValueError(
                f"{hidden(text)!r} is not an http or https URL; write it as https://host/path"
            )
        authority = re.split(r"[/?#\\]", text.partition("://")[2], maxsplit=1)[0]
        userinfo, at, place = authority.rpartition("@")
        host, port = _host_and_port(place, hidden(text))
        rest = text.partition("://")[2][len(authority) :]
        return cls(
            scheme=scheme,
            host=host,
            port=_PORTS[scheme] if port is None else port,
            target=_target(rest.partition("#")[0]),
            userinfo=Secret(_user_and_password(userinfo)) if at else None,
        )

    def join(self, location: str) -> Self:
        """Where a `Location` met at this URL leads. Raises ValueError as `parse` does.

        Userinfo stays within its origin (see `leads_on_to`).
        """
        there = self.parse(urljoin(str(self), location.strip()))
        if there.userinfo is None and self.leads_on_to(there):
            return replace(there, userinfo=self.userinfo)
        return there

    def leads_on_to(self, other: Url) -> bool:
        """Whether `other` may know what was meant for this one: the same origin, or its safe twin.

        From http to https of one host, each at its usual port, as most sites
        redirect: what was told in the clear may be told in secret.
        """
        upgraded = (self.scheme, self.port, other.scheme, other.port) == ("http", 80, "https", 443)
        return other.origin == self.origin or (upgraded and other.host == self.host)

    @property
    def tls(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as a Host header has them."""
        host = bracketed(self.host)
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Takes a text in a config; serializes without userinfo."""
        return written(cls, cls.parse, core_schema.str_schema())


def parse_address(text: str) -> HostPort:
    """A `host:port`. Raises ValueError with what would be right."""
    text = text.strip()
    _refuse_unseen(text)
    if "/" in text or "@" in text:
        raise ValueError(f"{hidden(text)!r} is not an address; write it as host:port")
    host, port = _host_and_port(text, text)
    if port is None:
        raise ValueError(f"{text!r} has no port; write it as host:port or [::1]:port")
    return HostPort(host, port)


def valid_host(text: str) -> str:
    """A name or an IP address, as the network wants it. Raises ValueError."""
    text = text.strip()
    try:
        return _ipv6(text, text) if ":" in text else _name(text, text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not the name of a host; write a domain name or an IP address"
        ) from None


def is_name(host: str) -> bool:
    """Whether `host` has to be resolved."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def hidden(text: str) -> str:
    """`text` without what may be userinfo, also where it is no URL at all."""
    before, at, rest = text.rpartition("@")
    scheme, slashes, _ = before.partition("//") if "//" in before else ("", "", "")
    return f"{scheme}{slashes}{SHOWN}@{rest}" if at else text


def _host_and_port(place: str, shown: str) -> tuple[str, int | None]:
    match = re.fullmatch(
        r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>[^:]*))?", place
    )
    if match is None:
        hint = "write an IPv6 address in brackets, as in [::1]:8080"
        raise ValueError(f"{shown!r} does not name one host and port; {hint}")
    port = _port(match["port"], shown) if match["port"] else None
    host = _ipv6(match["v6"], shown) if match["v6"] is not None else _name(match["host"], shown)
    return host, port


def _port(text: str, shown: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError(f"{shown!r} has no valid port; write a number from 1 to 65535")
    return int(text)


def _ipv6(text: str, shown: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text)) if "%" not in text else _name("%", shown)
    except ValueError:
        raise ValueError(f"{shown!r} has no valid IPv6 address between its brackets") from None


def _name(text: str, shown: str) -> str:
    if not text:
        raise ValueError(f"{shown!r} has no host; write it as host or host:port")
    host = text.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise ValueError(f"{shown!r} has a host that is no valid domain name") from None
    if not _HOST.fullmatch(host) or ".." in host:
        raise ValueError(f"{shown!r} has a host that is no valid domain name")
    return host


def _target(rest: str) -> str:
    escaped = quote(rest, safe=_SAFE + "?")
    return escaped if escaped.startswith("/") else "/" + escaped


def _user_and_password(userinfo: str) -> str:
    user, _, password = userinfo.partition(":")
    return f"{unquote(user)}:{unquote(password)}"


def _refuse_unseen(text: str) -> None:
    if found := _UNSEEN.search(text):
        raise ValueError(f"{found[0]!r} stands in an address; take control characters out")
