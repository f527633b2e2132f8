"""What does a JSONPath find in a document, and how long may it look?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from math import inf
from typing import Annotated

import jsonpath_rfc9535
from jsonpath_rfc9535 import JSONPathError, JSONPathNode, JSONPathQuery
from jsonpath_rfc9535.segments import JSONPathRecursiveDescentSegment
from jsonpath_rfc9535.selectors import FilterSelector
from pydantic import AfterValidator, JsonValue

_DIGITS = 4300  # of an integer, which Python reads at most


class Unreadable(ValueError):
    """There is no JSON to look into, or it is nested too deeply; the message says which."""


def too_deep(path: str) -> Unreadable:
    return Unreadable(f"{path} cannot be evaluated: the JSON is nested too deeply")


def _valid_path(path: str) -> str:
    try:
        query(path)
    except JSONPathError as error:
        raise ValueError(
            f"{path!r} is not a JSONPath ({error}); write it as in RFC 9535, like $.a.b"
        ) from None
    return path


JsonPath = Annotated[str, AfterValidator(_valid_path)]


@lru_cache(maxsize=4096)
def query(path: str) -> JSONPathQuery:
    return jsonpath_rfc9535.compile(path)


def nodes(path: str, document: JsonValue) -> Iterator[JsonValue]:
    """The values at `path`, in the order in which they are found. Raises Unreadable."""
    try:
        for node in query(path).finditer(document):
            yield _value(node)
    except (JSONPathError, RecursionError):
        raise too_deep(path) from None


def _value(node: JSONPathNode) -> JsonValue:
    """The library says `object`, but what it finds is part of the document."""
    value: JsonValue = node.value  # type: ignore[assignment]  # see above
    return value


def visits(path: str, size: int, *, within: bool = False) -> float:
    """At most how many nodes of a document of `size` bytes are looked at, more or less.

    `within`: also at the elements of what is found.
    Infinitely many where there is a filter: it can look through the whole
    document for each node, and has regular expressions that are not RE2's.
    """
    many, descents = 1, 0
    for segment in query(path).segments:
        if any(isinstance(one, FilterSelector) for one in segment.selectors):
            return inf
        descents += isinstance(segment, JSONPathRecursiveDescentSegment)
        many *= len(segment.selectors)
    if query(path).singular_query() and not within:
        return 0
    return float(many) * float(size) ** max(1, descents) if descents < 20 else inf


def read(body: bytes) -> JsonValue:
    """Strictly RFC 8259. Raises ValueError, or RecursionError where it is nested too deeply."""
    document: JsonValue
    try:
        document = json.loads(body, parse_constant=_no_number)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python reads is JSON all the same
        document = json.loads(body, parse_constant=_no_number, parse_int=_integer)
    return document


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
