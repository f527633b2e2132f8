"""Matchers mean what they mean to Alertmanager."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.matchers import Matcher, Op, matches, parse, parse_all

LABELS = {"check": "api-eu", "team": "payments", "note": "two\nlines"}


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("check=api-eu", True),
        ("check=api", False),
        ("check!=api", True),
        ("check!=api-eu", False),
        ("check=~api", False),  # as a whole
        ("check=~api.*", True),
        ('check=~"api-(eu|us)"', True),
        ("check!~api.*", False),
        ("check!~api", True),
        ("note=~two.*", True),
        ("gone=", True),
        ("gone!=", False),
        ("gone!=x", True),
        ("gone=~.*", True),
        ("gone=~.+", False),
        ("gone!~x|y", True),
        ('team = "payments"', True),
    ],
)
def test_equal_unequal_and_expressions(text: str, is_meant: bool) -> None:
    assert parse(text).matches(LABELS) is is_meant


def test_all_of_them_have_to_match() -> None:
    assert matches(parse_all(["check=api-eu", "team=~pay.*"]), LABELS)
    assert not matches(parse_all(["check=api-eu", "team=shop"]), LABELS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=b=c", "b=c"),
        ('a="b c"', "b c"),
        (r'a="say \"so\" \\ \n"', 'say "so" \\ \n'),
        ("a=it's", "it's"),
        ('a=b"c', 'b"c'),
        ("a=", ""),
        ('a=""', ""),
        ("a=\u00fc", "\u00fc"),
    ],
)
def test_values_may_be_quoted(text: str, value: str) -> None:
    assert parse(text) == Matcher("a", "=", value)


@given(st.text(), st.sampled_from(("=", "!=")))
def test_what_is_shown_can_be_typed(value: str, op: Op) -> None:
    matcher = Matcher("team", op, value)

    assert parse(str(matcher)) == matcher


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("api", "'api' is no matcher; write NAME=VALUE, with = != =~ or !~"),
        ("=api", "is no matcher"),
        ("9=api", "is no matcher"),
        ("a b=api", "is no matcher"),
        ("", "is no matcher"),
        ('a="b', "has a quote that does not end"),
        ('a="b" c', "has a quote that does not end"),
        ("a=~(", "is no expression of RE2: missing \\)"),
        ("a!~(?=x)", "is no expression of RE2"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@pytest.mark.parametrize("texts", [["team="], ["team!=x"], ["team=~.*", "check!~x"]])
def test_one_of_them_has_to_want_something(texts: list[str]) -> None:
    with pytest.raises(ValueError, match=r"match also what has no labels at all"):
        parse_all(texts)
    assert len(parse_all([*texts, "check=x"])) == len(texts) + 1


def test_no_matchers_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="no matcher is there; write one like check=api"):
        parse_all([])


def test_an_expression_that_backtracks_elsewhere_is_quick_here() -> None:
    assert not parse("note=~(a+)+b").matches({"note": "a" * 100_000})
