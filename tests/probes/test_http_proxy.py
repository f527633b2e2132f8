"""Who is asked for a URL, what a proxy is told, and what it never hears."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prober.probes.address import Url
from prober.probes.http_proxy import HttpProxy, no_proxy
from prober.result import Outcome
from prober.secret import Secret
from tests.probes.looking import look_at
from tests.servers.http import peer, redirect, reply, silent, site
from tests.servers.proxy import needs_a_user, proxy
from tests.servers.raw import closed_port
from tests.servers.tls import Authority

US = "Basic dTpodW50ZXIy"  # u:hunter2


@pytest.fixture(autouse=True)
def nothing_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


def serves(entries: str, url: str) -> bool:
    spared = no_proxy({"NO_PROXY": entries})
    return HttpProxy("proxy", 3128, None, spared).serves(Url.parse(url))


async def test_a_plain_request_goes_to_the_proxy_as_a_whole_url() -> None:
    async with site({"/a": reply(200, b"ok")}) as shop, proxy() as between:
        seen = await look_at(
            shop.url("/a?b=c#d"), proxy=between.url, headers={"Authorization": "mine"}
        )

    assert seen.finding.outcome is Outcome.UP
    assert [one.target for one in between.asked] == [shop.url("/a?b=c")]
    assert between.asked[0].header("Host") == f"127.0.0.1:{shop.port}"
    assert between.asked[0].header("Proxy-Authorization") is None
    assert shop.asked[0].header("Authorization") == "mine"


async def test_https_goes_through_a_tunnel_that_hears_nothing_of_the_request(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    async with site({"/": reply()}, tls=authority.server()) as shop, proxy() as between:
        seen = await look_at(
            f"https://localhost:{shop.port}/",
            proxy=f"http://u:hunter2@127.0.0.1:{between.port}",
            headers={"Authorization": "mine", "Cookie": "a=b"},
            tls={"ca_file": authority.ca_file},
        )

    (dug,) = between.asked
    assert seen.finding.outcome is Outcome.UP
    assert (dug.method, dug.target) == ("CONNECT", f"localhost:{shop.port}")
    assert dug.header("Proxy-Authorization") == US
    assert (dug.header("Authorization"), dug.header("Cookie")) == (None, None)
    assert shop.asked[0].header("Proxy-Authorization") is None
    assert shop.asked[0].header("Authorization") == "mine"


async def test_the_proxys_user_goes_with_plain_requests_to_the_proxy_alone() -> None:
    async with site({"/": reply()}) as shop, proxy() as between:
        seen = await look_at(shop.url(), proxy=f"http://u:hunter2@127.0.0.1:{between.port}")

    assert between.asked[0].header("Proxy-Authorization") == US
    assert shop.asked[0].header("Proxy-Authorization") is None
    assert "hunter2" not in repr(seen)


async def test_each_redirect_decides_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    async with (
        site({"/": reply()}) as near,
        site(tls=authority.server()) as shop,
        site() as first,
        proxy() as between,
    ):
        monkeypatch.setenv("NO_PROXY", f"127.0.0.1:{near.port}")
        first.pages["/"] = redirect(f"https://localhost:{shop.port}/")
        shop.pages["/"] = redirect(near.url())
        seen = await look_at(
            first.url(),
            proxy=f"http://u:hunter2@127.0.0.1:{between.port}",
            tls={"ca_file": authority.ca_file},
        )

    assert seen.finding.outcome is Outcome.UP
    assert [one.method for one in between.asked] == ["GET", "CONNECT"]
    assert [one.header("Proxy-Authorization") for one in between.asked] == [US, US]
    assert near.asked[0].header("Proxy-Authorization") is None
    assert near.asked[0].target == "/"


async def test_a_proxy_that_wants_another_user_is_down(tmp_path: Path) -> None:
    async with proxy(needs_a_user()) as between:
        tunnel = await look_at("https://shop.example/", proxy=between.url)
        plain = await look_at("http://shop.example/", proxy=between.url)

    assert tunnel.why[0] == "connect"
    assert "407" in tunnel.why[1]
    assert "CONNECT shop.example:443" in tunnel.why[1]
    assert plain.why == ("status", "status 407, expected 2xx")


async def test_a_proxy_that_is_gone_is_down() -> None:
    with closed_port() as port:
        seen = await look_at("https://shop.example/", proxy=f"http://127.0.0.1:{port}")

    assert seen.why[0] == "connect"
    assert f"127.0.0.1:{port}" in seen.why[1]


async def test_the_target_is_never_looked_up_here() -> None:
    """The name does not exist: whoever finds it is the proxy."""
    async with site({"/": reply()}) as shop, proxy() as between:
        between.leads["nowhere.invalid"] = shop.port
        seen = await look_at("http://nowhere.invalid/", proxy=between.url)

    assert seen.finding.outcome is Outcome.UP
    assert shop.asked[0].header("Host") == "nowhere.invalid"


async def test_resolve_is_heeded_for_the_proxy_and_in_the_tunnel(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with site({"/": reply()}, tls=authority.server("shop.example")) as shop, proxy() as via:
        seen = await look_at(
            f"https://shop.example:{shop.port}/",
            proxy=f"http://proxy.example:{via.port}",
            resolve={"proxy.example": "127.0.0.1", "shop.example": "127.0.0.1"},
            tls={"ca_file": authority.ca_file},
        )

    assert seen.finding.outcome is Outcome.UP
    assert via.asked[0].target == f"127.0.0.1:{shop.port}"


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("shop.example", "http://shop.example/"),
        ("SHOP.example.", "http://shop.example/"),
        ("shop.example", "http://www.shop.example/"),
        (".shop.example", "http://www.shop.example/"),
        (".shop.example", "http://shop.example/"),
        ("a,  b shop.example", "http://shop.example/"),
        ("*", "http://shop.example/"),
        ("shop.example:8080", "http://shop.example:8080/"),
        ("shop.example:443", "https://shop.example/"),
        ("10.0.0.7", "http://10.0.0.7/"),
        ("10.0.0.0/8", "http://10.1.2.3/"),
        ("10.0.0.7:81", "http://10.0.0.7:81/"),
        ("::1", "http://[::1]/"),
        ("[::1]", "http://[::1]/"),
        ("[::1]:81", "http://[::1]:81/"),
        ("fd00::/8", "http://[fd12::7]/"),
        ("ä.example", "http://xn--4ca.example/"),
    ],
)
def test_no_proxy_spares(entries: str, url: str) -> None:
    assert not serves(entries, url)


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("", "http://shop.example/"),
        ("shop.example", "http://myshop.example/"),
        ("shop.example", "http://shop.example.org/"),
        ("www.shop.example", "http://shop.example/"),
        ("shop.example:8080", "http://shop.example/"),
        ("10.0.0.7", "http://10.0.0.70/"),
        ("10.0.0.0/8", "http://11.0.0.1/"),
        ("10.0.0.7:81", "http://10.0.0.7/"),
        ("0.7", "http://10.0.0.7/"),
        ("::1", "http://[::2]/"),
        ("::/0", "http://10.0.0.1/"),
        ("10.0.0.0/99", "http://10.0.0.1/"),
        ("[", "http://10.0.0.1/"),
    ],
)
def test_no_proxy_spares_nobody_else(entries: str, url: str) -> None:
    assert serves(entries, url)


def test_the_lower_case_name_comes_first_even_if_it_is_empty() -> None:
    assert no_proxy({"no_proxy": "a", "NO_PROXY": "b"}) == ("a",)
    assert no_proxy({"no_proxy": "", "NO_PROXY": "b"}) == ()


def test_the_environment_counts_as_it_was_when_the_config_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "shop.example")
    one = HttpProxy.parse("http://u:p%40w@Proxy.example:3128/")
    monkeypatch.setenv("NO_PROXY", "")

    assert one == HttpProxy("proxy.example", 3128, Secret("u:p@w"), ("shop.example",))
    assert not one.serves(Url.parse("http://shop.example/"))
    assert str(one) == "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proxy:3128", "'proxy:3128' is not the address of a proxy; write it as http://host:port"),
        ("http://proxy", "'http://proxy' is not the address of a proxy"),
        ("http://proxy:1/a", "'http://proxy:1/a' is not the address of a proxy"),
        ("http://proxy:0", "'http://proxy:0' has no valid port"),
        ("https://u:hunter2@proxy:3128", "'https://***@proxy:3128' is a proxy of another kind; only"),
        ("socks5://proxy:1080", "'socks5://proxy:1080' is a proxy of another kind"),
        ("http://u:hunter2@[x]:1", "'http://***@[x]:1' has no valid IPv6 address"),
    ],
)  # fmt: skip
def test_what_is_no_proxy_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        HttpProxy.parse(text)

    assert "hunter2" not in str(caught.value)


async def test_a_silent_proxy_ends_with_the_run() -> None:
    async with peer(silent) as port:
        with pytest.raises(TimeoutError) as caught:
            await look_at("https://shop.example/", within=0.2, proxy=f"http://127.0.0.1:{port}")

    assert caught.type is TimeoutError
