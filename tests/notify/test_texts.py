"""Texts that fit, and say what the notice says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.notice import Event
from prober.notify import texts
from tests.fake_clock import NOON
from tests.notify.notices import notice


@given(st.text(st.characters()), st.integers(min_value=1, max_value=50))
def test_a_text_is_cut_to_what_fits_and_only_where_it_does_not(text: str, limit: int) -> None:
    kept = texts.cut(text, limit)

    assert texts.units(kept) <= limit
    assert kept == text if texts.units(text) <= limit else kept.endswith("…")
    assert text.startswith(kept.removesuffix("…"))


@given(st.text(st.characters()))
def test_what_is_clean_can_be_written_anywhere(text: str) -> None:
    clean = texts.clean(text)

    assert clean.encode().decode() == clean
    assert [letter for letter in clean if ord(letter) < 32 and letter not in "\t\n"] == []


def test_a_headline_is_the_notices_own_on_one_line() -> None:
    one = replace(notice(), annotations={"summary": "queue of api is 130:\n over\x00 100 "})

    assert texts.summary(one) == "queue of api is 130: over 100"


@pytest.mark.parametrize(
    ("labels", "said"),
    [({"alertname": "ProberDown"}, "ProberDown"), ({}, "eu-west-1/api-health/down/run-1")],
)
def test_a_headline_is_never_empty(labels: dict[str, str], said: str) -> None:
    assert texts.summary(replace(notice(), annotations={}, labels=labels)) == said


def test_how_long_it_lasted_is_the_notices_word_or_counted_from_the_firing() -> None:
    over = notice(Event.RESOLVED, at=NOON + 190)

    assert texts.lasted(replace(over, annotations={"duration": "4 m 40 s"})) == "4 m 40 s"
    assert texts.lasted(over) == "3 m 10 s"
    assert texts.lasted(notice()) == ""


def test_every_event_has_a_title_of_its_own() -> None:
    titles = [texts.title(notice(event)) for event in Event]

    assert titles[:3] == ["Firing", "Still firing", "Resolved"]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Event.FIRING, "critical"),
        (Event.REMINDER, "critical"),
        (Event.ESCALATED, "critical, escalated"),
        (Event.FLAPPING, "critical, flapping"),
        (Event.RESOLVED, "resolved"),
        (Event.ACKNOWLEDGED, "acknowledged"),
        (Event.WINDOW_BEGUN, "maintenance"),
        (Event.WINDOW_OVER, "maintenance over"),
        (Event.REPORT, "report"),
    ],
)
def test_every_event_has_a_word_that_leaves_room(event: Event, state: str) -> None:
    assert texts.state(notice(event)) == state


def test_what_is_worst_comes_first_and_the_rest_as_it_came() -> None:
    mild = replace(notice(check="mild"), labels={**notice().labels, "severity": "low"})
    given_ = [
        notice(Event.REPORT, check="r"),
        notice(Event.RESOLVED, check="over"),
        mild,
        notice(check="b"),
        notice(check="a"),
    ]

    assert texts.worst_first(given_) == [given_[3], given_[4], mild, given_[1], given_[0]]
    assert texts.counted(given_) == "3 firing, 1 report, 1 resolved"


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ("critical", "critical"),
        ("high", "error"),
        ("medium", "warning"),
        ("warning", "warning"),
        ("low", "info"),
        ("info", "info"),
        ("page", "critical"),
        ("", "critical"),
    ],
)
def test_a_severity_is_a_level_and_an_unknown_one_the_highest(severity: str, level: str) -> None:
    assert texts.level(severity) == level


def test_a_word_of_ones_own_goes_before_the_usual_one() -> None:
    assert texts.level("high", {"high": "info", "page": "error"}) == "info"
    assert texts.level("page", {"high": "info", "page": "error"}) == "error"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://wiki.example/api?a=1&b=2", "https://wiki.example/api?a=1&b=2"),
        ("https://wiki.example/a b|c>d", "https://wiki.example/a%20b%7Cc%3Ed"),
        ("javascript:alert(1)", ""),
        ("see the wiki", ""),
        ("https://broken:port/", ""),
        ("https://wiki.example/" + "a" * 1000, ""),
    ],
)
def test_only_what_a_browser_can_open_is_a_link(text: str, address: str) -> None:
    assert texts.web_address(text) == address


def test_links_are_the_page_the_runbook_and_the_evidence() -> None:
    said = {"runbook_url": "https://wiki.example/api", "evidence_url": "ftp://files.example/1"}

    assert list(texts.links(replace(notice(), annotations=said))) == [
        ("Prober", "https://prober.example/eu/#api-health"),
        ("Runbook", "https://wiki.example/api"),
    ]
