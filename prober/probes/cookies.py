"""The cookies of one run: what redirects set on the way, and where it goes back to.

As browsers do (RFC 6265), but stricter in one thing: a cookie returns only to
the host that set it, whatever Domain it names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from prober.probes.address import Url
from prober.probes.texts import utf8

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # HTTP/2 carries them; no request can
_AT_MOST = 100  # cookies; a run that meets more keeps the first


@dataclass(frozen=True, slots=True)
class _Cookie:
    host: str
    path: str
    name: str
    value: str
    secure: bool

    def belongs_to(self, url: Url) -> bool:
        path = _path(url)
        below = path == self.path or path.startswith(self.path.rstrip("/") + "/")
        return self.host == url.host and below and (url.tls or not self.secure)


class Jar:
    """Starts empty with every attempt."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], _Cookie] = {}

    def keep(self, url: Url, headers: Sequence[tuple[str, str]], now: float) -> None:
        """Takes what the answer from `url` sets; `now` is in Unix seconds."""
        for name, value in headers:
            if name.lower() == "set-cookie":
                self._set(url, utf8(value), now)

    def header(self, url: Url, given: str = "") -> str:
        """The Cookie header for `url`: `given` as it is, then ours under other names."""
        if not self._cookies:
            return given
        taken = {part.partition("=")[0].strip() for part in given.split(";")}
        ours = [cookie for cookie in self._cookies.values() if cookie.belongs_to(url)]
        ours.sort(key=lambda cookie: -len(cookie.path))
        texts = [f"{one.name}={one.value}" for one in ours if one.name not in taken]
        return "; ".join([given, *texts] if given else texts)

    def _set(self, url: Url, text: str, now: float) -> None:
        pair, *rest = text.split(";")
        name, equals, value = (part.strip() for part in pair.partition("="))
        attributes = {
            key.strip().lower(): said.strip()
            for key, _, said in (one.partition("=") for one in rest)
        }
        secure = "secure" in attributes
        if _CONTROL.search(text):
            return
        if not equals or not name or (secure and not url.tls) or _foreign(url, attributes):
            return
        given = attributes.get("path", "")
        path = given if given.startswith("/") else _path(url).rpartition("/")[0] or "/"
        key = (url.host, path, name)
        if _over(attributes, now):
            self._cookies.pop(key, None)
        elif key in self._cookies or len(self._cookies) < _AT_MOST:
            self._cookies[key] = _Cookie(url.host, path, name, value, secure)


def _path(url: Url) -> str:
    return url.target.partition("?")[0]


def _foreign(url: Url, attributes: dict[str, str]) -> bool:
    domain = attributes.get("domain", "").lower().removeprefix(".")
    return bool(domain) and url.host != domain and not url.host.endswith(f".{domain}")


def _over(attributes: dict[str, str], now: float) -> bool:
    if re.fullmatch(r"-?\d{1,18}", age := attributes.get("max-age", "")):
        return int(age) <= 0
    try:
        return parsedate_to_datetime(attributes.get("expires", "")).timestamp() <= now
    except (ValueError, OverflowError, OSError):
        return False
