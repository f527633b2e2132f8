"""What does a HAR look like, and what does a trace hold of one?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress

from pydantic import JsonValue

from prober import __version__


def archive(entries: Sequence[JsonValue]) -> dict[str, JsonValue]:
    creator: JsonValue = {"name": "prober", "version": __version__}
    return {"log": {"version": "1.2", "creator": creator, "entries": list(entries)}}


def lines(text: str) -> Iterator[JsonValue]:
    """The entries in the network file of a trace, which are those of a HAR."""
    for line in text.splitlines():
        with suppress(ValueError):  # the last one of a process that was killed
            event = json.loads(line)
            if isinstance(event, dict) and event.get("type") == "resource-snapshot":
                yield event.get("snapshot")
