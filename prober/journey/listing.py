"""What is in a journey's file? `python -P -m prober.journey.listing SCRIPT [FUNCTION]` says it.

One JSON object on stdout. The import runs the author's code: whatever that
prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from prober.journey.find import Found, Unfit, find
from prober.journey.parent import die_with_parent


def listed(script: Path, function: str | None) -> dict[str, JsonValue]:
    try:
        return _found(find(script, function))
    except Unfit as unfit:
        return {
            "problems": [_problem(one) for one in (unfit, *unfit.besides)],
            "would_be": None if unfit.would_be is None else _found(unfit.would_be),
        }


def _found(found: Found) -> dict[str, JsonValue]:
    return {
        "function": found.name,
        "is_async": found.is_async,
        "file": found.place.file,
        "line": found.place.line,
        "arguments": list(found.arguments),
        "steps": list(found.asks.steps),
        "no_more_steps": found.asks.no_more,
        "needs": [need._asdict() for need in found.asks.needs],
        "naps": list(found.naps),
    }


def _problem(unfit: Unfit) -> dict[str, JsonValue]:
    return {"file": unfit.file, "line": unfit.line, "message": unfit.message}


def main(arguments: Sequence[str]) -> None:
    die_with_parent()
    sys.dont_write_bytecode = True  # the folder is the author's
    out = os.dup(1)
    os.dup2(2, 1)
    script, function = [*arguments, None][:2]
    said = listed(Path(script or "").absolute(), function)
    os.write(out, json.dumps(said).encode() + b"\n")
    os._exit(0)  # whatever threads the import has started


if __name__ == "__main__":
    main(sys.argv[1:])
