"""How is a number shown: in which unit, in which colour, in which words?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic import JsonValue

Json: TypeAlias = dict[str, JsonValue]

GOOD, FAIR, POOR, BAD = "green", "yellow", "orange", "red"
NEUTRAL, HELD, UNSEEN = "text", "blue", "purple"
NOTHING = "#808080"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`steps` are colours by the number from which on they hold; the first has none."""

    unit: str = "none"
    steps: tuple[tuple[str, float | None], ...] = ((NEUTRAL, None),)
    mappings: tuple[JsonValue, ...] = ()
    least: float | None = None
    most: float | None = None
    decimals: int | None = None
    empty: str = ""  # what is said where there are no series
    links: tuple[JsonValue, ...] = ()
    colours: str = "palette-classic"  # of lines; a number is coloured by its steps

    @property
    def is_plain(self) -> bool:
        return len(self.steps) == 1

    @property
    def or_nothing(self) -> Look:
        """What has no series is grey: Grafana gives it the first colour, which may be that of all being well."""
        if self.is_plain:
            return self
        said = not_a_number(self.empty or "no data", NOTHING)
        return replace(self, mappings=(*self.mappings, *said))

    def thresholds(self) -> JsonValue:
        steps: list[JsonValue] = [{"color": colour, "value": at} for colour, at in self.steps]
        return {"mode": "absolute", "steps": steps}

    def defaults(self, mode: str) -> Json:
        """Of the fields of a panel, coloured by `mode`."""
        made: Json = {
            "unit": self.unit,
            "color": {"mode": mode},
            "thresholds": self.thresholds(),
            "mappings": list(self.mappings),
            "links": list(self.links),
        }
        given = {
            "min": self.least,
            "max": self.most,
            "decimals": self.decimals,
            "noValue": self.empty or None,
        }
        return made | {name: value for name, value in given.items() if value is not None}


def rising(*at: float) -> tuple[tuple[str, float | None], ...]:
    """The more, the worse: fair from the first on, bad from the last."""
    colours = (FAIR, POOR, BAD)[-len(at) :] if len(at) != 2 else (FAIR, BAD)
    return ((GOOD, None), *zip(colours, at, strict=True))


def falling(*at: float) -> tuple[tuple[str, float | None], ...]:
    """The less, the worse: bad below the first, good from the last on."""
    colours = (POOR, FAIR, GOOD)[-len(at) :] if len(at) != 2 else (FAIR, GOOD)
    return ((BAD, None), *zip(colours, at, strict=True))


def states(*told: tuple[int, str, str]) -> tuple[JsonValue, ...]:
    """A word and a colour for each number."""
    options: Json = {
        str(value): {"text": text, "color": colour, "index": place}
        for place, (value, text, colour) in enumerate(told)
    }
    return ({"type": "value", "options": options},)


def not_a_number(text: str, colour: str = "") -> tuple[JsonValue, ...]:
    """What is said instead of it."""
    result: Json = {"text": text, "index": 0}
    if colour:
        result["color"] = colour
    return ({"type": "special", "options": {"match": "null+nan", "result": result}},)


STATE = Look(
    mappings=states(
        (1, "up", GOOD), (0, "down", BAD), (2, "maintenance", HELD), (-1, "no verdict", UNSEEN)
    ),
    steps=((BAD, None), (GOOD, 1.0)),
    empty="nobody looks",
)
FIRING = Look(
    mappings=states((0, "quiet", GOOD), (1, "fires", BAD), (2, "muted", HELD)),
    steps=((GOOD, None), (BAD, 1.0)),
)
KEPT = Look(
    mappings=states((1, "kept", GOOD), (0, "broken", BAD)), steps=((BAD, None), (GOOD, 1.0))
)
WORKS = Look(
    mappings=states((1, "yes", GOOD), (0, "no", BAD)),
    steps=((BAD, None), (GOOD, 1.0)),
    empty="nobody looks",
)
SECONDS = Look(unit="s", least=0.0)
COUNT = Look(unit="short", least=0.0, decimals=0)
PLAIN_COUNT = Look(unit="short", least=0.0)
AGO = Look(unit="dateTimeFromNow")
NOT_KNOWN = not_a_number("-")
LAST_UP = Look(unit="dateTimeFromNow", mappings=not_a_number("not yet"))
TROUBLE = Look(unit="short", steps=((GOOD, None), (BAD, 1.0)), decimals=0, empty="no data")
CONCERN = Look(unit="short", steps=((GOOD, None), (FAIR, 1.0)), decimals=0, empty="no data")
SHARE = Look(
    unit="percentunit", steps=falling(0.99, 0.999), least=0.0, most=1.0, decimals=2, empty="no runs"
)
BUDGET = Look(unit="percentunit", steps=falling(0.0, 0.25), decimals=1, empty="no objective")
DAYS_LEFT = Look(unit="suffix: d", steps=falling(7.0, 14.0, 30.0), decimals=1, empty="none")


def severities(words: Sequence[str]) -> Look:
    """The user's own words, the gravest first."""
    colours = (BAD, POOR, FAIR, HELD)
    options: Json = {
        word: {"text": word, "color": colours[min(place, len(colours) - 1)], "index": place}
        for place, word in enumerate(words)
    }
    return Look(mappings=({"type": "value", "options": options},))
