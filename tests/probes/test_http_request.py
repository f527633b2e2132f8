from __future__ import annotations

import base64

import pytest

from prober import __version__
from prober.probes.cookies import Jar
from prober.probes.http_request import Hop
from prober.probes.http_settings import HttpSettings
from prober.result import Attempt, Reason
from prober.wire.failure import Failure
from prober.wire.http1 import Request, Response

ATTEMPT = Attempt(run_id="RUN1", traceparent="00-ab-cd-01")


def hop(url: str = "https://shop.example/a/b", **settings: object) -> Hop:
    return Hop.first(HttpSettings.model_validate({"url": url} | settings))


def sent(one: Hop) -> Request:
    return one.request("shop", Jar())


def header(one: Hop, name: str) -> list[str]:
    return [value for given, value in sent(one).headers if given.lower() == name.lower()]


def response(status: int, location: str | None = None) -> Response:
    return Response(
        version="1.1",
        status=status,
        headers=() if location is None else (("location", location),),
        body=b"",
        wire_length=0,
        body_length=0,
        first_byte=0.0,
        last_byte=0.0,
    )


def led(one: Hop, location: str, status: int = 302) -> Hop:
    following = one.after(response(status, location))
    assert following is not None
    return following


def test_every_request_says_who_asks() -> None:
    assert sent(hop("http://shop.example:81/a?q=1")) == Request(
        "GET",
        "/a?q=1",
        (
            ("Host", "shop.example:81"),
            ("User-Agent", f"prober/{__version__} prober-synthetic"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip, deflate, br"),
            ("Connection", "close"),
            ("X-Synthetic-Check", "shop"),
        ),
    )
    assert hop().stamps(ATTEMPT) == (
        ("traceparent", "00-ab-cd-01"),
        ("X-Synthetic-Run", "RUN1"),
    )


def test_the_users_own_stamps_replace_ours() -> None:
    one = hop(headers={"TraceParent": "mine"})

    assert header(one, "traceparent") == ["mine"]
    assert one.stamps(ATTEMPT) == (("X-Synthetic-Run", "RUN1"),)
    assert hop(headers={"x-synthetic-run": "a", "traceparent": "b"}).stamps(ATTEMPT) == ()


def test_the_users_headers_replace_ours_in_any_case() -> None:
    one = hop(headers={"host": "other", "ACCEPT": ["a/b", "c/d"], "connection": [], "X-A": "ä"})

    assert sent(one).headers[0] == ("host", "other")
    assert header(one, "Accept") == ["a/b", "c/d"]
    assert header(one, "Connection") == []
    assert header(one, "X-A") == ["ä"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("curl/8", "curl/8 prober-synthetic"), ("x prober-synthetic/2", "x prober-synthetic/2")],
)
def test_the_synthetic_token_is_always_there(given: str, expected: str) -> None:
    assert header(hop(headers={"user-agent": given}), "User-Agent") == [expected]


def test_userinfo_is_basic_authorization() -> None:
    expected = "Basic " + base64.b64encode("u@x:pä".encode()).decode()

    assert header(hop("https://u%40x:p%C3%A4@shop.example/"), "Authorization") == [expected]
    assert header(hop("https://u:p@a/", headers={"authorization": "B t"}), "Authorization") == [
        "B t"
    ]


def test_a_json_body_names_its_type_unless_told() -> None:
    one = hop(method="POST", json={"ping": "ä"})
    other = hop(method="POST", json=[1], headers={"content-type": "application/x+json"})

    assert sent(one).body == '{"ping": "ä"}'.encode()
    assert header(one, "Content-Type") == ["application/json"]
    assert header(other, "Content-Type") == ["application/x+json"]
    assert header(hop(method="POST", body="a=b"), "Content-Type") == []


