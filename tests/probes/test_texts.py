from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prober.probes.texts import TextExpect, TextTest, clipped, decoded, matches, quoted


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("ä".encode(), "", "ä"),
        ("ä".encode("latin-1"), "text/html; charset=iso-8859-1", "ä"),
        ("ä".encode("latin-1"), 'text/html; Charset="ISO-8859-1"', "ä"),
        ("€".encode("cp1252"), "text/plain;charset=windows-1252", "€"),
        ("あ".encode("shift_jis"), "text/plain; charset=Shift_JIS", "あ"),
        ("あ".encode("euc-jp"), "text/plain; charset=EUC-JP", "あ"),
        ("ä".encode("utf-16"), "text/plain; charset=latin-1", "ä"),
        ("ä".encode("utf-8-sig"), "", "ä"),
        (b"\xe4x", "", "�x"),
        ("ä".encode(), "text/plain; charset=nonsense", "ä"),
        (b"ok-", "text/plain; charset=punycode", "ok-"),
        (b"\\d", "text/plain; charset=unicode_escape", "\\d"),
        (b"ok", "text/plain; charset=iso-8859-99", "ok"),
    ],
)
def test_a_body_is_read_in_its_charset(body: bytes, content_type: str, text: str) -> None:
    assert decoded(body, content_type) == text


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=30), st.text(max_size=10), st.sampled_from(["utf-16", "gbk", "cp437"]))
def test_reading_never_raises(body: bytes, charset: str, known: str) -> None:
    assert isinstance(decoded(body, f"charset={charset}"), str)
    assert isinstance(decoded(body, f"charset={known}"), str)


def test_a_regex_is_found_anywhere() -> None:
    assert matches(r"v\d+", "now v12!")
    assert not matches(r"^v\d+", "now v12!")
    assert matches("(?i)OK", "all ok")
    assert matches("ä.", "xäy")


def test_half_a_surrogate_pair_is_searched_like_any_character() -> None:
    assert matches("ok", "\ud800 ok")
    assert not matches("no", "\ud800 ok")


def test_a_hostile_regex_takes_linear_time() -> None:
    assert not matches("(a+)+$", "a" * 50_000 + "b")


@pytest.mark.parametrize(
    ("pattern", "why"), [("(a", "missing )"), ("*", "no argument"), (r"(?=a)", "invalid perl")]
)
def test_a_bad_regex_is_refused_when_it_is_read(pattern: str, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TextExpect(matches=(pattern,))

    message = str(caught.value)
    assert f"{pattern!r} is not a regular expression ({why}" in message
    assert "write it in RE2 syntax" in message


def test_one_text_is_a_list_of_one() -> None:
    one = TextExpect.model_validate({"contains": "a", "not_matches": "b"})

    assert one == TextExpect.model_validate({"contains": ["a"], "not_matches": ["b"]})
    assert one.tests == (TextTest("contains", "a"), TextTest("matches", "b", False))


def test_an_empty_text_to_contain_is_refused() -> None:
    with pytest.raises(ValidationError):
        TextExpect.model_validate({"contains": ""})


def test_what_is_shown_is_short_and_printable() -> None:
    assert clipped("a\n\x1b[0m\u202e") == r"a\n\x1b[0m\u202e"
    assert quoted("x" * 500, 10) == '"xxxxxxx…"'
    assert quoted("x" * 8, 10) == '"xxxxxxxx"'


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters()), st.integers(3, 50))
def test_what_is_shown_never_exceeds_the_limit(text: str, limit: int) -> None:
    shown = quoted(text, limit)

    assert len(shown) <= limit
    assert shown.isprintable()
    shown.encode()
