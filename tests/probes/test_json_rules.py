from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from prober.probes.json_paths import read
from prober.probes.json_rules import JsonRule, equal, judge, shown


def json_values(*, finite: bool) -> st.SearchStrategy[JsonValue]:
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=not finite)
    return st.recursive(
        st.none() | st.booleans() | numbers | st.text(st.characters(), max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    )


JSON = json_values(finite=False)  # a document can hold 1e999
FINITE = json_values(finite=True)
BOUNDS = st.dictionaries(st.sampled_from(["lt", "le", "gt", "ge", "eq"]), st.integers(), min_size=1)
OPERATORS = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.integers() | st.floats(-1e9, 1e9) for name in ("lt", "le", "gt", "ge")},
        "eq": FINITE,
        "contains": FINITE,
        "matches": st.sampled_from(["a", "^$", "[0-9]+"]),
        "exists": st.just(True),
        "length": st.integers(0, 5) | BOUNDS,
        "count": st.integers(1, 5),
    },
)
DOCUMENT: JsonValue = {
    "status": "healthy",
    "queue": 42,
    "ratio": 1.0,
    "flag": True,
    "none": None,
    "tags": ["a", "b", 1],
    "nested": {"x": [1]},
    "items": [{"id": 1, "ok": True}, {"id": 2, "ok": True}],
    "empty": [],
}


def said(path: str, expected: object) -> list[str]:
    """What is wrong, nothing left out."""
    return [message for _, message in judge(path, JsonRule.of(expected), DOCUMENT) if message]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.status", "healthy"),
        ("$.queue", 42),
        ("$.queue", 42.0),
        ("$.ratio", 1),
        ("$.flag", True),
        ("$.none", None),
        ("$.tags", ["a", "b", 1.0]),
        ("$.nested", {"x": [1]}),
        ("$.nested", {"eq": {"x": [1]}}),
        ("$.queue", {"lt": 43, "gt": 41}),
        ("$.queue", {"le": 42, "ge": 42}),
        ("$.status", {"contains": "heal"}),
        ("$.tags", {"contains": 1.0}),
        ("$.status", {"matches": "^h.*y$"}),
        ("$.status", {"length": 7}),
        ("$.tags", {"length": {"gt": 2, "le": 3}}),
        ("$.nested", {"length": 1}),
        ("$.empty", {"length": 0}),
        ("$.items[*]", {"count": 2}),
        ("$.items[*].id", {"count": {"ge": 2}, "gt": 0}),
        ("$.items[*].ok", True),
        ("$.items[?@.id > 1].id", 2),
        ("$.none", {"exists": True}),
        ("$.errors", {"exists": False}),
        ("$.empty[*]", {"exists": False}),
    ],
)
def test_what_holds_is_said_to_hold(path: str, expected: object) -> None:
    assert said(path, expected) == []


@pytest.mark.parametrize(
    ("path", "expected", "message"),
    [
        ("$.status", "up", '$.status is "healthy", expected "up"'),
        ("$.flag", 1, "$.flag is true, expected 1"),
        ("$.queue", "42", '$.queue is 42, expected "42"'),
        ("$.none", False, "$.none is null, expected false"),
        ("$.tags", ["b", "a", 1], '$.tags is ["a", "b", 1], expected ["b", "a", 1]'),
        ("$.nested", {}, '$.nested is {"x": [1]}, expected {}'),
        ("$.missing", 1, "$.missing finds nothing, expected 1"),
        ("$.missing", {"exists": True}, "$.missing finds nothing, expected something"),
        ("$.missing[*]", {"count": {"le": 3}}, "$.missing[*] finds nothing, expected count at most 3"),
        ("$.queue", {"exists": False}, "$.queue is 42, expected nothing"),
        ("$.queue", {"lt": 42}, "$.queue is 42, expected less than 42"),
        ("$.queue", {"gt": 42}, "$.queue is 42, expected more than 42"),
        ("$.queue", {"le": 41}, "$.queue is 42, expected at most 41"),
        ("$.queue", {"ge": 43}, "$.queue is 42, expected at least 43"),
        ("$.status", {"lt": 5}, '$.status is "healthy", expected less than 5'),
        ("$.flag", {"lt": 5}, "$.flag is true, expected less than 5"),
        ("$.queue", {"contains": 4}, "$.queue is 42, expected a text or array containing 4"),
        ("$.status", {"contains": 1}, '$.status is "healthy", expected a text or array containing 1'),
        ("$.tags", {"contains": True},
         '$.tags is ["a", "b", 1], expected a text or array containing true'),
        ("$.queue", {"matches": "4"}, '$.queue is 42, expected a text matching "4"'),
        ("$.queue", {"length": 2}, "$.queue is 42, expected length 2"),
        ("$.tags", {"length": {"lt": 3}}, '$.tags is ["a", "b", 1], expected length less than 3'),
        ("$.items[*]", {"count": 3}, "$.items[*] finds 2 nodes, expected count 3"),
        ("$.items[*].id", 1, "$.items[*].id is 2, expected 1"),
    ],
)  # fmt: skip
def test_what_fails_is_said_with_its_value(path: str, expected: object, message: str) -> None:
    assert said(path, expected) == [message]


