"""What a JSON document has to hold: JSONPaths, and what is expected where they lead.

A path must find at least one node, and each node it finds must satisfy every
operator; only `exists: false` wants none. What cannot be evaluated (no JSON, a
text where a number is compared) has failed.

What is expected is written as a value or as operators. A mapping all of whose
keys are operators is operators; one with no operator among its keys is a JSON
object to compare with; one that mixes them is refused (`eq` takes any object).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Annotated, NamedTuple, Self, TypeGuard

from pydantic import JsonValue, PlainSerializer, PlainValidator, WithJsonSchema

from prober.probes.json_paths import Unreadable, nodes, too_deep
from prober.probes.texts import SHOWN_AT_MOST, clipped, matches, quoted, valid_regex
from prober.result import Assertion

_ORDER: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "lt": ("less than ", lt),
    "le": ("at most ", le),
    "gt": ("more than ", gt),
    "ge": ("at least ", ge),
    "eq": ("", lambda number, bound: number == bound),
}
_OPERATORS = (*_ORDER, "contains", "matches", "exists", "length", "count")


_OTHER_WORDS = {
    **{"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "=": "eq"},
    **{"lte": "le", "gte": "ge", "equal": "eq", "equals": "eq"},
    **{"match": "matches", "regex": "matches", "len": "length"},
}


class Wanted(NamedTuple):
    """One operator with its operand; `expected` says it in words."""

    operator: str
    operand: JsonValue
    expected: str


_NOTHING = Wanted("exists", False, "nothing")


@dataclass(frozen=True, slots=True)
class JsonRule:
    """What each node of a path has to satisfy; two rules are equal when written the same."""

    written: str

    @classmethod
    def of(cls, value: object) -> Self:
        """Raises ValueError with what would be right."""
        if isinstance(value, cls):
            return value
        try:
            written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError(f"{value!r} is not a JSON value; write one, or operators") from None
        _wanted(written)
        return cls(written)

    @property
    def looks_within(self) -> bool:
        """Whether it can look at each element of what a path finds."""
        return any(wanted.operator == "contains" for wanted in _wanted(self.written))

    def filled(
        self, value: Callable[[JsonValue], JsonValue], regex: Callable[[str], str]
    ) -> JsonRule:
        """With other operands in place of the written ones. Raises ValueError as `of` does."""
        operands = {one.operator: one.operand for one in _wanted(self.written)}
        return JsonRule.of(
            {
                name: regex(one) if name == "matches" and isinstance(one, str) else value(one)
                for name, one in operands.items()
            }
        )


JsonRuleField = Annotated[
    JsonRule,
    PlainValidator(JsonRule.of),
    PlainSerializer(lambda rule: json.loads(rule.written)),
    WithJsonSchema({}),
]


@lru_cache(maxsize=4096)
def _wanted(written: str) -> tuple[Wanted, ...]:
    value: JsonValue = json.loads(written)
    if not isinstance(value, dict) or not any(key in _OPERATORS for key in value):
        _refuse_slip(value)
        return (Wanted("eq", value, shown(value)),)
    if strange := [key for key in value if key not in _OPERATORS]:
        raise ValueError(
            f"{strange[0]!r} stands among operators; write an object to compare with as"
            f" {{eq: {{…}}}}, or use {' '.join(_OPERATORS)}"
        )
    if value.get("exists") is False and len(value) > 1:
        raise ValueError("exists: false stands beside other operators; leave it or them out")
    return tuple(_operator(name, operand) for name, operand in value.items())


def _refuse_slip(value: JsonValue) -> None:
    """A small object all of whose keys are nearly operators was hardly meant to be compared with."""
    if not isinstance(value, dict) or not 0 < len(value) <= len(_ORDER):
        return
    meant = {key: _meant(key) for key in value}
    if all(meant.values()):
        key, operator = next(iter(meant.items()))
        raise ValueError(
            f"{key!r} is no operator; did you mean {operator}? write an object to compare with"
            " as {eq: {…}}"
        )


def _meant(key: str) -> str | None:
    """The operator that `key` may be a slip of, or another language's word for."""
    word = key.lower().strip("$_ ")
    long = [operator for operator in _OPERATORS if operator not in _ORDER]
    close = get_close_matches(word, long, 1, cutoff=0.85)
    swapped = [operator for operator in long if sorted(operator) == sorted(word)]  # lenght
    return word if word in _ORDER else _OTHER_WORDS.get(word) or next(iter(close + swapped), None)


