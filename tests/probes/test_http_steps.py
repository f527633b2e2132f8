"""What can be written as steps, and what each of them is then."""

from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from prober.probes import reasons
from prober.probes.http import HttpCheck
from prober.probes.http_settings import HttpSettings
from prober.probes.http_steps import HttpSteps
from prober.result import Reason
from prober.secret import Secret

Raw = dict[str, object]
LOGIN: Raw = {"name": "sign in", "url": "https://x.example/login", "extract": {"t": "$.a"}}
CONTRACT: Raw = {
    "steps": [
        {
            "name": "sign in", "url": "https://x.example/login", "method": "POST",
            "json": {"user": "u", "password": "pw-12345"}, "extract": {"token": "$.access_token"},
        },
        {
            "name": "list orders", "url": "https://x.example/orders",
            "headers": {"Authorization": "Bearer {{token}}"}, "expect": {"status": 200},
        },
        {"name": "sign out", "url": "https://x.example/logout", "always": True},
    ]
}  # fmt: skip


def check(http: object) -> HttpCheck:
    return HttpCheck.model_validate({"name": "shop", "http": http})


def steps(*more: Raw, **beside: object) -> HttpSteps:
    http = check({"steps": [LOGIN, *more]} | beside).http
    assert isinstance(http, HttpSteps)
    return http


def mistakes(*more: Raw, **beside: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as error:
        steps(*more, **beside)
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in error.value.errors()]


def step(**more: object) -> Raw:
    return {"name": "next", "url": "https://x.example/"} | more


def test_a_check_is_one_request_or_steps() -> None:
    assert isinstance(check("https://x.example/").http, HttpSettings)
    assert isinstance(check({"url": "https://x.example/"}).http, HttpSettings)
    assert isinstance(check(CONTRACT).http, HttpSteps)
    assert check(CONTRACT).target == "https://x.example/login"


def test_steps_travel_between_processes_and_are_compared_by_value() -> None:
    one = check(CONTRACT | {"headers": {"A": "1"}})

    assert pickle.loads(pickle.dumps(one)) == one == check(CONTRACT | {"headers": {"A": "1"}})  # noqa: S301 - our own
    assert one != check(CONTRACT | {"headers": {"A": "2"}})


def test_what_stands_beside_the_steps_is_merged_key_by_key() -> None:
    beside: Raw = {
        "headers": {"accept": "a", "X-All": "1"},
        "tls": {"min_version": "1.2", "server_name": "all"},
        "resolve": {"a.example": "10.0.0.1"},
        "redirects": 0,
        "auth": {"bearer": "hunter22"},
        "values": {"a": "$.a"},
        "expect": {"status": 201, "headers": {"X": "1"}, "json": {"$.a": 1}, "duration": 2},
    }
    http = steps(
        step(
            headers={"Accept": "b"},
            tls={"server_name": "own"},
            resolve={"b.example": "10.0.0.2"},
            auth={"basic": {"username": "u"}},
            values={"a": {"header": "X"}, "b": "$.b"},
            expect={"headers": {"Y": "2"}, "duration": None},
        ),
        **beside,
    )
    first, second = http.steps

    assert (first.headers["accept"], second.headers) == (
        ("a",),
        {"X-All": ("1",), "Accept": ("b",)},
    )
    assert (second.tls.min_version, second.tls.server_name) == ("1.2", "own")
    assert second.resolve == {"a.example": "10.0.0.1", "b.example": "10.0.0.2"}
    assert (first.redirects, second.redirects) == (0, 0)
    assert first.auth is not None
    assert second.auth is not None
    assert (first.auth.bearer, second.auth.bearer) == (Secret("hunter22"), None)
    assert (second.values["a"].header, second.values["a"].json_, len(second.values)) == (
        "X",
        None,
        2,
    )
    assert [str(one) for one in second.expect.status] == ["201"]
    assert (set(second.expect.headers), second.expect.duration) == ({"X", "Y"}, None)
    assert first.extract.keys() == {"t"}


