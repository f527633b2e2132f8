from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from prober.probes.http import HttpCheck
from prober.probes.http_settings import HttpSettings, TlsSettings
from prober.secret import Secret

# The contract's own example, as far as HTTP checks go today.
CONTRACT = r"""
url: https://api.example.com/health/
method: POST
headers: {Accept: application/json}
json: {ping: 1}
auth: {basic: {username: u, password: "${PW}"}}
redirects: 10
ip: prefer6
resolve: {api.example.com: 10.0.0.7}
http2: true
proxy: http://proxy:3128
tls: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: x, insecure_skip_verify: false, min_version: "1.2", max_version: "1.3"}
max_body: 10MiB
expect:
  status: 200
  body: {contains: ok, not_contains: [], matches: "v\\d+", not_matches: []}
  headers: {Content-Type: {matches: json}}
  json: {"$.status": healthy, "$.queue": {lt: 100}, "$.errors": {exists: false}}
  duration: 2s
  certificate: {valid_for: 7d}
"""


def http(**settings: object) -> HttpSettings:
    return HttpSettings.model_validate({"url": "https://shop.example/"} | settings)


def refused(**settings: object) -> str:
    with pytest.raises(ValidationError) as caught:
        http(**settings)
    return str(caught.value)


def test_the_contracts_example_loads() -> None:
    settings = HttpSettings.model_validate(yaml.safe_load(CONTRACT))

    assert settings.method == "POST"
    assert settings.json_ == {"ping": 1}
    assert settings.auth is not None
    assert settings.auth.header == Secret("Basic dToke1BXfQ==")
    assert (settings.ip, settings.http2) == ("prefer6", True)
    assert settings.resolve == {"api.example.com": "10.0.0.7"}
    assert str(settings.proxy) == "http://proxy:3128"
    assert settings.max_body == 10 * 2**20
    assert settings.tls.policy.max_version == "1.3"
    assert settings.tls.policy.ca_file == Path("ca.pem")
    assert settings.expect.body.matches == (r"v\d+",)
    assert settings.expect.duration == 2
    assert settings.expect.certificate is not None
    assert settings.expect.certificate.valid_for == 7 * 86400


def test_the_short_form_is_a_url() -> None:
    check = HttpCheck.model_validate({"name": "a", "http": "https://shop.example/x#top"})

    assert check == HttpCheck.model_validate(
        {"name": "a", "http": {"url": "https://shop.example/x"}}
    )
    assert check.target == "https://shop.example/x"
    assert isinstance(check.http, HttpSettings)
    assert (check.http.method, check.http.redirects, check.http.max_body) == ("GET", 10, 10 * 2**20)


def test_settings_are_equal_by_value_and_can_be_pickled() -> None:
    example = yaml.safe_load(CONTRACT)
    one, other = HttpSettings.model_validate(example), HttpSettings.model_validate(example)

    assert one == other == pickle.loads(pickle.dumps(one))  # noqa: S301 - our own
    assert one != HttpSettings.model_validate(example | {"json": {"ping": 2}})


def test_thousands_of_checks_share_what_none_of_them_writes_and_what_they_all_expect() -> None:
    one, other = http(), http(expect={"status": 404})

    assert one.expect is http(method="PUT").expect
    assert one.expect.body is other.expect.body
    assert one.tls is other.tls
    assert one.headers is other.headers
    assert other.expect is http(expect={"status": "404"}).expect
    assert other.expect != http(expect={"status": 404, "duration": "1s"}).expect


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "proxy-authorization",
        "COOKIE",
        "X-Api-Key",
        "token",
        "api_key",
        "my_secret",
    ],
)
def test_the_secret_headers_are_secret(name: str) -> None:
    settings = http(headers={name: "hunter2", "X-Other": "shown"})

    assert settings.headers[name] == (Secret("hunter2"),)
    assert settings.headers["X-Other"] == ("shown",)
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


def test_a_secret_stays_secret_under_any_name() -> None:
    assert http(headers={"X-A": Secret("hunter2")}).headers == {"X-A": (Secret("hunter2"),)}


def test_userinfo_is_kept_and_never_shown() -> None:
    check = HttpCheck.model_validate({"name": "a", "http": "https://u:hunter2@shop.example/"})

    assert isinstance(check.http, HttpSettings)
    assert check.http.url.userinfo == Secret("u:hunter2")
    assert "hunter2" not in repr(check) + check.model_dump_json() + check.target


