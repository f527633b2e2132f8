from __future__ import annotations

import pytest

from prober.journey.hush import Hush, is_ordinary
from prober.visit import Step, Visit


def hush(*texts: str, words: bool = True) -> Hush:
    it = Hush()
    it.learn(texts, words=words)
    return it


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("wrong: p&ss w0rd", "wrong: ***"),
        ("/?q=p%26ss%20w0rd&n=1", "/?q=***&n=1"),
        ("/?q=p%26ss+w0rd", "/?q=***"),
        ("<b>p&amp;ss w0rd</b>", "<b>***</b>"),
        ("Basic cCZzcyB3MHJk", "Basic ***"),
        ("wrong: p&ss w…", "wrong: ***…"),
        ("wrong: p&ss…", "wrong: p&ss…"),
        ("p&ss w…: another p&ss… word", "***…: another p&ss… word"),
        ("nothing of it", "nothing of it"),
    ],
)  # fmt: skip
def test_what_was_learned_is_taken_out_in_every_form(text: str, shown: str) -> None:
    assert hush("p&ss w0rd")(text) == shown


def test_a_number_is_no_part_of_another() -> None:
    text = "code 123456, not 1234567 or 9.123456 or 123456.5; /code/123456?n=0123456"

    assert hush("123456")(text) == text.replace("123456,", "***,").replace("/123456?", "/***?")


def test_short_texts_and_none_at_all_are_left() -> None:
    assert hush("open", "", "12345")("open the door 12345") == "open the door 12345"
    assert Hush()("open the door…") == "open the door…"


def test_the_longer_secret_goes_first() -> None:
    assert hush("token-1", "token-1-of-two")("token-1-of-two, token-1") == "***, ***"


@pytest.mark.parametrize(
    "text",
    [
        "accepted",
        "Accepted",
        "de-CH",
        "/orders/new",
        "%2Fcheckout",
        '{"theme":"dark"}',
        "dark_mode",
    ],
)
def test_ordinary_words_are_taken_out_only_where_they_were_typed(text: str) -> None:
    said = f"expected {text!r}"

    assert is_ordinary(text)
    assert hush(text, words=False)(said) == said
    assert (text in hush(text)(said)) is (len(text) < 6)


@pytest.mark.parametrize(
    "text", ["s3ss1on-tok3n", "aBcDeFgHiJkL", "abcdefghijklmnopqrst", "2024-01-01", "eyJhbGciOi.Jx"]
)
def test_a_token_is_taken_out_wherever_it_was_learned(text: str) -> None:
    assert hush(text, words=False)(f"got {text}.") == "got ***."


def test_steps_and_visits_lose_it_in_all_their_texts() -> None:
    it = hush("tok3n-of-mine")
    step = Step(
        name="a tok3n-of-mine",
        ok=False,
        seconds=1.0,
        url="/tok3n-of-mine",
        message="tok3n-of-mine!",
    )
    visit = Visit(
        page="/tok3n-of-mine", url="/?tok3n-of-mine", attribution={"lcp_url": "/tok3n-of-mine", "inp_delay": 0.1}
    )  # fmt: skip

    assert "tok3n" not in f"{it.step(step)} {it.visit(visit)}"
    assert it.step(step).seconds == 1.0
    assert it.step(Step(name="a", ok=True, seconds=1.0)).url is None
    assert it.visit(visit).attribution["inp_delay"] == 0.1