def test_each_operator_is_looked_at() -> None:
    assertions = [a for a, _ in judge("$.queue", JsonRule.of({"gt": 1, "lt": 9}), DOCUMENT)]

    assert [(a.what, a.expected, a.actual, a.ok) for a in assertions] == [
        ("json $.queue", "more than 1", "42", True),
        ("json $.queue", "less than 9", "42", False),
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"lt": 1, "name": 2}, "'name' stands among operators"),
        ({"gte": 5}, "'gte' is no operator; did you mean ge? write an object to compare with as"),
        ({"GT": 5}, "'GT' is no operator; did you mean gt?"),
        ({"$lte": 5, ">": 1}, "'$lte' is no operator; did you mean le?"),
        ({"match": "ok"}, "'match' is no operator; did you mean matches?"),
        ({"contain": "ok"}, "'contain' is no operator; did you mean contains?"),
        ({"lenght": 3}, "'lenght' is no operator; did you mean length?"),
        ({"lt": "1"}, "lt: '1' is not a number"),
        ({"lt": True}, "lt: True is not a number"),
        ({"exists": "no"}, "exists: 'no' is of the wrong type; write true or false"),
        ({"exists": False, "eq": 1}, "exists: false stands beside other operators"),
        ({"matches": 1}, "matches: 1 is of the wrong type; write a regular expression"),
        ({"matches": "("}, "'(' is not a regular expression"),
        ({"length": "3"}, "length: '3' is not a number"),
        ({"length": {}}, "length: has no bound"),
        ({"length": {"near": 3}}, "length: 'near' is no bound"),
        ({"count": 0}, "for none write exists: false"),
        ({"count": {"lt": 1}}, "for none write exists: false"),
        ({"count": {"gt": 3, "lt": 4}}, "no number of nodes from 1 satisfies it"),
        (float("nan"), "nan is not a JSON value"),
        (object, "is not a JSON value"),
    ],
)
def test_what_cannot_be_meant_is_refused(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        JsonRule.of(value)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [{}, {"age": 3}, {"get": 1}, {"size": 2, "gte": 1}, {"content": "x"}, {"g": 1}, {"id": 7}],
)
def test_an_object_that_is_none_of_operators_is_compared_with(value: JsonValue) -> None:
    assert [a.ok for a, _ in judge("$", JsonRule.of(value), value)] == [True]


def test_rules_are_equal_when_written_the_same() -> None:
    assert JsonRule.of({"lt": 1}) == JsonRule.of({"lt": 1})
    assert JsonRule.of(1) != JsonRule.of(True)


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b"", b"{", b"\xff", b"{}x"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(body)


def test_a_path_into_deep_json_has_failed() -> None:
    deep: JsonValue = 1
    for _ in range(900):
        deep = [deep]

    looked = judge("$..*", JsonRule.of({"eq": deep}), deep)

    assert [assertion.ok for assertion, _ in looked] == [False]


@settings(deadline=None, max_examples=60)
@given(JSON, JSON)
def test_equality_is_symmetric_and_reflexive(one: JsonValue, other: JsonValue) -> None:
    assert equal(one, other) is equal(other, one)
    assert equal(one, json.loads(json.dumps(one)))


@settings(deadline=None, max_examples=60)
@given(JSON)
def test_equality_tells_kinds_apart(value: JsonValue) -> None:
    assert equal(value, [value]) is False
    if isinstance(value, bool) or value is None or isinstance(value, str):
        assert not any(equal(value, number) for number in (0, 1, 0.0, 1.0))
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        assert equal(value, float(value))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["$", "$.*", "$..*", "$[0]", "$[?@.a]"]), OPERATORS, JSON)
def test_judging_never_raises(
    path: str, operators: dict[str, JsonValue], document: JsonValue
) -> None:
    looked = judge(path, JsonRule.of(operators), document)

    assert len(looked) == max(1, len(operators))
    for assertion, message in looked:
        assert bool(message) is not assertion.ok
        assert max(len(assertion.actual), len(shown(document))) <= 200
