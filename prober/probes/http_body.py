"""What does a request carry, and what is it called?"""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import MimeTypes
from typing import NamedTuple
from urllib.parse import urlencode

from prober.probes.http_headers import refuse_half
from prober.secret import FromFile, Secret, is_secret_name

Form = Mapping[str, tuple[str | Secret, ...]]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_BY_NAME = MimeTypes()  # Python's own list, so that all machines send the same


class Body(NamedTuple):
    """`media_type` is empty where nobody can know it."""

    content: bytes = b""
    media_type: str = ""


def valid_form(value: object) -> object:
    """The values of each field as a list, secret ones as such. Messages show no value."""
    if not isinstance(value, Mapping):
        return value
    found: dict[object, list[str | Secret]] = {}
    for name, values in value.items():
        refuse_half(str(name), "form")
        listed = values if isinstance(values, list | tuple) else [values]
        found[name] = [_form_value(str(name), one) for one in listed]
    return found


def _form_value(name: str, value: object) -> str | Secret:
    text = value.reveal() if isinstance(value, Secret) else value
    if isinstance(text, bool):
        text = "true" if text else "false"
    if isinstance(text, int | float):
        text = str(text)
    if not isinstance(text, str):
        raise ValueError(f"form has {name!r} with a value that is no text; write a text or a list")  # noqa: TRY004 - pydantic reports ValueErrors
    refuse_half(text, f"form field {name!r}")
    secret = isinstance(value, Secret | FromFile) or is_secret_name(name)
    return Secret(text) if secret else text


def form_body(form: Form) -> Body:
    pairs = [(name, _plain(value)) for name, values in form.items() for value in values]
    return Body(urlencode(pairs).encode(), FORM)


def file_body(path: str, content: bytes) -> Body:
    return Body(content, _BY_NAME.guess_type(path)[0] or "")


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
