"""What a result says as a gauge: a name, its help, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from prober.result import Result

MOST_STEPS, MOST_PAGES = 50, 20  # of a check; what is beyond is told apart no more
OTHER = "other"


class Series(NamedTuple):
    """One last-result gauge of a kind: its name, its help, and what it says of a result.

    `read` returns pairs of ready label text (`phase="connect"`, or "" for
    none; values escaped as the Prometheus text format wants) and a value; no
    pairs where the result does not know. The labels `check` and `region` are
    put in front by whoever renders.
    """

    name: str
    help: str
    read: Callable[[Result], Sequence[tuple[str, float]]]


def fact_series(name: str, help_text: str, fact: str) -> Series:
    """A gauge of one fact: a number, a bool (0 or 1), or a moment (Unix seconds)."""

    def read(result: Result) -> Sequence[tuple[str, float]]:
        value = result.facts.get(fact)
        if value is None or isinstance(value, str):
            return ()
        return (("", value.timestamp() if isinstance(value, datetime) else float(value)),)

    return Series(name, help_text, read)


def info_series(name: str, help_text: str, labels: Mapping[str, str]) -> Series:
    """A gauge of 1 whose labels (label name → fact) carry texts; absent without the first."""
    first = next(iter(labels.values()))

    def read(result: Result) -> Sequence[tuple[str, float]]:
        if first not in result.facts:
            return ()
        pairs = (
            f'{label}="{escape(str(result.facts.get(fact, "")))}"' for label, fact in labels.items()
        )
        return ((",".join(pairs), 1.0),)

    return Series(name, help_text, read)


def escape(text: str) -> str:
    """A label value as the Prometheus text format writes it."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class Names:
    """Tells the first `most` names apart, as label values; all others are `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._own: set[str] = set()

    def of(self, name: str) -> str:
        if name not in self._own:
            if len(self._own) >= self._most:
                return OTHER
            self._own.add(name)
        return name
