"""Who may use a data_dir: one agent at a time, for as long as its process lives.

An flock on `data_dir/lock`, which the kernel lets go of however the process
ends. The pid inside is for the message that the next one gets.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from prober.errors import StartError


class Lock:
    def __init__(self, data_dir: Path) -> None:
        """Makes the folder where it is missing. Raises StartError where it cannot be had."""
        self._path = data_dir / "lock"
        self._file = _taken(data_dir, self._path)

    def renew(self) -> None:
        """Take it again if somebody removed the folder meanwhile. Raises StartError."""
        held = os.fstat(self._file)
        with suppress(FileNotFoundError):
            there = self._path.stat()
            if (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino):
                return
        file = _taken(self._path.parent, self._path)
        os.close(self._file)
        self._file = file

    def release(self) -> None:
        os.close(self._file)


def _taken(data_dir: Path, path: Path) -> int:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StartError(
            f"data_dir {data_dir} cannot be written: {error.strerror}; "
            "make it writable or choose another data_dir"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(file, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(file)
        raise StartError(_refused(data_dir, holder, error)) from error
    with suppress(OSError):  # a full disk: the lock holds all the same, without a pid inside
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return file


def _refused(data_dir: Path, holder: str, error: OSError) -> str:
    if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
        return (
            f"data_dir {data_dir} is in use by another prober agent (pid {holder}); "
            "stop it or choose another data_dir"
        )
    return (
        f"data_dir {data_dir} cannot be locked: {error.strerror}; choose one on a local file system"
    )
