"""What is kept of runs, where, and for how long?

`data_dir/evidence/CHECK/RUN_ID/` has the files of one, `CHECK/good.png` is a
picture of the last good one.

All of this blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from prober.clock import Clock

FOLDER = "evidence"  # in data_dir
GOOD = "good.png"
IS_UP = ".up"  # lies beside the evidence of a run that was up
KEPT_FOR, KEPT_UP_FOR = 30 * 86400.0, 7 * 86400.0  # seconds
JUMP, DOUBTED_FOR = 3 * 86400.0, 86400.0  # a machine may sleep over a weekend
KEPT_RUNS = 100  # of a check that failed, and as many that were up
KEPT_BYTES = 2 << 30  # of all checks
LARGEST = 32 << 20  # bytes of one file
LONGEST_NAME = 240  # bytes of a folder's
_HALF = re.compile(r"%[0-9A-F]?\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.(?:png|txt|zip|har|html)")


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

    @property
    def portrait(self) -> Path:
        """The picture of the check's last good run."""
        return self.folder.parent / GOOD


def _folder_of(check: str) -> str:
    """Its name, as one folder may be called."""
    quoted = quote(check, safe="")
    if len(quoted) <= LONGEST_NAME:
        return quoted
    digest = hashlib.sha256(check.encode()).hexdigest()[:16]
    beginning = _HALF.sub("", quoted[: LONGEST_NAME - 17])
    return f"{beginning}-{digest}"


def is_plain(folder: Path, name: str) -> bool:
    """Whether it is what we may take: an ordinary file of a bearable size, in this folder."""
    if not _NAME.fullmatch(name):
        return False
    with suppress(OSError):
        found = os.lstat(folder / name)
        return stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST
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


class Ages:
    """What time is it for who removes what is old?

    A clock that has jumped ahead, by mistake perhaps, has made everything old
    at once: it is believed a day later, when somebody has had the time to set it right.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.now() - clock.monotonic()
        self._doubted_until = -math.inf

    def now(self) -> float:
        """-inf while that is in doubt: then nothing is old."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        ahead = now - monotonic
        if ahead - self._last > JUMP:
            self._doubted_until = monotonic + DOUBTED_FOR
        self._last = ahead
        return -math.inf if monotonic < self._doubted_until else now


@dataclass(frozen=True, slots=True, order=True)
class _Run:
    """One that has left something. The first to go is up, and old."""

    failed: bool
    changed: float
    folder: Path
    size: int

    @classmethod
    def of(cls, folder: Path) -> _Run:
        names = _names(folder)
        size = sum(found.st_size for name in names if (found := _looked_at(folder / name)))
        seen = _looked_at(folder)
        return cls(IS_UP not in names, seen.st_mtime if seen else 0.0, folder, size)

    def is_too_old(self, now: float) -> bool:
        return self.changed < now - (KEPT_FOR if self.failed else KEPT_UP_FOR)


def prune(data_dir: Path, now: float) -> int:
    """Removes what is too old or too much; how many runs that were."""
    gone: list[_Run] = []
    left: list[_Run] = []
    for check in _folders(data_dir / FOLDER):
        runs = sorted(map(_Run.of, _folders(check)), reverse=True)
        for failed in (True, False):
            alike = [run for run in runs if run.failed is failed]  # the newest first
            stay = [run for run in alike[:KEPT_RUNS] if not run.is_too_old(now)]
            gone += alike[len(stay) :]
            left += stay
    gone += _too_much(left)
    for run in gone:
        remove(run.folder)
    for check in _folders(data_dir / FOLDER):
        _tidy(check, now)
    return len(gone)


def _too_much(runs: list[_Run]) -> Iterator[_Run]:
    size = sum(run.size for run in runs)
    for run in sorted(runs):
        if size <= KEPT_BYTES:
            return
        size -= run.size
        yield run


def _tidy(check: Path, now: float) -> None:
    """A check that is not run any more needs no picture of a good run, and in the end no folder."""
    seen = _looked_at(check / GOOD)
    with suppress(OSError):
        if seen and seen.st_mtime < now - KEPT_FOR:
            (check / GOOD).unlink()
        check.rmdir()  # unless it is not empty


def _looked_at(path: Path) -> os.stat_result | None:
    with suppress(OSError):
        return os.lstat(path)
    return None


def _names(folder: Path) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)
    return []


def _folders(path: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield path / entry.name
