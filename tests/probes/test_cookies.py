from __future__ import annotations

import pytest

from prober.probes.address import Url
from prober.probes.cookies import Jar

NOW = 1_777_600_000.0


def sent(
    set_cookie: str,
    to: str,
    *,
    by: str = "https://shop.example/a/b",
    also: str = "",
    given: str = "",
) -> str:
    jar = Jar()
    jar.keep(Url.parse(by), [("Set-Cookie", one) for one in (set_cookie, also) if one], NOW)
    return jar.header(Url.parse(to), given)


@pytest.mark.parametrize(
    ("set_cookie", "to", "expected"),
    [
        ("s=1", "https://shop.example/a/", "s=1"),
        ("s=1", "https://shop.example/a", "s=1"),
        ("s=1", "https://shop.example/ab", ""),
        ("s=1", "https://shop.example/", ""),
        ("s=1; Path=/", "https://shop.example/", "s=1"),
        ("s=1; path=/x/", "https://shop.example/x/y?z", "s=1"),
        ("s=1; Path=/x", "https://shop.example/xy", ""),
        ("s=1; Path=x", "https://shop.example/a/c", "s=1"),
        ("s=1; Path=/", "https://shop.example:8443/", "s=1"),
        ("s=1; Path=/", "https://example/", ""),
        ("s=1; Path=/", "https://evil.example/", ""),
        ("s=1; Path=/; Domain=example", "https://evil.example/", ""),
        ("s=1; Path=/; Domain=.shop.example", "https://shop.example/", "s=1"),
        ("s=1; Path=/; Domain=evil.example", "https://shop.example/", ""),
        ("s=1; Path=/; Secure", "https://shop.example/", "s=1"),
        ("s=1; Path=/; Secure", "http://shop.example/", ""),
        ("s=1; Path=/; HttpOnly; SameSite=Lax", "http://shop.example/", "s=1"),
        ("s=a=b; Path=/", "https://shop.example/", "s=a=b"),
        ("s=; Path=/", "https://shop.example/", "s="),
        ("nothing", "https://shop.example/a/", ""),
        ("=1; Path=/", "https://shop.example/", ""),
        ("s=1; Path=/; Max-Age=0", "https://shop.example/", ""),
        ("s=1; Path=/; Max-Age=60", "https://shop.example/", "s=1"),
        ("s=1; Path=/; Max-Age=soon", "https://shop.example/", "s=1"),
        ("s=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://shop.example/", ""),
        ("s=1; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "https://shop.example/", "s=1"),
        ("s=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9",
         "https://shop.example/", "s=1"),
        ("s=1\r\nX: y; Path=/", "https://shop.example/", ""),
        ("s=1; Path=/; X=\0", "https://shop.example/", ""),
        ("s=1\t2; Path=/", "https://shop.example/", "s=1\t2"),
        ("s=1; Path=/; Expires=never", "https://shop.example/", "s=1"),
    ],
)  # fmt: skip
def test_a_cookie_goes_back_where_it_belongs(set_cookie: str, to: str, expected: str) -> None:
    assert sent(set_cookie, to) == expected


def test_a_secure_cookie_set_without_tls_is_not_kept() -> None:
    assert sent("s=1; Secure", "https://shop.example/a/", by="http://shop.example/a/b") == ""


def test_a_cookie_is_replaced_and_removed_by_name_and_path() -> None:
    to = "https://shop.example/a/b"

    assert sent("s=1", to, also="s=2") == "s=2"
    assert sent("s=1", to, also="s=; Max-Age=0") == ""
    assert sent("s=1; Path=/", to, also="s=2") == "s=2; s=1"


def test_what_the_user_gives_comes_first_and_wins() -> None:
    to = "https://shop.example/a/b"

    assert sent("s=1", to, also="t=2", given="s=mine; u=3") == "s=mine; u=3; t=2"
    assert sent("s=1", "https://other/", given="s=mine") == "s=mine"


def test_a_server_cannot_fill_the_jar_without_end() -> None:
    jar, url = Jar(), Url.parse("http://a/")
    jar.keep(url, [("set-cookie", f"c{number}=1") for number in range(1000)], NOW)
    jar.keep(url, [("set-cookie", "c5=2")], NOW)

    assert jar.header(url).count("=") == 100
    assert "c5=2" in jar.header(url)
