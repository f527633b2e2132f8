"""What is kept of a run that failed, where, and for how long?

`data_dir/evidence/CHECK/RUN_ID/`: the screenshot, and `console.txt` with what
the page and the script printed. Only files that a run's process has said to be
complete are taken from its folder, and only plain ones: no link leads out.

All of this blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from prober.journey.events import Kept
from prober.result import Evidence
from prober.secret import CUT

FOLDER = "evidence"  # in data_dir
CONSOLE = "console.txt"
KEPT_FOR = 30 * 86400.0  # seconds
KEPT_RUNS = 100  # of a check
LONGEST_NAME = 240  # bytes of a folder's
MOST_TEXT = 1 << 20  # bytes of a console
MOST_IMAGE = 20 << 20  # bytes of a screenshot
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.(?:png|txt)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the evidence of one run goes to."""

    data_dir: Path
    check: str
    run_id: str

    @property
    def relative(self) -> str:
        """To data_dir; the check's name in the form in which it is one folder's."""
        return f"{FOLDER}/{_folder_of(self.check)}/{self.run_id}"

    @property
    def folder(self) -> Path:
        return self.data_dir / self.relative


def _folder_of(check: str) -> str:
    """Its name, as one folder may be called."""
    quoted = quote(check, safe="")
    if len(quoted) <= LONGEST_NAME:
        return quoted
    digest = hashlib.sha256(check.encode()).hexdigest()[:16]
    return f"{quoted[: LONGEST_NAME - 17]}-{digest}"


def publish(
    place: Place, source: Path, kept: Sequence[Kept], printed: str, scrub: Callable[[str], str]
) -> list[Evidence]:
    """Moves what there is to where it is kept; texts lose their secrets on the way.

    `printed` is what the author's script wrote to stdout and stderr. Raises
    OSError where it cannot be written.
    """
    images = [one for one in kept if one.name.endswith(".png") and _is_plain(source, one.name)]
    console = scrub(_console(source, kept, printed))
    if not images and not console:
        return []
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = []
    for one in images:
        shutil.move(source / one.name, place.folder / one.name)
        found.append(Evidence(one.kind, f"{place.relative}/{one.name}"))
    if console:
        (place.folder / CONSOLE).write_text(console, errors="replace")
        found.append(Evidence("console", f"{place.relative}/{CONSOLE}"))
    return found


def _console(source: Path, kept: Sequence[Kept], printed: str) -> str:
    names = [k.name for k in kept if k.name.endswith(".txt") and _is_plain(source, k.name)]
    texts = [_text(source / name) for name in names]
    if printed:
        texts.append(f"--- what the script printed ---\n{printed}")
    return "\n".join(text.rstrip("\n") + "\n" for text in texts if text)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_TEXT + 1)
    text = data[:MOST_TEXT].decode(errors="replace")
    return text if len(data) <= MOST_TEXT else text + CUT


def _is_plain(folder: Path, name: str) -> bool:
    """Whether it is what we put on a page: an ordinary file of a bearable size, in this folder."""
    if not _NAME.fullmatch(name):
        return False
    with suppress(OSError):
        found = os.lstat(folder / name)
        return stat.S_ISREG(found.st_mode) and found.st_size <= MOST_IMAGE
    return False


def remove(folder: Path) -> bool:
    """Whether it is gone, with all that is in it: also what somebody has made read-only."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return True
    for path, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def prune(data_dir: Path, now: float) -> int:
    """Removes what is too old or too much; how many runs that were."""
    gone = [run for check in _folders(data_dir / FOLDER) for run in _too_many(check, now)]
    for run in gone:
        remove(run)
    for check in _folders(data_dir / FOLDER):
        with suppress(OSError):  # it is not empty
            check.rmdir()
    return len(gone)


def _too_many(check: Path, now: float) -> list[Path]:
    runs = sorted(((_changed(run), run) for run in _folders(check)), reverse=True)
    return [
        run
        for place, (changed, run) in enumerate(runs)
        if place >= KEPT_RUNS or changed < now - KEPT_FOR
    ]


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _folders(path: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield path / entry.name