def test_a_header_may_have_several_values_and_numbers_for_texts() -> None:
    settings = http(headers={"X-A": ["b", 2, " c "], "X-N": 1.5, "Accept": []})

    assert settings.headers == {"X-A": ("b", "2", "c"), "X-N": ("1.5",), "Accept": ()}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "shop.example"}, "'shop.example' is not an http or https URL"),
        ({"method": "GET /"}, "'GET /' is not an HTTP method; write one word, like GET or POST"),
        ({"method": ""}, "'' is not an HTTP method"),
        ({"method": "connect"}, "CONNECT asks a proxy for a tunnel"),
        ({"headers": {"X Y": "a"}}, "'X Y' is not the name of a header; write one word"),
        ({"headers": {"X": "a", "x": "b"}}, "'x' is there twice; write one list of values"),
        ({"headers": {"Content-Length": 1}}, "'Content-Length' follows from the body; leave it out"),
        ({"headers": {"X": True}}, "header 'X' has a value that is no text"),
        ({"headers": {"X": {"a": 1}}}, "header 'X' has a value that is no text"),
        ({"headers": {"X": "a\nb"}}, "header 'X' has a line break or control character"),
        ({"headers": {"X": "a\ud800"}}, "header 'X' has '\\ud800', half of a character"),
        ({"headers": {"Cookie": "\udfff"}}, "header 'Cookie' has '\\udfff', half of a character"),
        ({"headers": ["X"]}, "valid dictionary"),
        ({"body": "a\ud800"}, "body has '\\ud800', half of a character; write the whole of it"),
        ({"json": {"a": ["\ud800"]}}, "json has '\\ud800', half of a character"),
        ({"json": {"\udc00": 1}}, "json has '\\udc00', half of a character"),
        ({"url": "http://u:\ud800@a/"}, "'\\ud800' stands in an address"),
        ({"tls": {"server_name": "a b"}}, "'a b' is not the name of a host; write a domain name"),
        ({"tls": {"server_name": ""}}, "'' is not the name of a host"),
        ({"tls": {"server_name": "a:1"}}, "'a:1' is not the name of a host"),
        ({"tls": {"server_name": "\ud800"}}, "'\\ud800' is not the name of a host"),
        ({"body": "a", "json": None}, "body and json are both there; write one of them"),
        ({"body": "a", "form": {}, "body_file": "b"},
         "body, form and body_file are all there; write one of them"),
        ({"form": {"a": "\ud800"}}, "form field 'a' has '\\ud800', half of a character"),
        ({"form": {"a": {}}}, "form has 'a' with a value that is no text; write a text or a list"),
        ({"form": ["a"]}, "valid dictionary"),
        ({"body_file": ""}, "at least 1 character"),
        ({"auth": {}}, "auth is empty; write one of basic, bearer and oauth2"),
        ({"auth": {"bearer": "a", "basic": {"username": "b"}}}, "basic and bearer are both there"),
        ({"auth": {"bearer": " "}}, "bearer is empty; write the token"),
        ({"auth": {"basic": {"username": "a:b"}}}, "a username cannot have a colon"),
        ({"auth": {"basic": {"username": "a\rb"}}}, "username has a line break"),
        ({"auth": {"basic": {"username": "a", "password": "b\0"}}}, "password has a line break"),
        ({"auth": {"bearer": "a"}, "headers": {"AUTHORIZATION": "b"}}, "headers has Authorization"),
        ({"auth": {"bearer": "a"}, "url": "http://b@c/"}, "url has a user in it, and auth is there"),
        ({"proxy": "http://p:1", "headers": {"proxy-authorization": "b"}}, "would reach the target"),
        ({"ip": "5"}, "'prefer6', 'prefer4', '6' or '4'"),
        ({"ip": True}, "'prefer6', 'prefer4', '6' or '4'"),
        ({"resolve": {"a": "10.0.0"}}, "a has '10.0.0', which is no IP address"),
        ({"resolve": {"a": None}}, "a has None, which is no IP address"),
        ({"resolve": {"a:0": "::1"}}, "'a:0' is not a host; write it as in the URL, or as host:port"),
        ({"resolve": {"": "::1"}}, "'' is not a host"),
        ({"resolve": {"ä.example": "::1", "xn--4ca.example": "::2"}}, "is there twice"),
        ({"resolve": ["a"]}, "valid dictionary"),
        ({"resolve": {"a": "::1"}, "ip": 4}, "resolve has ::1 for a, which is no IPv4, but ip is 4"),
        ({"tls": {"min_version": "1.3", "max_version": 1.2}}, "min_version 1.3 is above max_version"),
        ({"redirects": -1}, "greater than or equal to 0"),
        ({"max_body": "much"}, "'much' is not a size"),
        ({"tls": {"min_version": "1.4"}}, "min_version"),
        ({"tls": {"key_file": "k.pem"}}, "key_file stands without cert_file"),
        ({"url": "http://a/", "redirects": 0, "expect": {"certificate": {"valid_for": "7d"}}},
         "expect.certificate is there, but no answer can come over https"),
        ({"http3": True}, "Extra inputs are not permitted"),
        ({"expect": {"stauts": 200}}, "Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(settings: dict[str, object], message: str) -> None:
    assert message in refused(**settings)


def test_every_header_that_is_wrong_is_named() -> None:
    said = refused(headers={"X Y": "a", "Good": "b", "Host": {}, "good": "c"})

    assert all(f"headers.{name}\n" in said for name in ("X Y", "Host", "good"))
    assert "headers.Good" not in said


@pytest.mark.parametrize(
    "settings",
    [
        {"headers": {"Authorization": "hunter2\r\nX: y"}},
        {"headers": {"Cookie": {"hunter2": 1}}},
        {"url": "http://u:hunter2@a:x/"},
        {"url": "http://u:hunter2@"},
        {"auth": {"bearer": "hunter2\n1"}},
        {"auth": {"basic": {"username": "hunter2:"}}},
        {"auth": {"basic": {"username": "u", "password": "hunter2\0"}}},
        {"auth": {"oauth2": {"token_url": "http://a:hunter2@b/", "client_id": "c"}}},
        {"proxy": "http://u:hunter2@p"},
        {"form": {"password": {"hunter2": 1}}},
    ],
)
def test_no_message_shows_a_secret(settings: dict[str, object]) -> None:
    assert "hunter2" not in refused(**settings)


def test_a_method_may_be_any_word() -> None:
    assert http(method="purge").method == "PURGE"


def test_a_json_body_may_be_null() -> None:
    assert http(json=None).has_json
    assert not http().has_json


@pytest.mark.parametrize(
    ("written", "name"),
    [("Shop.example", "shop.example"), ("::1", "::1"), ("10.0.0.1", "10.0.0.1"), ("ä.example", "xn--4ca.example")],
)  # fmt: skip
def test_a_server_name_is_a_name_or_an_address(written: str, name: str) -> None:
    assert TlsSettings.model_validate({"server_name": written}).policy.server_name == name


def test_a_bare_number_is_a_tls_version() -> None:
    assert TlsSettings.model_validate({"min_version": 1.2}).min_version == "1.2"


@pytest.mark.parametrize(
    ("place", "address", "kept"),
    [
        ("Ä.example", "10.0.0.7", {"xn--4ca.example": "10.0.0.7"}),
        ("a.example:81", "[::1]", {"a.example:81": "::1"}),
        ("[::1]", "FE80::1", {"::1": "fe80::1"}),
        ("[::1]:81", "::2", {"[::1]:81": "::2"}),
        ("10.0.0.1", "10.0.0.2", {"10.0.0.1": "10.0.0.2"}),
    ],
)
def test_resolve_is_kept_as_the_network_names_hosts(
    place: str, address: str, kept: dict[str, str]
) -> None:
    assert http(resolve={place: address}).resolve == kept


def test_everything_under_auth_is_secret_but_how_it_is_told() -> None:
    oauth2 = {
        "token_url": "https://idp.example/",
        "client_id": "hunter21",
        "client_secret": "hunter22",
        "params": {"resource": "hunter23"},
        "scopes": ["orders.read"],
    }
    shown = repr(http(auth={"oauth2": oauth2})) + http(auth={"oauth2": oauth2}).model_dump_json()
    basic = repr(http(auth={"basic": {"username": "hunter24", "password": "hunter25"}}))
    bearer = repr(http(auth={"bearer": "hunter26"}))

    assert "hunter2" not in shown + basic + bearer
    assert "orders.read" in shown
