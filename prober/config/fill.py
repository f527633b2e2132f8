"""What stands in place of `${NAME}`, `${NAME:-default}` and `${file:PATH}`?

Asked of values, after parsing, so that what is filled in can never change the
structure. `$${` is a literal `${`.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from prober.config.source import why

LARGEST = 2**20  # bytes of a file whose content becomes a value

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMS = "write ${NAME}, ${NAME:-default} or ${file:PATH}, or $${ for a literal ${"


class Filled(NamedTuple):
    """`secrets` came out of files; `missing` says what could not be filled in, and stays as it is."""

    text: str
    secrets: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


class Files:
    """The files that a config names: each read once, its sha256 kept."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.hashes: dict[str, str] = {}
        self._known: dict[Path, bytes | str] = {}

    def beside(self, base: Path) -> Files:
        """The same, for names that are relative to another folder."""
        other = Files(base)
        other.hashes, other._known = self.hashes, self._known
        return other

    def path(self, name: str) -> Path:
        return self.base / name

    def read(self, path: Path) -> bytes | str:
        """The content, or (a text) why there is none."""
        if path not in self._known:
            self._known[path] = content = _content(path)
            if isinstance(content, bytes):
                self.hashes[str(path)] = hashlib.sha256(content).hexdigest()
        return self._known[path]


class Filler:
    def __init__(self, env: Mapping[str, str], files: Files) -> None:
        self._env = env
        self._files = files

    def fill(self, text: str) -> Filled:
        secrets: list[str] = []
        missing: list[str] = []
        wrong: list[str] = []

        def replacement(match: re.Match[str]) -> str:
            inside = match[1]
            if match[0] == "$${":
                return "${"
            if inside is None or not _well_formed(inside):
                wrong.append(
                    f"{text[match.start() : match.start() + 40]!r} is no reference; {_FORMS}"
                )
                return match[0]
            value, problem = self._value(inside)
            if value is None:
                (wrong if problem.startswith("the value") else missing).append(problem)
                return match[0]
            if inside.startswith("file:"):
                secrets.append(value)
            return value

        filled = _REFERENCE.sub(replacement, text)
        return Filled(filled, tuple(secrets), tuple(missing), tuple(wrong))

    def _value(self, inside: str) -> tuple[str | None, str]:
        if inside.startswith("file:"):
            return self._of_file(inside.removeprefix("file:").strip())
        name, dash, default = inside.partition(":-")
        value = self._env.get(name)
        if dash and not value:
            return default, ""
        if value is None:
            return None, f"{name} is not set; set it, or write ${{{name}:-default}}"
        if not value.isascii() and _broken(value):
            return None, f"the value of {name} is not UTF-8; set it to a text"
        return value, ""

    def _of_file(self, name: str) -> tuple[str | None, str]:
        content = self._files.read(self._files.path(name))
        if isinstance(content, str):
            return None, f"file {name!r} {content}"
        if len(content) > LARGEST:
            return (
                None,
                f"the value in file {name!r} is over {LARGEST >> 20} MiB; name another file",
            )
        try:
            return content.decode().rstrip("\r\n"), ""
        except UnicodeDecodeError:
            return None, f"the value in file {name!r} is not UTF-8; save it as UTF-8"


def _well_formed(inside: str) -> bool:
    if inside.startswith("file:"):
        return bool(inside.removeprefix("file:").strip()) and "\0" not in inside
    name, _, _ = inside.partition(":-")
    return _NAME.fullmatch(name) is not None


def _broken(value: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in value)


def _content(path: Path) -> bytes | str:
    try:
        if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            return "is not a regular file; name one"
        return path.read_bytes()
    except (OSError, ValueError) as error:
        return why(error)
