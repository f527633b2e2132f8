"""What is there to be judged of an HTTP answer, and to be read out of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from pydantic import JsonValue

from prober.probes import json_paths
from prober.probes.json_paths import Unreadable
from prober.probes.texts import decoded, quoted

_BEGINS = 80  # characters of a body that are quoted where it lacks something


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer as far as it is judged. `not_after` is its certificate's; `now` is Unix time."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    seconds: float
    not_after: datetime | None
    now: float

    def values_of(self, name: str) -> list[str]:
        """Of all headers called `name`, in order."""
        return [value for given, value in self.headers if given.lower() == name.lower()]


class Reading:
    """The body of an answer as text and as JSON, each made when it is first asked for."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    @cached_property
    def text(self) -> str:
        types = self.answer.values_of("content-type")
        return decoded(self.answer.body, types[-1] if types else "")

    @property
    def document(self) -> JsonValue:
        """Raises Unreadable."""
        value, wrong = self._document
        if wrong:
            raise Unreadable(wrong)
        return value

    @cached_property
    def _document(self) -> tuple[JsonValue, str]:
        try:
            return json_paths.read(self.answer.body), ""
        except (ValueError, RecursionError):
            return None, f"body is not JSON; {beginning(decoded(self.answer.body))}"


def beginning(text: str) -> str:
    return f"it begins {quoted(text, _BEGINS)}" if text else "it is empty"
