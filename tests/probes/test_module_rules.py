from __future__ import annotations

import pytest

from prober.probes.module_rules import (
    Final,
    HeaderRule,
    Rules,
    of_coding,
    of_connection,
    of_headers,
)

HEADERS = [("X-Colour", "green"), ("x-colour", "blue"), ("Content-Encoding", "x-gzip")]


def final(version: str = "1.1", *, tls: bool = False) -> Final:
    return Final(HEADERS, version, tls)


@pytest.mark.parametrize(
    ("rule", "ok"),
    [
        (HeaderRule("X-COLOUR", "^blue$", wanted=True), True),
        (HeaderRule("X-Colour", "red", wanted=True), False),
        (HeaderRule("X-Colour", "^green$", wanted=False), False),
        (HeaderRule("X-Colour", "red", wanted=False), True),
        (HeaderRule("X-Sky", "blue", wanted=True), False),
        (HeaderRule("X-Sky", "blue", wanted=False), False),
        (HeaderRule("X-Sky", "blue", wanted=True, allow_missing=True), True),
        (HeaderRule("X-Sky", "blue", wanted=False, allow_missing=True), True),
    ],
)
def test_one_value_of_a_header_is_enough_and_none_is_too_few(rule: HeaderRule, ok: bool) -> None:
    (judged,) = of_headers(Rules(headers=(rule,)), final())

    assert judged.assertion.ok is ok
    assert judged.by_regex
    assert bool(judged.message) is not ok


@pytest.mark.parametrize(("wanted", "ok"), [("gzip", [True]), ("br", [False]), ("identity", [])])
def test_a_compression_that_is_asked_for_has_to_be_used(wanted: str, ok: list[bool]) -> None:
    found = of_coding(Rules(compression=wanted), final())

    assert [one.assertion.ok for one in found] == ok


@pytest.mark.parametrize(
    ("version", "ok"), [("1.0", False), ("1.1", True), ("2", True), ("3", False)]
)
def test_a_version_is_one_of_those_that_are_valid(version: str, ok: bool) -> None:
    rules = Rules(versions=("HTTP/1.1", "HTTP/2.0"))

    assert [one.assertion.ok for one in of_connection(rules, final(version))] == [ok]


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_tls_is_there_where_it_is_wanted(wanted: bool, there: bool) -> None:
    (judged,) = of_connection(Rules(tls=wanted), final(tls=there))

    assert judged.assertion.ok is (wanted is there)


def test_no_rules_ask_for_nothing() -> None:
    found = [*of_headers(Rules(), final()), *of_coding(Rules(), final())]

    assert [*found, *of_connection(Rules(), final())] == []
