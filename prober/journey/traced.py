"""What is in the trace that a run has recorded, and how is it shown without secrets?

The run's process has put it together, or had no time for that: then it lies
where the driver has written it, up to the last action that had begun.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydantic import JsonValue

from prober.journey.authored import NOTHING, Authored
from prober.journey.files import RECORDED, TRACE, UNPACKED
from prober.journey.har import lines as entries
from prober.journey.scan import Scanner
from prober.journey.wash import Washer, in_body, in_json, worth

ACTIONS, NETWORK, STACKS = "trace.trace", "trace.network", "trace.stacks"
_NEEDED = (ACTIONS, NETWORK, STACKS)  # without which the rest is of no use
_PASSWORD = re.compile(r'<input\b[^>]*\btype="?password\b', re.IGNORECASE)
MOST = 64 << 20  # bytes of one of them
MOST_MEMBER, MOST_MEMBERS = 8 << 20, 128 << 20  # bytes of a picture, a script, …; of all of them


@dataclass(frozen=True, slots=True)
class Made:
    """A trace that may be shown, if there is any, and how many of its files may not."""

    data: bytes = b""
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Traced:
    """The files of a trace, by the names that they have in it; none where nothing was recorded."""

    files: dict[str, Path]

    @classmethod
    def of(cls, folder: Path, *, is_packed: bool) -> Traced:
        source = folder / RECORDED
        if is_packed:
            source = folder / UNPACKED
            with suppress(zipfile.BadZipFile), zipfile.ZipFile(folder / TRACE) as archive:
                archive.extractall(source)
        names = [ACTIONS, NETWORK, STACKS]
        paths = [source / name for name in names]
        for inner in ("resources", "src"):
            paths += sorted((source / inner).glob("*"))
        found = [path for path in paths if path.is_file() and not path.is_symlink()]
        return cls({path.relative_to(source).as_posix(): path for path in found})

    def __bool__(self) -> bool:
        return ACTIONS in self.files and self.files[ACTIONS].stat().st_size > 0

    def secrets(self) -> Iterator[str]:
        """What is one by its name."""
        for name in (ACTIONS, NETWORK):
            for line in self._lines(name):
                yield from in_json(line)
        yield from worth(self._typed())
        for name, path in self.files.items():
            if name.endswith((".dat", ".json")) and path.stat().st_size <= MOST_MEMBER:
                yield from in_body(path.read_bytes().decode(errors="replace"))

    def _typed(self) -> Iterator[str]:
        """Into password fields, also by a journey that was killed before the page could tell.

        Where the driver had no time to note anything about the field, it was one.
        """
        typed: dict[str, str] = {}
        noted: set[str] = set()
        passwords: set[str] = set()
        for line in self._lines(ACTIONS):
            match line:
                case {"type": "before", "callId": str(call), "params": {"value": str(text)}}:
                    typed[call] = text
                case {"type": "before", "callId": str(call), "params": {"text": str(text)}}:
                    typed[call] = text
                case {"type": "log", "callId": str(call), "message": str(text)}:
                    noted.add(call)
                    if _PASSWORD.search(text):
                        passwords.add(call)
        for call, text in typed.items():
            if call in passwords or call not in noted:
                yield text

    def exchanges(self) -> list[JsonValue]:
        if NETWORK not in self.files:
            return []
        return list(entries(self.files[NETWORK].read_bytes().decode(errors="replace")))

    def console(self) -> str:
        """What the pages said, for a run that had no time to tell."""
        return "".join(f"{text}\n" for line in self._lines(ACTIONS) if (text := _said(line)))

    def zipped(self, washer: Washer, scanner: Scanner) -> Made:
        if any(self.files[name].stat().st_size > MOST for name in _NEEDED if name in self.files):
            return Made(withheld=1)
        authored = self._authored()
        out, withheld, total = BytesIO(), 0, 0
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, path in self.files.items():
                if name in authored.sources:
                    continue
                size = path.stat().st_size
                if name not in _NEEDED and (size > MOST_MEMBER or total + size > MOST_MEMBERS):
                    continue
                data = self._washed(name, washer, authored)
                total += size
                if not (scanner.finds(data) or scanner.finds(name.encode())):
                    archive.writestr(name, data)
                elif name in _NEEDED:
                    return Made(withheld=withheld + 1)
                else:
                    withheld += 1
        return Made(out.getvalue(), withheld)

    def _authored(self) -> Authored:
        with suppress(ValueError, KeyError):  # a run that was killed has not said who did what
            return Authored.of(self.files[STACKS].read_bytes())
        return NOTHING

    def _washed(self, name: str, washer: Washer, authored: Authored) -> bytes:
        if name == STACKS:
            return json.dumps(washer.json(authored.stacks)).encode()
        if name in _NEEDED:
            lines = filter(authored.shows, self._lines(name))
            washed = (json.dumps(washer.json(line)) for line in lines)
            return "".join(f"{line}\n" for line in washed).encode()
        data = self.files[name].read_bytes()
        with suppress(UnicodeDecodeError):
            wash = washer.body if name.endswith((".dat", ".json")) else washer.text
            return wash(data.decode()).encode()
        return data

    def _lines(self, name: str) -> Iterator[JsonValue]:
        """The JSON in it; what is none was being written when the process ended."""
        if name in self.files:
            with self.files[name].open("rb") as file:
                for line in file:
                    with suppress(ValueError):
                        yield json.loads(line)


def _said(line: JsonValue) -> str:
    match line:
        case {"type": "console", "messageType": str(kind), "text": str(text)}:
            return f"{kind:<9} {text}"
        case {"method": "pageError", "params": {"error": {"error": {"message": str(text)}}}}:
            return f"exception {text}"
        case _:
            return ""
