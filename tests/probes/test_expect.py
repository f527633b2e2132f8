from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prober.probes.answer import Answer
from prober.probes.expect import Expect, first_failure, judge
from prober.result import Reason

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def answer(
    status: int = 200,
    body: str | bytes = "all ok",
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain"),),
    *,
    seconds: float = 0.1,
    expires_in: timedelta | None = None,
) -> Answer:
    return Answer(
        status=status,
        headers=headers,
        body=body.encode() if isinstance(body, str) else body,
        seconds=seconds,
        not_after=None if expires_in is None else NOW + expires_in,
        now=NOW.timestamp(),
    )


def wrong(expect: dict[str, object], seen: Answer) -> tuple[Reason, str] | None:
    failure = first_failure(judge(Expect.model_validate(expect), seen))
    return None if failure is None else (failure.reason, failure.message)


def test_without_expectations_any_2xx_is_right() -> None:
    assert wrong({}, answer(204)) is None
    assert wrong({}, answer(503)) == (Reason.STATUS, "status 503, expected 2xx")
    assert wrong({}, answer(301)) == (Reason.STATUS, "status 301, expected 2xx")


@pytest.mark.parametrize(
    ("written", "said", "right", "amiss"),
    [
        (200, "200", [200], [201, 199]),
        ("200", "200", [200], [201]),
        ("2xx", "2xx", [200, 299], [300, 199]),
        ("4XX", "4xx", [404], [503]),
        ("200-204", "200-204", [200, 204], [205]),
        ("200-299", "2xx", [299], [300]),
        ("200 - 204", "200-204", [200, 204], [205]),
        ([200, "3xx", "404-410"], "200 or 3xx or 404-410", [200, 301, 405], [201, 411]),
    ],
)
def test_status_is_a_number_a_class_a_range_or_a_list(
    written: object, said: str, right: list[int], amiss: list[int]
) -> None:
    assert [wrong({"status": written}, answer(status)) for status in right] == [None] * len(right)
    for status in amiss:
        message = f"status {status}, expected {said}"
        assert wrong({"status": written}, answer(status)) == (Reason.STATUS, message)


@pytest.mark.parametrize("written", ["ok", "20x", "299-200", 99, True, "200,201", "", [], {}])
def test_what_is_no_status_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        Expect.model_validate({"status": written})


def test_a_refused_status_says_what_would_be_right() -> None:
    with pytest.raises(ValidationError, match="'20x' is not a status; write 200, 2xx, 200-299 or"):
        Expect.model_validate({"status": ["2xx", "20x"]})


@pytest.mark.parametrize(
    ("expected", "body", "message"),
    [
        ({"contains": "ok"}, "<html>\nno", r'body does not contain "ok"; it begins "<html>\nno"'),
        ({"contains": ["all", "ko"]}, "all ok", 'body does not contain "ko"; it begins "all ok"'),
        ({"contains": "ok"}, "", 'body does not contain "ok"; it is empty'),
        ({"not_contains": "all"}, "all ok", 'body contains "all"'),
        ({"matches": r"v\d+"}, "all ok", r'body does not match "v\d+"; it begins "all ok"'),
        ({"not_matches": ["x", "o."]}, "all ok", 'body matches "o."'),
    ],
)
def test_a_wrong_body_is_quoted(expected: dict[str, object], body: str, message: str) -> None:
    assert wrong({"body": expected}, answer(body=body)) == (Reason.BODY, message)


def test_all_that_is_wanted_of_a_body_must_hold() -> None:
    expected = {"contains": ["all", "ok"], "not_contains": [], "matches": "^a", "not_matches": "z"}

    assert wrong({"body": expected}, answer()) is None


def test_a_long_body_is_quoted_in_short() -> None:
    found = wrong({"body": {"contains": "ok"}}, answer(body="x" * 10_000))

    assert found == (
        Reason.BODY,
        f'body does not contain "ok"; it begins "{"x" * 77}…"',
    )


