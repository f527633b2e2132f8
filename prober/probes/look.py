"""What is looked for in an answer, all at once, and what was seen?

Pure, and picklable: dear looks are done in another process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from pydantic import JsonValue

from prober.probes import json_paths, values
from prober.probes.answer import Answer, Reading
from prober.probes.expect import Expect, Judged, StatusRange, judge, judge_status
from prober.probes.extract import Source, extracted

# Up to where looking at a body takes under 5 ms: bytes times texts and regexes; bytes of JSON;
# nodes that JSONPaths visit.
_INLINE, _INLINE_JSON, _INLINE_VISITS = 128 * 1024, 32 * 1024, 1024


@dataclass(frozen=True, slots=True)
class Look:
    """What is expected, and what is to be read: numbers, and what later requests are made of.

    `status_alone`: nothing is looked for but the status.
    """

    expect: Expect
    values: Mapping[str, Source] = field(default_factory=dict)
    extract: Mapping[str, Source] = field(default_factory=dict)
    status_alone: bool = False

    @classmethod
    def of(
        cls,
        expect: Expect,
        values: Mapping[str, Source] | None = None,
        extract: Mapping[str, Source] | None = None,
    ) -> Self:
        return cls(
            expect, values or {}, extract or {}, not (values or extract) and expect.status_alone
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """`lost` says for each name that could not be extracted why not."""

    judged: tuple[Judged, ...]
    values: Mapping[str, float] = field(default_factory=dict)
    extracted: Mapping[str, JsonValue] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)


def see(look: Look, answer: Answer) -> Seen:
    if look.status_alone:
        return _status_seen(look.expect.status, answer.status)
    reading = Reading(answer)
    there, lost = _extracted(look.extract, reading)
    return Seen(judge(look.expect, answer, reading), values.read(look.values, reading), there, lost)


@lru_cache(maxsize=4096)
def _status_seen(ranges: tuple[StatusRange, ...], status: int) -> Seen:
    return Seen((judge_status(ranges, status),))


def _extracted(
    sources: Mapping[str, Source], reading: Reading
) -> tuple[dict[str, JsonValue], dict[str, str]]:
    there: dict[str, JsonValue] = {}
    lost: dict[str, str] = {}
    for name, source in sources.items():
        try:
            there[name] = extracted(source, reading)
        except ValueError as error:
            lost[name] = str(error)
    return there, lost


def takes_long(look: Look, size: int) -> bool:
    """Whether looking at a body of `size` bytes may hold the loop up for more than 5 ms."""
    if look.status_alone:
        return False
    visits = list(_visits(look, size))
    if visits and size > _INLINE_JSON:
        return True
    regexes = sum(one.regex is not None for one in _sources(look))
    texts = max(1, len(look.expect.body.tests) + regexes)
    return sum(visits) > _INLINE_VISITS or size * texts > _INLINE


def _visits(look: Look, size: int) -> Iterator[float]:
    """Of each JSONPath."""
    for path, rule in look.expect.json_.items():
        yield json_paths.visits(path, size, within=rule.looks_within)
    for source in _sources(look):
        if source.json_ is not None:
            yield json_paths.visits(source.json_, size)


def _sources(look: Look) -> Iterator[Source]:
    yield from look.values.values()
    yield from look.extract.values()
