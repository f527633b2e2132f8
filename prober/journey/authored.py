"""What in a trace is the author's, and what have we done beside it?

A viewer is to show the author's actions and lines: neither how vitals are
fetched nor how pictures are taken.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, JsonValue

PACKAGE = f"{Path(__file__).parent.parent}/"


class _Stacks(BaseModel):
    """What is in trace.stacks: of each call, where it was made; a frame begins with its file."""

    files: list[str]
    stacks: list[tuple[str, list[list[JsonValue]]]]


class Authored(NamedTuple):
    stacks: JsonValue  # without our frames
    calls: frozenset[JsonValue]  # that are ours alone
    sources: frozenset[str]  # ours, by the names that they have in the trace

    @classmethod
    def of(cls, data: bytes) -> Authored:
        """Raises ValueError."""
        known = _Stacks.model_validate_json(data)
        ours = {at for at, file in enumerate(known.files) if file.startswith(PACKAGE)}
        stacks = {
            call: [one for one in frames if one[0] not in ours] for call, frames in known.stacks
        }
        calls = frozenset(call for call, frames in stacks.items() if not frames)
        left: list[JsonValue] = [[call, list(frames)] for call, frames in stacks.items() if frames]
        sources = frozenset(map(_name, (known.files[at] for at in ours)))
        return cls({"files": list(known.files), "stacks": left}, calls, sources)

    def shows(self, line: JsonValue) -> bool:
        """What a page looked like stays: later looks refer to it."""
        match line:
            case {"type": "frame-snapshot"} | {"class": "Tracing"}:  # the steps
                return True
            case {"callId": str(call)}:
                return call not in self.calls
            case _:
                return True


NOTHING = Authored(None, frozenset(), frozenset())


def _name(file: str) -> str:
    return (
        f"src/{hashlib.sha1(file.encode(), usedforsecurity=False).hexdigest()}{Path(file).suffix}"
    )
