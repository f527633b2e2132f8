from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.probes.address import HostPort, Url, hidden, is_name, parse_address
from prober.secret import Secret


@pytest.mark.parametrize(
    ("text", "shown", "host", "port", "target"),
    [
        ("http://a", "http://a/", "a", 80, "/"),
        ("HTTPS://A.Example:443/", "https://a.example/", "a.example", 443, "/"),
        ("https://a:8443/x?q=1#part", "https://a:8443/x?q=1", "a", 8443, "/x?q=1"),
        ("http://a?q=1", "http://a/?q=1", "a", 80, "/?q=1"),
        ("http://[::1]:8080/", "http://[::1]:8080/", "::1", 8080, "/"),
        ("http://[2001:DB8:0::1]/", "http://[2001:db8::1]/", "2001:db8::1", 80, "/"),
        ("http://127.0.0.1", "http://127.0.0.1/", "127.0.0.1", 80, "/"),
        ("https://Bücher.example/ä b", "https://xn--bcher-kva.example/%C3%A4%20b",
         "xn--bcher-kva.example", 443, "/%C3%A4%20b"),
        ("http://my_service:80/%2Fkept", "http://my_service/%2Fkept", "my_service", 80, "/%2Fkept"),
        ("http://a:/", "http://a/", "a", 80, "/"),
        ("http://a.example./", "http://a.example./", "a.example.", 80, "/"),
        ("http://a/p@q", "http://a/p@q", "a", 80, "/p@q"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(text: str, shown: str, host: str, port: int, target: str) -> None:
    url = Url.parse(text)

    assert (str(url), url.host, url.port, url.target) == (shown, host, port, target)


def test_userinfo_is_unescaped_and_never_shown() -> None:
    url = Url.parse("https://us%40er:p%20a@ss@host/x")

    assert url.userinfo == Secret("us@er:p a@ss")
    assert url.userinfo == Secret("us@er:p a@ss")
    assert "ss" not in repr(url) + str(url)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ftp://a/", "'ftp://a/' is not an http or https URL; write it as https://host/path"),
        ("a.example", "'a.example' is not an http or https URL; write it as https://host/path"),
        ("http:a", "'http:a' is not an http or https URL; write it as https://host/path"),
        ("http://", "'http://' has no host; write it as host or host:port"),
        ("http://:80/", "'http://:80/' has no host; write it as host or host:port"),
        ("http://a:0/", "'http://a:0/' has no valid port; write a number from 1 to 65535"),
        ("http://a:٣/", "'http://a:٣/' has no valid port; write a number from 1 to 65535"),
        ("http://a:99999/", "'http://a:99999/' has no valid port; write a number from 1 to 65535"),
        ("http://::1/", "'http://::1/' does not name one host and port; "
         "write an IPv6 address in brackets, as in [::1]:8080"),
        ("http://[::1/", "'http://[::1/' does not name one host and port; "
         "write an IPv6 address in brackets, as in [::1]:8080"),
        ("http://[::g]/", "'http://[::g]/' has no valid IPv6 address between its brackets"),
        ("http://[fe80::1%eth0]/",
         "'http://[fe80::1%eth0]/' has no valid IPv6 address between its brackets"),
        ("http://a..b/", "'http://a..b/' has a host that is no valid domain name"),
        ("http://a b/", "'http://a b/' has a host that is no valid domain name"),
        ("http://\u2fff.example/", r"'http://\u2fff.example/' has a host that is no valid domain name"),
        ("http://a/\r\nX: y", r"'\r' stands in an address; take control characters out"),
    ],
)  # fmt: skip
def test_a_bad_url_says_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Url.parse(text)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    ["ftp://u:hunter2@a/", "http://u:hunter2@a:x/", "http://u:hunter2/3@a/", "u:hunter2@a",
     "http://u:hunter2@[::g]/", "http://u:hunter2@", "http://u:hunter2@a b/"],
)  # fmt: skip
def test_no_message_shows_userinfo(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Url.parse(text)

    assert "hunter2" not in str(caught.value)
    assert "***@" in str(caught.value)


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_any_text_is_a_url_or_a_value_error(text: str) -> None:
    try:
        url = Url.parse("http://" + text)
    except ValueError:
        return

    assert url.host
    assert str(url).isascii()
    assert Url.parse(str(url)) == Url(url.scheme, url.host, url.port, url.target)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/y", "http://a:81/y"),
        ("y?z=1#f", "http://a:81/b/y?z=1"),
        ("?z", "http://a:81/b/c?z"),
        ("", "http://a:81/b/c?q"),
        ("../y", "http://a:81/y"),
        ("//other/x", "http://other/x"),
        ("https://a:81/", "https://a:81/"),
        ("HTTP://A:81/d", "http://a:81/d"),
    ],
)
def test_a_location_is_joined(location: str, leads_to: str) -> None:
    assert str(Url.parse("http://a:81/b/c?q").join(location)) == leads_to


@pytest.mark.parametrize("location", ["javascript:alert(1)", "ftp://a/", "http://[x/"])
def test_a_location_that_is_no_http_url_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Url.parse("http://a/").join(location)


def test_userinfo_stays_within_its_origin() -> None:
    url = Url.parse("http://u:p@a:81/")

    assert url.join("/x").userinfo == Secret("u:p")
    assert url.join("http://a:82/").userinfo is None
    assert url.join("https://a:81/").userinfo is None
    assert url.join("http://b:81/").userinfo is None
    assert url.join("http://v:w@a:81/").userinfo == Secret("v:w")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mail.example:25", HostPort("mail.example", 25)),
        ("[::1]:25", HostPort("::1", 25)),
        ("10.0.0.9:6379", HostPort("10.0.0.9", 6379)),
        (" Bücher.example:1 ", HostPort("xn--bcher-kva.example", 1)),
    ],
)
def test_an_address_is_taken_apart(text: str, address: HostPort) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mail.example", "'mail.example' has no port; write it as host:port or [::1]:port"),
        ("[::1]", "'[::1]' has no port; write it as host:port or [::1]:port"),
        ("::1:25", "'::1:25' does not name one host and port; "
         "write an IPv6 address in brackets, as in [::1]:8080"),
        ("tcp://a:25", "'tcp://a:25' is not an address; write it as host:port"),
        ("u:p@a:25", "'***@a:25' is not an address; write it as host:port"),
        (":25", "':25' has no host; write it as host or host:port"),
        ("a:http", "'a:http' has no valid port; write a number from 1 to 65535"),
    ],
)  # fmt: skip
def test_a_bad_address_says_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_address(text)

    assert str(caught.value) == message


def test_only_names_have_to_be_resolved() -> None:
    assert [is_name(host) for host in ("a.example", "localhost", "127.0.0.1", "::1")] == [
        True,
        True,
        False,
        False,
    ]


def test_hiding_leaves_what_has_no_userinfo() -> None:
    assert hidden("http://a/b") == "http://a/b"
    assert hidden("http://u:p@a/b") == "http://***@a/b"