def test_a_body_is_read_in_the_charset_it_names() -> None:
    headers = (("content-type", "text/html; charset=iso-8859-1"),)

    assert wrong({"body": {"contains": "ä"}}, answer(body=b"\xe4", headers=headers)) is None


HEADERS = (("Content-Type", "text/html"), ("X-Many", "one"), ("x-many", "two"))


@pytest.mark.parametrize(
    ("name", "expected", "message"),
    [
        ("content-type", "text/html", None),
        ("X-Many", "two", None),
        ("X-Many", {"contains": ["on", "tw"]}, None),
        ("X-Many", {"matches": "^t"}, None),
        ("X-Many", {"exists": True}, None),
        ("X-None", {"exists": False}, None),
        ("Content-Type", "text", 'header Content-Type is "text/html", which is not "text"'),
        ("Content-Type", {"matches": "json"},
         'header Content-Type is "text/html", which does not match "json"'),
        ("X-Many", {"not_contains": "tw"}, 'header X-Many is "one", "two", which contains "tw"'),
        ("X-Many", {"not_matches": "x", "eq": "3"},
         'header X-Many is "one", "two", which is not "3"'),
        ("X-None", "a", 'header X-None is missing; expected: is "a"'),
        ("X-None", {"not_contains": "a"}, 'header X-None is missing; expected: does not contain "a"'),
        ("X-None", {"exists": True}, "header X-None is missing, expected any value"),
        ("X-None", {}, "header X-None is missing, expected any value"),
        ("X-Many", {"exists": False}, 'header X-Many is "one", "two", expected none'),
    ],
)  # fmt: skip
def test_any_of_several_values_of_a_header_may_match(
    name: str, expected: object, message: str | None
) -> None:
    found = wrong({"headers": {name: expected}}, answer(headers=HEADERS))

    assert found == (None if message is None else (Reason.HEADER, message))


@pytest.mark.parametrize(
    "expected",
    [{"X Y": "a"}, {"X": ["a"]}, {"X": {"exists": False, "eq": "a"}}, {"X": {"like": 1}}],
)
def test_a_header_expectation_that_cannot_be_meant_is_refused(expected: object) -> None:
    with pytest.raises(ValidationError):
        Expect.model_validate({"headers": expected})


def test_a_number_is_a_header_text() -> None:
    seen = answer(headers=(("X-Build", "12"),))

    assert wrong({"headers": {"X-Build": 12}}, seen) is None


def test_json_is_judged_by_path() -> None:
    seen = answer(body='{"status": "degraded", "queue": 120}')

    assert wrong({"json": {"$.status": "degraded"}}, seen) is None
    assert wrong({"json": {"$.queue": {"lt": 100}}}, seen) == (
        Reason.JSON,
        "$.queue is 120, expected less than 100",
    )


def test_an_integer_of_any_length_is_json() -> None:
    huge = answer(body=b'{"a": %s, "b": 1}' % (b"9" * 5000))

    assert wrong({"json": {"$.a": {"gt": 1}, "$.b": 1}}, huge) is None
    assert wrong({"json": {"$.a": {"lt": 1}}}, huge) == (
        Reason.JSON,
        "$.a is Infinity, expected less than 1",
    )


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000, b"\xff\xfe\xff"])
def test_a_body_that_is_no_json_fails_every_path(body: bytes) -> None:
    expect = Expect.model_validate({"json": {"$.a": 1, "$.b": {"exists": False}}})
    judged = judge(expect, answer(body=body))

    assert [one.assertion.ok for one in judged] == [True, False, False]
    assert judged[1].message.startswith("body is not JSON; it ")


def test_a_bad_path_is_refused_when_it_is_read() -> None:
    with pytest.raises(ValidationError, match="'status' is not a JSONPath"):
        Expect.model_validate({"json": {"status": 1}})


def test_slower_than_expected_is_latency() -> None:
    assert wrong({"duration": "2s"}, answer(seconds=2.0)) is None
    assert wrong({"duration": "2s"}, answer(seconds=2.4)) == (
        Reason.LATENCY,
        "took 2.4 s, expected at most 2 s",
    )