def test_the_users_cookies_and_the_jars_are_one_header() -> None:
    jar, one = Jar(), hop(headers={"cookie": "a=1"})
    jar.keep(one.url, [("Set-Cookie", "b=2; Path=/")], 0.0)

    headers = one.request("shop", jar).headers
    assert [pair for pair in headers if pair[0].lower() == "cookie"] == [("Cookie", "a=1; b=2")]


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"),
        (307, "POST", "POST"), (308, "POST", "POST"),
        (301, "GET", "GET"), (303, "GET", "GET"),
        (301, "HEAD", "HEAD"), (302, "HEAD", "HEAD"), (303, "HEAD", "HEAD"), (308, "HEAD", "HEAD"),
        (301, "PUT", "PUT"), (302, "PUT", "PUT"), (303, "PUT", "GET"), (307, "PUT", "PUT"),
        (302, "DELETE", "DELETE"), (303, "DELETE", "GET"),
    ],
)  # fmt: skip
def test_a_redirect_keeps_or_changes_the_method(status: int, method: str, becomes: str) -> None:
    following = led(hop(method=method, json={"a": 1}, headers={"X-A": "1"}), "/c", status)

    assert following.method == becomes
    assert bool(following.body) is (method == becomes)
    assert ("Content-Type" in following.headers) is (method == becomes)
    assert following.headers["X-A"] == ("1",)


@pytest.mark.parametrize("status", [200, 201, 304, 305, 306, 400])
def test_other_responses_are_final_also_with_a_location(status: int) -> None:
    assert hop().after(response(status, "/c")) is None


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_without_a_location_a_response_is_final(status: int) -> None:
    assert hop().after(response(status)) is None


def test_locations_are_relative_and_utf8() -> None:
    assert str(led(hop(), "c?d#e").url) == "https://shop.example/a/c?d"
    assert str(led(hop(), "/ä".encode().decode("latin-1")).url) == "https://shop.example/%C3%A4"
    assert str(led(hop(), "/\xe4").url) == "https://shop.example/%C3%A4"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("ftp://a/", "'ftp://a/'"),
        ("javascript:alert(1)", "'javascript:alert(1)'"),
        ("http://[x/", "'http://[x/'"),
        ("https://u:hunter2@a:x/", "'https://***@a:x/'"),
    ],
)
def test_a_location_that_cannot_be_followed_is_a_redirect_failure(
    location: str, shown: str
) -> None:
    with pytest.raises(Failure) as caught:
        hop().after(response(302, location))

    assert caught.value.reason is Reason.REDIRECT
    assert str(caught.value) == f"redirected to {shown}, which is no http or https URL"


SECRETS = {"Authorization": "a", "cookie": "b=c", "Proxy-Authorization": "d", "X-API-KEY": "e"}


@pytest.mark.parametrize(
    "location",
    ["https://other.example/", "https://shop.example:444/", "http://shop.example/",
     "http://shop.example:443/"],
)  # fmt: skip
def test_secrets_and_host_never_reach_another_origin(location: str) -> None:
    one = hop("https://u:p@shop.example/", headers=SECRETS | {"Host": "virtual", "X-A": "kept"})

    there = led(one, location)
    back = led(there, "https://shop.example/")

    for reached in (there, back):
        names = {name.lower() for name, _ in sent(reached).headers}
        assert not names & {name.lower() for name in SECRETS}
        assert header(reached, "X-A") == ["kept"]
        assert header(reached, "Host") == [reached.url.authority]


def test_secrets_go_along_from_http_to_https_of_the_same_host() -> None:
    one = hop("http://shop.example/", headers=SECRETS | {"Host": "virtual"})
    user = hop("http://u:p@shop.example/")

    assert header(led(one, "https://shop.example/"), "Authorization") == ["a"]
    assert header(led(one, "https://shop.example/"), "Host") == ["virtual"]
    assert header(led(user, "https://shop.example/x"), "Authorization") == ["Basic dTpw"]
    for elsewhere in ("https://shop.example:444/", "https://www.shop.example/"):
        assert header(led(one, elsewhere), "Authorization") == []
        assert header(led(user, elsewhere), "Authorization") == []
    assert header(led(hop("http://u:p@shop.example:8080/"), "https://shop.example/"), "Authorization") == []  # fmt: skip


def test_secrets_and_host_stay_with_their_origin() -> None:
    one = hop("https://shop.example/", headers=SECRETS | {"Host": "virtual"})

    there = led(one, "https://SHOP.example:443/c")

    assert header(there, "Authorization") == ["a"]
    assert header(there, "X-Api-Key") == ["e"]
    assert header(there, "Host") == ["virtual"]
    assert header(led(hop("https://u:p@a/"), "/c"), "Authorization") == ["Basic dTpw"]
    assert header(led(hop("https://u:p@a/"), "//b/c"), "Authorization") == []
