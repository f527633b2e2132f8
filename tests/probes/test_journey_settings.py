from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from prober.probes.journey_settings import (
    BrowserSettings,
    JourneyCheck,
    JourneySettings,
    Script,
)
from prober.secret import Secret


def journey(**settings: object) -> JourneySettings:
    return JourneySettings.model_validate({"script": "journeys/order.py"} | settings)


def refused(**settings: object) -> str:
    with pytest.raises(ValidationError) as caught:
        journey(**settings)
    return str(caught.value)


def test_the_short_form_is_a_script() -> None:
    check = JourneyCheck.model_validate({"name": "a", "journey": "journeys/shop.py::order"})

    assert check.journey == journey(script="journeys/shop.py::order")
    assert check.journey.path == Path("journeys/shop.py")
    assert check.journey.function == "order"
    assert (check.interval, check.timeout) == (300, 60)


@pytest.mark.parametrize(
    ("settings", "target"),
    [
        ({}, "order.py"),
        ({"script": "/etc/journeys/shop.py::buy"}, "shop.py::buy"),
        ({"base_url": " https://shop.example "}, "order.py at https://shop.example"),
    ],
)
def test_the_target_names_the_script_and_the_site(settings: dict[str, object], target: str) -> None:
    written = {"script": "journeys/order.py"} | settings
    check = JourneyCheck.model_validate({"name": "a", "journey": written})

    assert check.target == target


def test_settings_are_equal_by_value_and_can_be_pickled() -> None:
    settings = {"params": {"a": [1, None]}, "secrets": {"b": "hunter22"}}

    assert journey(**settings) == pickle.loads(pickle.dumps(journey(**settings)))  # noqa: S301 - our own
    assert journey(**settings) != journey(params={"a": [1, 2]}, secrets={"b": "hunter22"})


def test_secrets_show_nowhere_and_params_do() -> None:
    settings = journey(params={"user": "probe"}, secrets={"password": "hunter22", "pin": 471147})

    shown = repr(settings) + settings.model_dump_json()
    assert "hunter22" not in shown
    assert "471147" not in shown
    assert "probe" in shown
    assert settings.secrets["pin"] == Secret("471147")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"script": "journeys/order"}, "'journeys/order' is no script; write journeys/order.py"),
        ({"script": "order.py::"}, "'order.py::' is no script"),
        ({"script": "order.py::1st"}, "is no script"),
        ({"script": "order.py::a::b"}, "is no script"),
        ({"script": "order::order.py"}, "is no script"),
        ({"script": ""}, "'' is no script"),
        ({"base_url": "/shop"}, "'/shop' is not an http or https URL"),
        ({"base_url": "ftp://shop.example"}, "is not an http or https URL"),
        ({"base_url": "https://"}, "has no host"),
        ({"base_url": "https://a:x"}, "has no valid port"),
        ({"params": ["a"]}, "valid dictionary"),
        ({"params": {"a": float("nan")}}, "a number that JSON does not have; write a finite one"),
        ({"params": {"a": ["\ud800"]}}, "'\\ud800' is half of a character"),
        ({"params": {"\udc00": 1}}, "'\\udc00' is half of a character"),
        ({"secrets": {"a": "\ud800"}}, "a secret has half of a character"),
        ({"secrets": {"a": None}}, "secrets.a"),
        ({"trace": True}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, object], message: str) -> None:
    assert message in refused(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "https://u:hunter22@shop example/"},
        {"secrets": {"a": "hunter22\ud800"}},
        {"secrets": {"a": ["hunter22"]}},
    ],
)
def test_no_message_shows_a_secret(settings: dict[str, object]) -> None:
    assert "hunter22" not in refused(**settings)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a.py", Script("a.py")),
        ("/x y/a.py::_f1", Script("/x y/a.py", "_f1")),
        ("a.py::größe", Script("a.py", "größe")),
    ],
)
def test_a_script_reads_as_it_is_written(text: str, script: Script) -> None:
    assert Script.of(text) == script
    assert str(script) == text


@pytest.mark.parametrize("workers", [0, -1, True, "two", 1.5])
def test_there_is_at_least_one_worker(workers: object) -> None:
    with pytest.raises(ValidationError):
        BrowserSettings.model_validate({"workers": workers})