def _operator(name: str, operand: JsonValue) -> Wanted:
    match name, operand:
        case "eq", _:
            return Wanted(name, operand, shown(operand))
        case "contains", _:
            return Wanted(name, operand, f"a text or array containing {shown(operand)}")
        case "matches", str():
            return Wanted(name, valid_regex(operand), f"a text matching {quoted(operand)}")
        case "exists", bool():
            return Wanted(name, operand, "something" if operand else "nothing")
        case (("matches" | "exists"), _):
            right = "a regular expression" if name == "matches" else "true or false"
            raise ValueError(f"{name}: {operand!r} is of the wrong type; write {right}")
        case (("length" | "count"), _):
            bounds: dict[str, JsonValue] = operand if isinstance(operand, dict) else {"eq": operand}
            return Wanted(name, bounds, f"{name} {_bounds_in_words(name, bounds)}")
    return Wanted(name, operand, _bounds_in_words(name, {name: operand}))


def _bounds_in_words(name: str, bounds: dict[str, JsonValue]) -> str:
    said = []
    for key, bound in bounds.items():
        if key not in _ORDER:
            raise ValueError(f"{name}: {key!r} is no bound; write a number, or eq lt le gt ge")
        if not _is_number(bound):
            raise ValueError(f"{name}: {bound!r} is not a number; write one")
        said.append(f"{_ORDER[key][0]}{shown(bound)}")
    if not said:
        raise ValueError(f"{name}: has no bound; write a number, or eq lt le gt ge")
    if name == "count" and not any(_within(bounds, many) for many in _around(bounds)):
        raise ValueError(
            "count: no number of nodes from 1 satisfies it; for none write exists: false"
        )
    return " and ".join(said)


def judge(path: str, rule: JsonRule, document: JsonValue) -> list[tuple[Assertion, str]]:
    """One assertion per operator, each with what is wrong in words (empty where nothing is)."""
    try:
        found = list(nodes(path, document))
        return [_judged(path, wanted, found) for wanted in _wanted(rule.written)]
    except Unreadable as error:
        return unreadable(path, rule, str(error))
    except RecursionError:
        return unreadable(path, rule, str(too_deep(path)))


def unreadable(path: str, rule: JsonRule, why: str) -> list[tuple[Assertion, str]]:
    """What `judge` says where there is nothing to look into."""
    return [
        (Assertion(f"json {path}", wanted.expected, clipped(why), False), why)
        for wanted in _wanted(rule.written)
    ]


def _judged(path: str, wanted: Wanted, nodes: Sequence[JsonValue]) -> tuple[Assertion, str]:
    verb = "is"
    if not nodes:
        ok, verb, actual = wanted == _NOTHING, "finds", "nothing"
    elif wanted.operator == "count":
        ok, verb, actual = _within(wanted.operand, len(nodes)), "finds", f"{len(nodes)} nodes"
    else:
        unfit = [node for node in nodes if not _satisfies(wanted, node)]
        ok, actual = not unfit, shown((unfit or nodes)[0])
    message = "" if ok else f"{path} {verb} {actual}, expected {wanted.expected}"
    return Assertion(f"json {path}", wanted.expected, actual, ok), message


def _satisfies(wanted: Wanted, node: JsonValue) -> bool:
    operand = wanted.operand
    match wanted.operator:
        case "exists":
            return operand is True
        case "eq":
            return equal(node, operand)
        case "contains" if isinstance(node, str):
            return isinstance(operand, str) and operand in node
        case "contains":
            return isinstance(node, list) and any(equal(item, operand) for item in node)
        case "matches":
            return isinstance(node, str) and isinstance(operand, str) and matches(operand, node)
        case "length":
            return isinstance(node, str | list | dict) and _within(operand, len(node))
        case operator:
            return _within({operator: operand}, node)


def _within(bounds: JsonValue, number: JsonValue) -> bool:
    if not _is_number(number) or not isinstance(bounds, dict):
        return False
    return all(_is_number(bound) and _ORDER[key][1](number, bound) for key, bound in bounds.items())


def _around(bounds: dict[str, JsonValue]) -> set[int]:
    """Numbers of nodes of which one satisfies the bounds, if any number does."""
    near = {int(bound) + step for bound in bounds.values() if _is_number(bound) for step in (0, 1)}
    return {1, *(many for many in near if many > 0)}


def _is_number(value: JsonValue) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(one: JsonValue, other: JsonValue) -> bool:
    """JSON's equality: 1 is 1.0, but true is not 1."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
        case list(), list():
            return len(one) == len(other) and all(map(equal, one, other))
    if _is_number(one) and _is_number(other):
        return one == other
    return type(one) is type(other) and one == other


def shown(value: JsonValue) -> str:
    """The value as JSON, cut to what people read."""
    text = ""
    try:
        for piece in json.JSONEncoder(ensure_ascii=False).iterencode(value):
            text += piece
            if len(text) > SHOWN_AT_MOST:
                break
    except RecursionError:
        return "something nested too deeply to show"
    return clipped(text)
