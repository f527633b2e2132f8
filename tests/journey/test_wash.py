"""What is taken out of texts, by its value and by its name."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from prober.journey.wash import SHORTEST, Washer, in_body, in_json

HEADERS: dict[str, JsonValue] = {
    "headers": [
        {"name": "Cookie", "value": "a=first-cookie; b=second-cookie; c=abc"},
        {"name": "set-cookie", "value": "s=third-cookie; Path=/long-path\nt=fourth-cookie"},
        {"name": "Authorization", "value": "Bearer of-the-header"},
        {"name": "X-Shop-Token", "value": "shop-token-1"},
        {"name": "Accept", "value": "text/html-and-more"},
    ],
    "cookies": [{"name": "a", "value": "first-cookie", "path": "/"}],
    "postData": {"mimeType": "x", "text": "user=me-myself&password=in-a-form%21", "params": []},
    "url": "http://shop/?access_token=in-an-address&page=seventeen",
}


def test_what_is_secret_by_its_name_is_learned() -> None:
    assert sorted(set(in_json(HEADERS))) == [
        "Bearer of-the-header",
        "first-cookie",
        "fourth-cookie",
        "in-a-form!",
        "in-an-address",
        "of-the-header",
        "second-cookie",
        "shop-token-1",
        "third-cookie",
    ]


@pytest.mark.parametrize(
    ("body", "learned"),
    [
        ("password=hunter22&name=frederick", ["hunter22"]),
        ('{"a": [{"access_token": "hunter22"}], "name": "frederick"}', ["hunter22"]),
        ('{"pin_secret": 12345678}', ["12345678"]),
        ("password=short", []),
        ("password = a sentence of a page", []),
        ("no fields at all", []),
        ("", []),
    ],
)
def test_a_body_is_looked_into(body: str, learned: list[str]) -> None:
    assert list(in_body(body)) == learned


def test_what_is_secret_by_its_name_is_gone_whatever_it_is() -> None:
    washed = Washer([]).json(HEADERS)

    assert isinstance(washed, dict)
    headers = washed["headers"]
    assert isinstance(headers, list)
    shown = {str(one["name"]): one["value"] for one in headers if isinstance(one, dict)}
    assert shown.pop("Accept") == "text/html-and-more"
    assert set(shown.values()) == {"***"}
    assert washed["cookies"] == [{"name": "a", "value": "***", "path": "/"}]


def test_json_stays_json() -> None:
    washer = Washer(["hunter22", "123456"])
    value: JsonValue = ["is hunter22", {"hunter22": 1}, 123456, 1234567.5, True, None, "123456.7"]

    washed = washer.json(value)

    assert washed == ["is ***", {"***": 1}, 0, 1234567.5, True, None, "123456.7"]


def test_a_password_field_of_a_recorded_page_is_emptied() -> None:
    page: list[JsonValue] = [
        ["INPUT", {"type": "password", "__playwright_value_": "abc", "value": "abcd", "id": "x"}],
        ["INPUT", {"type": "text", "__playwright_value_": "abc"}],
    ]

    assert list(in_json([*page, ["INPUT", {"type": "PASSWORD", "value": "in-a-field"}]])) == [
        "in-a-field"
    ]
    assert Washer([]).json(page) == [
        ["INPUT", {"type": "password", "__playwright_value_": "***", "value": "***", "id": "x"}],
        ["INPUT", {"type": "text", "__playwright_value_": "abc"}],
    ]


@pytest.mark.parametrize(
    ("page", "washed"),
    [
        ('<input type="password" value="abc">', '<input type="password" value="***">'),
        ('<input value="a>b" type="password">', '<input value="***" type="password">'),
        ("<INPUT TYPE=password VALUE=abc>", '<INPUT TYPE=password VALUE="***">'),
        ('<input type="text" value="abc">', '<input type="text" value="abc">'),
        ('<p title="hunter22">hunter22</p>', '<p title="***">***</p>'),
    ],
)
def test_a_password_field_of_a_page_is_emptied(page: str, washed: str) -> None:
    assert Washer(["hunter22"]).text(page) == washed


def test_a_form_loses_its_fields_in_a_har_even_if_they_are_too_short_to_be_looked_for() -> None:
    short = "x" * (SHORTEST - 1)
    body: JsonValue = {"mimeType": "application/json", "text": f'{{"password": "{short}"}}'}

    assert Washer([]).json(body) == {"mimeType": "application/json", "text": '{"password": "***"}'}
