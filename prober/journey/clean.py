"""What of a run's evidence may be shown? `python -P -m prober.journey.clean`, a process of its own.

It reads the Work from stdin and answers what it Cleaned. First it gathers what
is secret by its name or its place, then it takes all of that out of every
text, and in the end it looks through everything that is to be shown, byte by
byte: what still holds a secret is withheld. It knows all that is needed from
files, so a run that was killed leaves its trace too.

A process, since an archive of megabytes would hold up the agent; and if it
takes too long or too much memory, it is the evidence that is lost.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from prober.journey import har
from prober.journey.events import Kept
from prober.journey.files import CLEAN, CONSOLE, HAR, TRACE
from prober.journey.parent import die_with_parent
from prober.journey.scan import Scanner
from prober.journey.traced import Traced
from prober.journey.wash import Washer, in_json
from prober.secret import CUT

MEMORY = 512 << 20  # bytes
NICE = 10
MOST_TEXT = 1 << 20  # bytes of a console
LARGEST = 32 << 20  # bytes of a file that is kept


class Work(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    folder: str  # of the run
    kept: tuple[Kept, ...]  # complete, each a plain file there
    printed: Annotated[str, Field(repr=False)] = ""  # by the author's script
    secrets: Annotated[tuple[str, ...], Field(repr=False)] = ()


class Cleaned(BaseModel):
    """Lies in the folder CLEAN now."""

    kept: tuple[Kept, ...]
    withheld: int = 0


def cleaned(work: Work) -> Cleaned:
    is_packed = any(one.kind == "trace" for one in work.kept)
    traced = Traced.of(Path(work.folder), is_packed=is_packed)
    secrets = {*work.secrets, *traced.secrets(), *_in_archives(work)}
    desk = _Desk(work, traced, Washer(secrets), Scanner(secrets))
    desk.out.mkdir(mode=0o700)
    for one in work.kept:
        if one.kind in ("screenshot", "dom"):
            desk.put(one)
    desk.put_har()
    desk.put_trace()
    desk.put_console()
    return Cleaned(kept=tuple(desk.kept), withheld=desk.withheld)


@dataclass(slots=True)
class _Desk:
    work: Work
    traced: Traced
    washer: Washer
    scanner: Scanner
    kept: list[Kept] = field(default_factory=list)
    withheld: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return Path(self.work.folder)

    @property
    def out(self) -> Path:
        return self.folder / CLEAN

    def put(self, one: Kept) -> None:
        data = (self.folder / one.name).read_bytes()
        if one.kind == "dom":
            data = self.washer.text(data.decode(errors="replace")).encode()
        self._show(one, data)

    def put_har(self) -> None:
        """What a full trace has recorded knows more than the run's own."""
        entries = self.traced.exchanges()
        archives: list[JsonValue] = (
            [har.archive(entries)] if entries else list(_archives(self.work))
        )
        for archive in archives[:1]:
            data = json.dumps(self.washer.json(archive)).encode()
            self._show(Kept(kind="har", name=HAR), data)

    def put_trace(self) -> None:
        if not self.traced:
            return
        made = self.traced.zipped(self.washer, self.scanner)
        self.withheld += made.withheld
        if made.withheld:
            self.notes.append(f"{made.withheld} files of the trace, which may show a secret")
        if made.data:
            self._show(Kept(kind="trace", name=TRACE), made.data, scan=False)

    def put_console(self) -> None:
        """Last: it says what was not kept."""
        names = [one.name for one in self.work.kept if one.kind == "console"]
        texts = [_text(self.folder / name) for name in names] or [self.traced.console()]
        if self.work.printed:
            texts.append(f"--- what the script printed ---\n{self.work.printed}")
        text = "\n".join(one.rstrip("\n") + "\n" for one in texts if one)
        clean = [self._line(line) for line in self.washer.text(text).splitlines()]
        if self.notes:
            clean += ["--- what was not kept ---", *self.notes]
        if clean:
            (self.out / CONSOLE).write_text("\n".join(clean) + "\n", "utf-8", errors="replace")
            self.kept.append(Kept(kind="console", name=CONSOLE))

    def _line(self, line: str) -> str:
        if not self.scanner.finds(line.encode(errors="replace")):
            return line
        self.withheld += 1
        return "(a line that may show a secret)"

    def _show(self, one: Kept, data: bytes, *, scan: bool = True) -> None:
        if len(data) > LARGEST:
            self.notes.append(f"{one.name}, which is larger than {LARGEST >> 20} MiB")
        elif scan and self.scanner.finds(data):
            self.withheld += 1
            self.notes.append(f"{one.name}, which may show a secret")
        else:
            (self.out / one.name).write_bytes(data)
            self.kept.append(one)


def _in_archives(work: Work) -> Iterator[str]:
    for archive in _archives(work):
        yield from in_json(archive)


def _archives(work: Work) -> Iterator[JsonValue]:
    for one in work.kept:
        if one.kind == "har":
            with suppress(ValueError):
                yield json.loads((Path(work.folder) / one.name).read_bytes())


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_TEXT + 1)
    text = data[:MOST_TEXT].decode(errors="replace")
    return text if len(data) <= MOST_TEXT else text + CUT


def main() -> None:
    die_with_parent()
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    work = Work.model_validate_json(sys.stdin.buffer.read())
    sys.stdout.write(cleaned(work).model_dump_json())


if __name__ == "__main__":
    main()
