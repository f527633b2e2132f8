"""Whom does the agent ask whether it is itself that is cut off?

Each address under `connectivity:` becomes a check that is run when another one
is down; what it answers does not matter, only that it does.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue, ValidationError

from prober.config import words
from prober.config.desk import Desk
from prober.probes import AnyCheck
from prober.probes.http import HttpCheck
from prober.probes.tcp import TcpCheck

KEY = "connectivity"
PATIENCE = 3.0  # seconds that an address gets to answer
_TCP = "tcp://"
_WEB = ("https://", "http://")
RIGHT = 'write https://example.net/ or "tcp://192.0.2.1:53"'


def read_connectivity(desk: Desk) -> Iterator[AnyCheck]:
    """Every address that is right."""
    for index, raw in enumerate(desk.list((KEY,), desk.section(KEY))):
        place = (KEY, index)
        found = desk.report.found(place)
        if not isinstance(raw, str) or not raw.startswith((_TCP, *_WEB)):
            desk.report.error(place, f"{found} is no address to ask; {RIGHT}")
            continue
        try:
            yield _check(raw)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                if one["type"] != "is_instance_of":  # what a URL can be as well, made by ourselves
                    desk.report.error(place, words.message(one, found))


def _check(text: str) -> AnyCheck:
    common: dict[str, JsonValue] = {"name": KEY, "timeout": PATIENCE}
    if text.startswith(_TCP):
        address = text.removeprefix(_TCP).removesuffix("/")
        return TcpCheck.model_validate({**common, "tcp": {"address": address}})
    return HttpCheck.model_validate({**common, "http": {"url": text, "redirects": 0}})
