"""Which line of the author's was it, and what is worth saying of an exception?"""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import prober
from prober.journey import calls
from prober.journey.wash import without_typed
from prober.secret import CUT

LONGEST = 300  # characters of a message
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LOG = re.compile(r"^(?:(?:Call log|Browser logs)\b.*|=+ logs =+)$", re.MULTILINE | re.IGNORECASE)
_SNAPSHOT = re.compile(r"^\s*Aria snapshot\b", re.MULTILINE | re.IGNORECASE)
_STACK = re.compile(r"^\s+at .*(?:<anonymous>|:\d+:\d+)\)?$", re.MULTILINE)  # JavaScript's
_FRAME = "╔╗╚╝║═"  # what Playwright draws around some of its advice
_INSTALLED = ("site-packages", "dist-packages")
_NOT_THEIRS = (
    os.path.dirname(prober.__file__) + os.sep,
    sysconfig.get_path("stdlib") + os.sep,
)


@dataclass(frozen=True, slots=True)
class Place:
    file: str  # absolute
    line: int  # from 1 on; 0 is the whole file


class Authors:
    """Tells the author's own code: what lies in the script's folder, and was not installed there."""

    def __init__(self, script: Path) -> None:
        self.script = str(script)
        self.folder = os.path.join(script.parent, "")

    def wrote(self, file: str) -> bool:
        return file == self.script or (
            file.startswith(self.folder)
            and not file.startswith(_NOT_THEIRS)
            and not any(part in file for part in _INSTALLED)
        )

    def place(self, trace: TracebackType | None) -> Place | None:
        """The innermost line of theirs."""
        for frame in reversed(traceback.extract_tb(trace)):
            if self.wrote(frame.filename):
                return Place(frame.filename, frame.lineno or 1)
        return None

    def short(self, place: Place) -> str:
        file = place.file.removeprefix(self.folder)
        return f"{file}:{place.line}" if place.line else file


def said(error: BaseException) -> str:
    """What an exception says, without colours, stacks, pictures of the page, and most of a log."""
    text = without_typed(_ANSI.sub("", str(error)))
    log = _LOG.search(text)
    text, logged = (text[: log.start()], text[log.end() :]) if log else (text, "")
    text, logged = (_SNAPSHOT.split(one, maxsplit=1)[0] for one in (text, logged))
    lines = _STACK.sub("", text).splitlines()
    text = "; ".join(filter(None, (line.strip(_FRAME + " \t.") for line in lines)))
    told = calls.told(logged, is_late="Timeout" in text)
    return f"{text} ({told})" if told else text


def cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - len(CUT)] + CUT
