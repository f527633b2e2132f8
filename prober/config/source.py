"""What does the file say: its bytes as text, and the text as YAML events.

A mistake of syntax ends the reading, so it is the one problem of its file.
libyaml speaks of tokens; the words here speak of what somebody has written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from yaml import Event, YAMLError
from yaml.error import Mark, MarkedYAMLError

from prober.errors import ConfigError, Problem

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment] # either has get_event

ABSENT = "does not exist"
LARGEST = 64 * 2**20  # bytes of a config file; 10,000 checks take 4 MiB

_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff"
)
_QUOTE = 'put ${…} in quotes inside { } and [ ]: "${NAME}"'
_INDENT = "the indent does not fit the lines above; align it with its neighbours"
_WORDS = {
    "mapping values are not allowed in this context": (
        "a second ': ' in one line, or a wrong indent; put a text with ': ' in quotes,"
        " or align the key with its neighbours"
    ),
    "did not find expected key": _INDENT,
    "did not find expected '-' indicator": _INDENT,
    "did not find expected ',' or '}'": "a { that is not closed; add } or a comma",
    "did not find expected ',' or ']'": "a [ that is not closed; add ] or a comma",
    "found unexpected end of stream": "a quote that is not closed; add it",
    "could not find expected ':'": "a line without ': '; write key: value",
    "found unknown escape character": (
        "an unknown escape after \\; write \\\\ for a backslash, or use single quotes"
    ),
    "found a tab character where an indentation space is expected": "a tab; indent with spaces",
    "found a tab character that violates indentation": "a tab; indent with spaces",
    "did not find expected node content": "a value is missing, or this sign needs quotes",
    "found incompatible YAML document": "not YAML 1.1 or 1.2; leave the %YAML line out",
    "found undefined tag handle": "an unknown tag; leave it out",
}
# Where the mistake began says more than where it was noticed.
_BEGAN = ("not closed", "without ': '")


def read(path: Path, shown: str) -> tuple[bytes, str]:
    """The file as it is, and its text. Raises ConfigError in one line."""
    data = _bytes(path, shown)
    return data, decoded(data, shown)


def decoded(data: bytes, shown: str) -> str:
    """The text of a file. Raises ConfigError in one line."""
    if len(data) > LARGEST:
        raise _one(shown, 0, f"over {LARGEST >> 20} MiB; no config needs as much")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _one(shown, line, "not UTF-8; save the file as UTF-8") from error


def events(text: str, shown: str) -> Iterator[Event]:
    """The YAML events of the one document in `text`. Raises ConfigError in one line."""
    try:
        loader = _Loader(text)
        yield from iter(loader.get_event, None)
    except MarkedYAMLError as error:
        line, message = _syntax(error, text)
        raise _one(shown, line, message) from error
    except YAMLError as error:
        raise _unreadable(text, shown) from error


def _bytes(path: Path, shown: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise _one(shown, 0, "no such file") from error
    except (OSError, ValueError) as error:
        raise _one(shown, 0, why(error)) from error
    return data


def why(error: OSError | ValueError) -> str:
    """What kept us from reading a file, for people."""
    match error:
        case FileNotFoundError():
            return ABSENT
        case IsADirectoryError():
            return "is a directory; name a file"
        case PermissionError():
            return "cannot be read: permission denied"
        case OSError():
            return f"cannot be read: {(error.strerror or str(error)).lower()}"
        case _:
            return "is not the name of a file"


def _one(shown: str, line: int, message: str) -> ConfigError:
    return ConfigError([Problem(shown, line, "", message)])


def _unreadable(text: str, shown: str) -> ConfigError:
    """libyaml names the byte, not the line, of what it cannot read at all."""
    found = _UNPRINTABLE.search(text)
    if found is None:
        return _one(shown, 0, "not YAML")
    line = text.count("\n", 0, found.start()) + 1
    return _one(shown, line, f"the control character {found[0]!r}; take it out")


def _syntax(error: MarkedYAMLError, text: str) -> tuple[int, str]:
    mark, began = error.problem_mark, error.context_mark
    message = _message(error.problem or "", _at(text, mark), _at(text, mark, -1))
    if began is not None and any(word in message for word in _BEGAN):
        mark = began
    line = mark.line + 1 if mark else 0
    if message != _QUOTE and mark and _unquoted_reference(text, mark):
        message += "; a ${…} with ': ' or ' #' in it needs quotes"
    return line, message


def _message(problem: str, sign: str, before: str) -> str:
    if before == "$" and sign == "{":
        return _QUOTE
    if problem == "found character that cannot start any token":
        if sign == "\t":
            return "a tab; indent with spaces"
        return f"a value cannot begin with {sign}; put it in quotes"
    return _WORDS.get(problem) or f"not YAML: {problem}"


def _at(text: str, mark: Mark | None, shift: int = 0) -> str:
    index = mark.index + shift if mark else -1
    return text[index : index + 1] if index >= 0 else ""


def _unquoted_reference(text: str, mark: Mark) -> bool:
    start = text.rfind("\n", 0, mark.index) + 1
    end = text.find("\n", mark.index)
    line = text[start : end if end >= 0 else len(text)]
    return "${" in line and '"' not in line and "'" not in line