@pytest.mark.parametrize(
    ("expires_in", "message"),
    [
        (timedelta(days=7), None),
        (timedelta(days=6, hours=4),
         "certificate expires in 6 d 4 h, expected one valid for at least 7 d"),
        (timedelta(days=-3), "certificate expired 3 d ago, expected one valid for at least 7 d"),
        (None, "no certificate, expected one valid for at least 7 d"),
    ],
)  # fmt: skip
def test_a_certificate_must_last(expires_in: timedelta | None, message: str | None) -> None:
    found = wrong({"certificate": {"valid_for": "7d"}}, answer(expires_in=expires_in))

    assert found == (None if message is None else (Reason.CERTIFICATE, message))


EVERYTHING: dict[str, object] = {
    "status": 200,
    "body": {"contains": "y"},
    "headers": {"Server": "x"},
    "json": {"$.a": 1},
    "duration": "1s",
    "certificate": {"valid_for": "7d"},
}
ORDER = ["certificate", "status", "headers", "body", "json", "duration"]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_first_cause_in_the_order_of_reasons_decides(first: int) -> None:
    expect = {key: EVERYTHING[key] for key in reversed(ORDER[first:])}
    found = wrong({"status": "5xx" if first > 1 else 200} | expect, answer(503, seconds=9.0))

    assert found is not None
    reasons = [Reason.CERTIFICATE, Reason.STATUS, Reason.HEADER, Reason.BODY, Reason.JSON]
    assert found[0] is [*reasons, Reason.LATENCY][first]


def test_everything_is_looked_at_and_shown_also_what_holds() -> None:
    expect = Expect.model_validate(EVERYTHING | {"body": {"contains": "a", "not_contains": "z"}})
    judged = judge(expect, answer(503, body='{"a": 1}', expires_in=timedelta(days=9)))

    assert [(one.assertion.what, one.assertion.expected, one.assertion.actual, one.assertion.ok)
            for one in judged] == [
        ("certificate", "valid for at least 7 d", "expires in 9 d", True),
        ("status", "200", "503", False),
        ("header Server", 'is "x"', "missing", False),
        ("body", 'contains "a"', '"{"a": 1}"', True),
        ("body", 'does not contain "z"', '"{"a": 1}"', True),
        ("json $.a", "1", "1", True),
        ("duration", "at most 1 s", "100 ms", True),
    ]  # fmt: skip


def test_a_failed_regex_is_told_apart() -> None:
    def by_regex(expect: dict[str, object]) -> bool:
        failure = first_failure(judge(Expect.model_validate(expect), answer()))
        return failure is not None and failure.by_regex

    assert by_regex({"body": {"matches": "z"}})
    assert by_regex({"headers": {"Content-Type": {"not_matches": "text"}}})
    assert not by_regex({"body": {"contains": "z"}})
    assert not by_regex({"status": 404, "body": {"matches": "z"}})


TEXT = st.text(st.characters(), max_size=20)


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=40), st.lists(st.tuples(TEXT, TEXT), max_size=3), TEXT, st.integers(0, 999)
)
def test_judging_never_raises(
    body: bytes, headers: list[tuple[str, str]], text: str, status: int
) -> None:
    expect = Expect.model_validate(
        {
            "body": {"contains": "a", "not_matches": "z", "matches": r"^\w*$"},
            "headers": {"a": text, "b": {"matches": "."}, "Content-Type": {"exists": True}},
            "json": {"$..a": {"lt": 5, "matches": "x", "contains": text}, "$[0]": text},
            "duration": 1,
            "certificate": {"valid_for": 1},
        }
    )
    judged = judge(expect, answer(status, body, (*headers, ("Content-Type", text))))

    for one in judged:
        assert bool(one.message) is not one.assertion.ok
        assert len(one.assertion.actual) <= 200
        json.dumps(one.assertion.actual + one.message, ensure_ascii=False).encode()
