"""Which words can stand in the head of a request, and which of them are secret?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from prober.secret import FromFile, Secret, is_secret_header

_OURS = frozenset({"content-length", "transfer-encoding"})
_TOLD_TO_ALL = frozenset({"host", "user-agent"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HALF = re.compile(r"[\ud800-\udfff]")  # of a surrogate pair: UTF-8 has no bytes for it


def valid_method(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"{value!r} is not an HTTP method; write one word, like GET or POST")
    if value.upper() == "CONNECT":
        raise ValueError("CONNECT asks a proxy for a tunnel; write another method, like GET")
    return value.upper()


def valid_headers(value: object) -> object:
    """The values of each header as a list, secret ones as such. Messages show no value."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, list[object]] = {}
    mistakes: list[InitErrorDetails] = []
    for name, values in value.items():
        try:
            _refuse_name(name, found)
            listed = values if isinstance(values, list | tuple) else [values]
            found[name] = [_header_value(name, one) for one in listed]
        except ValueError as error:
            # The message is not a template: braces in it are the user's own.
            said = PydanticCustomError("header", "{message}", {"message": str(error)})
            mistakes.append(InitErrorDetails(type=said, loc=(str(name),), input=None))
    if mistakes:
        raise ValidationError.from_exception_data("headers", mistakes, hide_input=True)
    return found


def refuse_half(text: str, where: str) -> None:
    if found := _HALF.search(text):
        raise ValueError(f"{where} has {found[0]!r}, half of a character; write the whole of it")


def refuse_unsendable(text: str, where: str) -> None:
    if _UNSENDABLE.search(text):
        raise ValueError(f"{where} has a line break or control character; take it out")
    refuse_half(text, where)


def _refuse_name(name: object, before: Mapping[str, object]) -> None:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header; write one word, like Accept")
    if name.lower() in _OURS:
        raise ValueError(f"{name!r} follows from the body; leave it out")
    if name.lower() in {other.lower() for other in before}:
        raise ValueError(f"{name!r} is there twice; write one list of values")


def _header_value(name: str, value: object) -> str | Secret:
    text = value.reveal() if isinstance(value, Secret) else value
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise ValueError(f"header {name!r} has a value that is no text; write a text or a list")  # noqa: TRY004 - pydantic reports ValueErrors
    refuse_unsendable(text, f"header {name!r}")
    text = text.strip()
    from_file = isinstance(value, FromFile) and name.lower() not in _TOLD_TO_ALL
    secret = isinstance(value, Secret) or from_file or is_secret_header(name)
    return Secret(text) if secret else text
