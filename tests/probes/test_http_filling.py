"""What steps hand on to later ones, where it may stand, and where it must not show."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from prober.result import Outcome, Reason
from tests.probes.running import run
from tests.probes.walking import Raw, check_of, look, order, sign_in, sign_out, told
from tests.servers.http import redirect, reply, site
from tests.servers.shop import TOKEN, Shop, shop


@pytest.fixture
async def it() -> AsyncIterator[Shop]:
    async with shop() as made:
        yield made


async def test_of_two_extractions_of_a_name_the_later_wins(it: Shop) -> None:
    again = order(it, extract={"csrf": "$.id", "user": "$.ref"})

    result = await run(check_of(sign_in(it), again, order(it, name="again")))

    assert result.outcome is Outcome.UP
    assert it.orders[1] == {"for": "a b/c?d&e=ü", "note": "of a b/c?d&e=ü with 1", "sku": 1}


async def test_expectations_may_be_about_what_was_extracted(it: Shop) -> None:
    wants: Raw = {
        "json": {
            "$.orders[0].for": "{{user}}",
            "$.orders[0].note": {"matches": "^of {{user}} with {{csrf}}$"},
        },
        "body": {"contains": "with {{csrf}}"},
        "headers": {"Content-Type": {"not_contains": "{{csrf}}"}},
    }

    fine = await run(check_of(sign_in(it), order(it), look(it, expect=wants)))
    wrong = await run(
        check_of(sign_in(it), look(it, expect={"json": {"$.count": "{{user}}"}}))
    )  # fmt: skip

    assert (fine.outcome, fine.message) == (Outcome.UP, "")
    assert wrong.message == "step 'list orders': $.count is 1, expected 7"


async def test_what_is_used_as_a_credential_shows_nowhere(it: Shop) -> None:
    echo = reply(418, f"your token is {TOKEN}".encode(), {"X-Echo": TOKEN})
    it.broken["/echo"] = echo
    quoting = look(it, url=it.url("/echo?t={{token}}"), expect={"status": 418, "body": "…"})
    quoting["expect"] = {
        "status": 418,
        "body": {"contains": "hello {{token}}"},
        "headers": {"X-Echo": "x"},
    }

    result = await run(check_of(sign_in(it), quoting, sign_out(it)))
    shown = json.dumps(result.to_json())

    assert result.outcome is Outcome.DOWN
    assert TOKEN not in shown
    assert it.asked[1] == f"GET /echo?t={TOKEN}"
    assert result.steps[1].url == it.url("/echo?t=***")
    assert result.message == 'step \'list orders\': header X-Echo is "***", which is not "x"'


async def test_a_name_alone_can_make_a_secret_and_all_else_is_shown(it: Shop) -> None:
    extract = {"access_token": {"regex": 'token": "([^"]+)'}, "user": "$.user.id"}

    result = await run(check_of(sign_in(it, extract=extract)))

    assert [(a.what, a.actual) for a in result.finding.assertions][1:] == [
        ("sign in: extract access_token", "***"),
        ("sign in: extract user", "7"),
    ]


async def test_a_credential_never_follows_a_redirect_to_another_host(it: Shop) -> None:
    async with site({"/": reply()}) as other:
        it.broken["/orders"] = redirect(other.url("/"))

        result = await run(
            check_of(
                sign_in(it), look(it, headers={"X-Session": "{{token}}", "X-User": "{{user}}"})
            )
        )

    assert result.outcome is Outcome.UP
    assert other.asked[0].header("X-Session") is None
    assert other.asked[0].header("X-User") == "7"
    assert it.site.asked[1].header("X-Session") == TOKEN


async def test_what_cannot_stand_in_a_url_is_escaped_and_the_place_stays_the_same(it: Shop) -> None:
    it.broken["/login"] = reply(
        200, b'{"a": "x/../?y&z=#@evil.example \\u00fc", "b": true, "c": [1, {"d": "e"}]}'
    )
    first: Raw = {
        "name": "first",
        "url": it.url("/login"),
        "extract": {"a": "$.a", "b": "$.b", "c": "$.c"},
    }
    second: Raw = {
        "name": "second",
        "url": it.url("/p/{{a}}?q={{a}}&b={{ b }}&c={{c}}"),
        "expect": {"status": 401},
    }

    result = await run(check_of(first, second))

    coded = "x%2F..%2F%3Fy%26z%3D%23%40evil.example%20%C3%BC"
    assert result.message == ""
    assert it.asked[1] == f"GET /p/{coded}?q={coded}&b=true&c=%5B1%2C%7B%22d%22%3A%22e%22%7D%5D"


@pytest.mark.parametrize("location", ["/orders?page=2", "{origin}/orders?page=2"])
async def test_a_whole_url_may_be_what_a_server_said(it: Shop, location: str) -> None:
    said = location.format(origin=it.site.origin)
    it.broken["/login"] = reply(200, json.dumps({"next": said}).encode())
    first: Raw = {"name": "first", "url": it.url("/login"), "extract": {"next": "$.next"}}

    result = await run(
        check_of(first, {"name": "next", "url": "{{ next }}", "expect": {"status": 401}})
    )

    assert result.outcome is Outcome.UP
    assert it.asked[1] == "GET /orders?page=2"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            '"javascript:alert(1)"',
            "'a' is no URL: 'javascript:alert(1)' is not an http or https URL",
        ),
        ("null", "'a' is null, which no text can hold"),
        ('"http://x\\r\\nHost: evil/"', "'a' is no URL: 'http://xHost: evil/' has no valid port"),
    ],
)
async def test_what_is_no_url_is_never_asked(it: Shop, said: str, message: str) -> None:
    it.broken["/login"] = reply(200, b'{"a": %s}' % said.encode())
    first: Raw = {"name": "first", "url": it.url("/login"), "extract": {"a": "$.a"}}

    result = await run(check_of(first, {"name": "next", "url": "{{a}}"}))

    assert result.reason is Reason.STEP
    assert result.message.startswith(f"step 'next': {message}")


async def test_no_header_line_can_be_added(it: Shop) -> None:
    it.broken["/login"] = reply(200, json.dumps({"a": "x\r\nX-Evil: 1"}).encode())
    first: Raw = {"name": "first", "url": it.url("/login"), "extract": {"a": "$.a"}}
    uses: list[Raw] = [{"headers": {"X-A": "{{a}}"}}, {"auth": {"bearer": "{{a}}"}}]

    results = [
        await run(check_of(first, {"name": "next", "url": it.url("/"), **use})) for use in uses
    ]

    assert {result.reason for result in results} == {Reason.STEP}
    assert all("line break" in result.message for result in results)
    assert it.asked == ["GET /login"] * 2


async def test_json_and_forms_keep_their_structure(it: Shop) -> None:
    it.broken["/login"] = reply(
        200, json.dumps({"a": '"}, "x": {"lt": 1', "b": {"lt": 3}}).encode()
    )
    extract = {"a": "$.a", "b": "$.b"}
    first: Raw = {"name": "first", "url": it.url("/login"), "extract": extract}
    as_json: Raw = {
        "name": "json",
        "url": it.url("/x"),
        "method": "POST",
        "expect": {"status": 401},
    }
    as_form = as_json | {"name": "form", "form": {"a": "{{a}}&b=1"}}
    as_json |= {"json": {"a": "{{a}}", "b": ["{{b}}", "b: {{b}}"]}}

    result = await run(check_of(first, as_json, as_form))

    assert result.outcome is Outcome.UP
    assert json.loads(it.site.asked[1].body) == {
        "a": '"}, "x": {"lt": 1',
        "b": [{"lt": 3}, 'b: {"lt":3}'],
    }
    assert it.site.asked[2].body == b"a=%22%7D%2C+%22x%22%3A+%7B%22lt%22%3A+1%26b%3D1"


async def test_an_object_is_compared_with_not_taken_for_operators(it: Shop) -> None:
    it.broken["/login"] = reply(200, b'{"b": {"lt": 3}, "n": 2}')
    first: Raw = {"name": "first", "url": it.url("/login"), "extract": {"b": "$.b"}}
    same = first | {"name": "same", "expect": {"json": {"$.b": "{{b}}"}}}
    other = first | {"name": "other", "expect": {"json": {"$.n": "{{b}}"}}}

    result = await run(check_of(first, same, other))

    assert result.message == "step 'other': $.n is 2, expected {\"lt\": 3}"


async def test_something_is_extracted_from_a_body_of_5_mb(it: Shop) -> None:
    rows = ",".join(f'{{"id": {n}, "name": "row {n}"}}' for n in range(170_000))
    it.broken["/login"] = reply(200, f'{{"rows": [{rows}], "last": "here"}}'.encode())
    first: Raw = {
        "name": "first",
        "url": it.url("/login"),
        "extract": {"last": "$.last", "row": "$.rows[-1].id"},
        "values": {"rows": "$.rows[-1].id"},
    }
    second: Raw = {"name": "second", "url": it.url("/{{last}}/{{row}}"), "expect": {"status": 401}}

    result = await run(check_of(first, second, timeout=9))

    assert len(it.broken["/login"]) > 5 * 10**6
    assert result.message == ""
    assert it.asked[1] == "GET /here/169999"
    assert result.values == {"rows": 169_999.0}


async def test_what_is_filled_into_a_regex_is_meant_literally(it: Shop) -> None:
    it.broken["/login"] = reply(200, b'{"a": "a.b(", "b": "axb("}')
    first: Raw = {"name": "first", "url": it.url("/login"), "extract": {"a": "$.a"}}
    body = first | {"name": "body", "expect": {"body": {"matches": "^.*{{a}}.*$"}}}
    other = first | {"name": "json", "expect": {"json": {"$.b": {"matches": "{{a}}"}}}}

    result = await run(check_of(first, body, other))

    assert told(result) == [("first", True), ("body", True), ("json", False)]
    assert result.facts["regex_failed"] is False
    assert result.message == 'step \'json\': $.b is "axb(", expected a text matching "a\\.b\\("'
