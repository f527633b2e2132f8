from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from prober.probes.tcp import TcpCheck, TcpSettings

MAIL = [
    {"expect": "^220 (?P<host>\\S+)"}, {"send": "EHLO {{host}}"}, {"expect": "250 STARTTLS"},
    {"send": "STARTTLS"}, {"expect": "^220 "}, {"starttls": True}, {"send": "EHLO x"},
]  # fmt: skip


def settings(**written: object) -> TcpSettings:
    return TcpSettings.model_validate({"address": "mail.example:25"} | written)


def test_tls_is_from_the_start_but_where_the_dialogue_begins_it() -> None:
    named = {"server_name": "x.example"}

    assert settings().endpoint.tls is None
    assert settings(tls=False).endpoint.tls is None
    assert settings(tls=True).endpoint.tls == settings(tls={}).endpoint.tls is not None
    policy = settings(tls=named).endpoint.tls
    assert policy is not None
    assert policy.server_name == "x.example"
    assert settings(tls=named, dialogue=MAIL).endpoint.tls is None
    assert settings(tls=named, dialogue=MAIL).policy == policy


@pytest.mark.parametrize("ip", ["prefer4", "prefer6", "4", "6", 4, 6])
def test_a_family_can_be_chosen(ip: object) -> None:
    assert settings(ip=ip).endpoint.ip == str(ip)


def test_only_an_address_is_only_connected_to() -> None:
    assert settings().connects_only
    assert settings(tls=True).connects_only
    assert not settings(dialogue=MAIL).connects_only
    assert not settings(expect={"duration": "2s"}).connects_only
    assert not settings(tls=True, expect={"certificate": {"valid_for": "7d"}}).connects_only


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({}, "write exactly one of expect, send and starttls: true"),
        ({"expect": "a", "send": "b"}, "write exactly one of expect, send and starttls: true"),
        ({"send": "a", "labels": {"a": "b"}}, "labels stand without expect"),
        ({"starttls": False}, "write true, or leave the item out"),
        ({"expect": "("}, "is not a regular expression"),
        ({"send": "\ud800"}, "half of a character"),
        ({"send": "{{1}}"}, "{{1}} has no expect before it; write one with a group for it"),
    ],
)
def test_an_item_is_one_thing_that_can_be_done(item: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings(dialogue=[item])

    assert said in str(error.value)


def test_a_group_is_one_of_the_last_expect_before_it() -> None:
    heard = [{"expect": "(a)"}, {"expect": "b"}]

    with pytest.raises(ValidationError) as error:
        settings(
            dialogue=[*heard, {"send": "{{1}} {{0}}"}, {"expect": "c", "labels": {"x": "{{y}}"}}]
        )

    first, second = error.value.errors()
    assert first["loc"] == ("dialogue", 2, "send")
    assert first["msg"] == "{{1}} is no group of the expect before it, which has {{0}}"
    assert second["loc"] == ("dialogue", 3, "labels", "x")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"dialogue": [{"starttls": True}, {"starttls": True}]}, "twice; TLS begins once"),
        ({"expect": {"certificate": {"valid_for": "7d"}}}, "but nothing speaks TLS"),
        ({"ip": "ipv4"}, "Input should be"),
        ({"dialogue": [{"send": "a"}] * 101}, "at most 100"),
    ],
)
def test_what_cannot_be_is_refused(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**written)


def test_checks_are_compared_by_value_and_survive_a_pickle() -> None:
    check = TcpCheck.model_validate(
        {"name": "a", "tcp": {"address": "a:1", "dialogue": MAIL, "tls": {"min_version": 1.2}}}
    )

    assert pickle.loads(pickle.dumps(check)) == check  # noqa: S301 - made a line above
    assert "EHLO" not in repr(check)
