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
from prober.secret import CUT

LONGEST = 300  # characters of a message
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LOG = re.compile(r"^(Call log|Browser logs|Call Log)\b", re.MULTILINE | re.IGNORECASE)
_WAITED = re.compile(r"^\s*-\s*((?:waiting for|navigating to) .+)$", re.MULTILINE)
_SNAPSHOT = re.compile(r"^\s*Aria snapshot\b", re.MULTILINE | re.IGNORECASE)
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
    """What an exception says, without colours, logs and pictures of the page."""
    text = _ANSI.sub("", str(error))
    log = _LOG.search(text)
    waited = _WAITED.search(text, log.end()) if log else None
    text = text[: log.start()] if log else text
    snapshot = _SNAPSHOT.search(text)
    text = text[: snapshot.start()] if snapshot else text
    text = "; ".join(filter(None, (line.strip(_FRAME + " \t.") for line in text.splitlines())))
    return f"{text} ({waited[1].strip()})" if waited else text


def cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - len(CUT)] + CUT
