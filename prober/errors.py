"""What can go wrong on our side, and how it is said.

A target that is down is a value (`prober.result.Finding`), never one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ProberError(Exception):
    """Something we could not do; the message says what, where, and what would be right."""


class StartError(ProberError):
    """The agent cannot start: port in use, data_dir locked or not writable. Exit code 2."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file of the user's. `line` counts from 1; 0 means the whole file."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.field, self.message) if part)


class ConfigError(ProberError):
    """Everything that is wrong with a config, at once. Exit code 2."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DeliveryError(ProberError):
    """A receiver did not accept a notice.

    `permanent` means that asking again cannot help (a 400, a bad address);
    `retry_after` is the receiver's own wish in seconds, if it had one.
    """

    def __init__(
        self, message: str, *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