def test_what_one_request_alone_has_is_no_default() -> None:
    for key, value in {"url": "https://x.example/", "method": "GET", "json": 1}.items():
        assert mistakes(**{key: value}) == [
            (f"http.{key}", f"{key} stands beside steps; write it in the step that is to have it")
        ]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"url": "https://x.example/{{no}}"}, "url"),
        ({"url": "https://x.example/?q={{ no }}"}, "url"),
        ({"url": "https://{{no}}:p@x.example/"}, "url"),
        ({"url": "{{no}}"}, "url"),
        ({"headers": {"X-A": ["a", "b{{no}}"]}}, "headers.X-A.1"),
        ({"body": "a {{no}}"}, "body"),
        ({"json": {"a": [{"b": "{{no}}"}]}}, "json.a.0.b"),
        ({"form": {"a": "{{no}}"}}, "form.a.0"),
        ({"auth": {"basic": {"username": "u", "password": "{{no}}"}}}, "auth.basic.password"),
        ({"auth": {"bearer": "{{no}}"}}, "auth.bearer"),
        ({"expect": {"body": {"contains": "{{no}}"}}}, "expect.body.contains.0"),
        ({"expect": {"body": {"not_matches": "{{no}}"}}}, "expect.body.not_matches.0"),
        ({"expect": {"headers": {"X": "{{no}}"}}}, "expect.headers.X.eq"),
        ({"expect": {"json": {"$.a": {"contains": "{{no}}"}}}}, "expect.json.$.a.contains"),
    ],
)
def test_a_name_that_nobody_extracts_is_found_wherever_it_stands(more: Raw, place: str) -> None:
    said = "'no' is filled in by step 'next', but no step before it extracts that; write it under"

    assert mistakes(step(**more)) == [
        (f"http.steps.1.{place}", f"{said} extract: of an earlier step")
    ]


def test_a_name_may_be_used_by_every_step_after_the_one_that_extracts_it() -> None:
    more = step(url="https://x.example/{{t}}"), step(name="last", body="{{t}} {{ t }} {{}} {{a b}}")

    assert [use.name for one in steps(*more).steps for use in one.uses] == ["t", "t", "t"]


def test_a_default_may_not_be_filled_in_before_its_time() -> None:
    found = mistakes(step(), headers={"X-A": "{{t}}"})

    assert found == [
        (
            "http.steps.0.headers.X-A.0",
            "'t' is filled in by step 'sign in', but no step before it extracts that",
        )
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"Authorization": "Bearer {{t}}"}},
        {"headers": {"Cookie": "sid={{t}}"}},
        {"headers": {"X-Api-Key": "{{t}}"}},
        {"headers": {"session_token": "{{t}}"}},
        {"auth": {"bearer": "{{t}}"}},
        {"auth": {"basic": {"username": "{{t}}"}}},
        {"json": {"user": {"password": "{{t}}"}}},
        {"form": {"client_secret": "{{t}}"}},
        {"url": "https://x.example/?a=1&access_token={{t}}"},
        {"url": "https://u:{{t}}@x.example/"},
    ],
)
def test_what_stands_where_credentials_do_is_secret(more: Raw) -> None:
    assert steps(step(**more)).secrets == {"t"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("api_key", "$.x"),
        ("x", "$.data['access_token']"),
        ("x", "$.access_token"),
        ("x", {"header": "Set-Cookie"}),
    ],
)
def test_what_is_called_as_credentials_are_is_secret(name: str, source: object) -> None:
    assert steps(step(extract={name: source})).secrets == {name}


@pytest.mark.parametrize(
    "more", [{"headers": {"X-A": "{{t}}"}}, {"json": {"a": "{{t}}"}}, {"url": "https://x.example/{{t}}?a={{t}}"}]
)  # fmt: skip
def test_all_else_is_not(more: Raw) -> None:
    assert steps(step(**more)).secrets == set()


def test_a_step_can_be_down_for_what_any_of_them_expects_and_for_itself() -> None:
    plain = reasons(check({"steps": [LOGIN | {"redirects": 0, "url": "http://10.0.0.1/"}]}))
    whole = reasons(check(CONTRACT))

    assert Reason.STEP in plain
    assert not {Reason.DNS, Reason.TLS, Reason.REDIRECT} & set(plain)
    assert {Reason.DNS, Reason.TLS, Reason.REDIRECT, Reason.STEP} <= set(whole)
    assert list(whole) == [reason for reason in Reason if reason in whole]
