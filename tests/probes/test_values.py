"""Numbers out of answers: what is one, which is taken, and that nothing else ever comes of it."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from prober.probes.answer import Answer, Reading
from prober.probes.extract import Source, extracted
from prober.probes.http_settings import HttpSettings
from prober.probes.values import MOST_VALUES, read
from prober.result import Outcome, Reason
from tests.probes.looking import look_at
from tests.servers.http import reply, site

JSON = b'{"celery": {"queue_length": 17}, "load": ["low", "0.5", 2], "on": true, "no": null}'


def answer(body: bytes = JSON, *headers: tuple[str, str]) -> Reading:
    whole = (("Content-Type", "application/json"), *headers)
    return Reading(
        Answer(status=200, headers=whole, body=body, seconds=0.1, not_after=None, now=0.0)
    )


def value(source: object, seen: Reading) -> float | None:
    settings = HttpSettings.model_validate({"url": "http://x/", "values": {"it": source}})
    return read(settings.values, seen).get("it")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("$.celery.queue_length", 17.0),
        ("$.load[*]", 0.5),
        ("$.load[::-1]", 2.0),
        ("$..queue_length", 17.0),
        ("$.on", None),
        ("$.no", None),
        ("$.celery", None),
        ("$.nowhere", None),
        ("$.load[0]", None),
    ],
)
def test_a_path_takes_the_first_node_that_is_a_number(path: str, number: float | None) -> None:
    assert value(path, answer()) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (" 12 ", 12.0), ("-1.5e3", -1500.0), ("+.5", 0.5), ("0", 0.0), ("7.", 7.0),
        ("", None), ("12%", None), ("1,000", None), ("0x10", None), ("nan", None), ("inf", None),
        ("Infinity", None), ("1_000", None), ("1e999", None), ("١٢", None), ("1 2", None),
    ],
)  # fmt: skip
def test_a_text_is_a_number_where_it_is_written_as_one(text: str, number: float | None) -> None:
    assert value("$", answer(json.dumps(text).encode())) == number
    assert value({"header": "X-It"}, answer(b"", ("x-it", text))) == number


@pytest.mark.parametrize("body", [b"1e999", b"9" * 400, b"9" * 5000, b"not JSON", b"", b"NaN"])
def test_what_no_metric_can_hold_is_absent(body: bytes) -> None:
    assert value("$", answer(body)) is None


def test_a_document_nested_too_deeply_has_no_values() -> None:
    assert value("$..a", answer(b'{"a":' * 5000 + b"1" + b"}" * 5000)) is None


def test_a_header_gives_the_first_of_its_values_that_is_a_number() -> None:
    seen = answer(b"", ("X-Pool", "many"), ("x-pool", "8"), ("X-Pool", "9"))

    assert value({"header": "X-POOL"}, seen) == 8.0
    assert value({"header": "X-Gone"}, seen) is None


def test_a_regex_gives_its_group_where_it_is_found_first() -> None:
    seen = answer(b"app=3ms db=17ms db=18ms")

    assert value({"regex": r"db=(\d+)ms"}, seen) == 17.0
    assert value({"regex": r"(?:db|app)=(\d+)ms"}, seen) == 3.0
    assert value({"regex": r"cache=(\d+)"}, seen) is None
    assert value({"regex": r"app=(x)?\d"}, seen) is None


@pytest.mark.parametrize("source", [{"regex": r"db=\d+"}, {"regex": r"(a)(b)"}, {"regex": "("}])
def test_a_regex_has_one_group(source: object) -> None:
    with pytest.raises(ValidationError):
        value(source, answer())


@pytest.mark.parametrize(
    "source", [{}, {"header": "X", "regex": "(x)"}, 12, "queue", {"path": "$"}]
)
def test_a_source_is_one_of_three(source: object) -> None:
    with pytest.raises(ValidationError):
        value(source, answer())


def test_there_are_at_most_20_of_a_check() -> None:
    def many(number: int) -> dict[str, object]:
        return {"url": "http://x/", "values": {f"v{one}": "$" for one in range(number)}}

    assert len(HttpSettings.model_validate(many(MOST_VALUES)).values) == MOST_VALUES == 20
    with pytest.raises(ValidationError, match="at most 20"):
        HttpSettings.model_validate(many(MOST_VALUES + 1))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", r"\$\.a finds nothing"),
        (b'{"a": "\\ud800"}', "half of a character"),
        (b'{"a": 1e999}', "too large"),
        (b"<html>", 'body is not JSON; it begins "<html>"'),
    ],
)
def test_what_cannot_be_sent_is_not_extracted(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        extracted(Source.model_validate({"json": "$.a"}), answer(body))


def test_what_is_extracted_keeps_its_type() -> None:
    paths = {"$.on": True, "$.no": None, "$.load": ["low", "0.5", 2], "$.load[2]": 2}

    assert {p: extracted(Source.model_validate({"json": p}), answer()) for p in paths} == paths


VALUES = {"queue": "$.queue", "pool": {"header": "X-Pool"}, "db": {"regex": r"db=(\d+)"}}


async def test_values_are_read_of_the_final_answer_up_or_down() -> None:
    body = b'{"queue": 3, "said": "db=4"}'
    pages = {"/": reply(503, body, {"X-Pool": "5"}), "/up": reply(200, body)}
    async with site(pages) as it:
        down = await look_at(it.url(), values=VALUES)
        up = await look_at(it.url("/up"), values=VALUES)

    assert (down.finding.reason, up.finding.outcome) == (Reason.STATUS, Outcome.UP)
    assert down.attempt.values == {"queue": 3.0, "pool": 5.0, "db": 4.0}
    assert up.attempt.values == {"queue": 3.0, "db": 4.0}


async def test_a_value_that_is_lost_is_no_failure() -> None:
    async with site({"/": reply(200, b"plain")}) as it:
        seen = await look_at(it.url(), values=VALUES)

    assert seen.finding.outcome is Outcome.UP
    assert seen.attempt.values == {}
    assert [one.what for one in seen.finding.assertions] == ["status"]


async def test_values_of_a_large_body_are_read_elsewhere() -> None:
    body = json.dumps({"rows": list(range(200_000)), "queue": 6}).encode()
    async with site({"/": reply(200, body)}) as it:
        seen = await look_at(it.url(), within=10, values={"last": "$.rows[-1]", "queue": "$.queue"})

    assert len(body) > 10**6
    assert seen.attempt.values == {"last": 199_999.0, "queue": 6.0}
