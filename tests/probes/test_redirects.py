"""Where a check lets itself be led, what it takes along, and what it leaves behind."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from prober.probes.http_series import SERIES
from prober.probes.series import address_hash
from prober.result import Outcome
from tests.config.loading import loaded
from tests.probes.looking import look, look_at
from tests.servers.http import Asked, Page, peer, redirect, reply, silent, site
from tests.servers.tls import Authority

SECRETS = {"Authorization": "a", "Cookie": "b=c", "Proxy-Authorization": "d", "X-Api-Key": "e"}
NAMED = ("token", "api_key", "Password", "shop_secret", "auth_token")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_as_browsers_do(status: int) -> None:
    async with site({"/a": redirect("b", status), "/b": reply()}) as shop:
        seen = await look_at(shop.url("/a"), method="POST", json={"x": 1}, headers={"X-A": "1"})

    first, second = shop.asked
    kept = status in (307, 308)
    assert seen.finding.outcome is Outcome.UP
    assert (seen.facts["redirects"], seen.facts["final_url"]) == (1, shop.url("/b"))
    assert second.method == ("POST" if kept else "GET")
    assert second.body == (first.body if kept else b"")
    assert second.header("Content-Type") == ("application/json" if kept else None)
    assert second.header("X-A") == "1"
    assert second.header("X-Synthetic-Run") == first.header("X-Synthetic-Run")


async def test_a_redirected_head_stays_a_head() -> None:
    async with site({"/a": redirect("/b", 303), "/b": reply()}) as shop:
        await look_at(shop.url("/a"), method="HEAD")

    assert [asked.method for asked in shop.asked] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307])
async def test_without_a_location_a_3xx_is_final(status: int) -> None:
    async with site({"/": reply(status)}) as shop:
        seen = await look_at(shop.url())

    assert seen.why == ("status", f"status {status}, expected 2xx")
    assert seen.facts["redirects"] == 0


async def test_a_3xx_is_final_where_redirects_are_off() -> None:
    async with site({"/": redirect("/b")}) as shop:
        down = await look_at(shop.url(), redirects=0)
        up = await look_at(
            shop.url(), redirects=0, expect={"status": 302, "headers": {"Location": "/b"}}
        )

    assert down.why == ("status", "status 302, expected 2xx")
    assert up.finding.outcome is Outcome.UP
    assert len(shop.asked) == 2


async def test_a_loop_is_ended_by_the_limit() -> None:
    async with site({"/": redirect("/?again")}) as shop:
        seen = await look_at(shop.url())

    assert seen.why == ("redirect", f"more than 10 redirects, the last to {shop.url('/?again')}")
    assert seen.finding.seconds == pytest.approx(sum(seen.attempt.phases.values()))
    assert seen.facts["redirects"] == 10
    assert seen.facts["status_code"] == 302
    assert len(shop.asked) == 11


async def test_as_many_redirects_as_allowed_are_followed() -> None:
    pages: dict[str, Page] = {"/": redirect("/1"), "/1": redirect("/2"), "/2": reply()}
    async with site(pages) as shop:
        two = await look_at(shop.url(), redirects=2)
        one = await look_at(shop.url(), redirects=1)

    assert (two.finding.outcome, two.facts["redirects"]) == (Outcome.UP, 2)
    assert one.why == ("redirect", f"more than 1 redirect, the last to {shop.url('/2')}")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("//127.0.0.1:{port}/b?c", "/b?c"),
        ("http://127.0.0.1:{port}/b#part", "/b"),
        ("HTTP://127.0.0.1:{port}/b", "/b"),
        ("../b", "/b"),
        ("b/./c/../d", "/a/b/d"),
        ("?q=1", "/a/?q=1"),
        (" /b ", "/b"),
    ],
)
async def test_a_location_may_be_written_in_many_ways(location: str, target: str) -> None:
    async with site() as shop:
        shop.pages["/a/"] = lambda asked: (
            reply() if asked.target != "/a/" else redirect(location.format(port=shop.port))
        )
        shop.pages |= {path: reply() for path in ("/b", "/a/b/d")}
        seen = await look_at(shop.url("/a/"))

    assert seen.finding.outcome is Outcome.UP
    assert [asked.target for asked in shop.asked] == ["/a/", target]
    assert "#" not in str(seen.facts["final_url"])


@pytest.mark.parametrize("location", ["", "#top"])
async def test_a_location_that_leads_to_itself_is_a_loop(location: str) -> None:
    async with site({"/a": redirect(location)}) as shop:
        seen = await look_at(shop.url("/a"), redirects=3)

    assert seen.why == ("redirect", f"more than 3 redirects, the last to {shop.url('/a')}")
    assert [asked.target for asked in shop.asked] == ["/a"] * 4


async def test_two_sites_that_send_us_to_and_fro_are_a_loop() -> None:
    async with site() as other, site() as shop:
        shop.pages["/"], other.pages["/"] = redirect(other.url()), redirect(shop.url())
        seen = await look_at(shop.url(), redirects=4)

    assert seen.why[0] == "redirect"
    assert (len(shop.asked), len(other.asked)) == (3, 2)


async def test_from_http_to_https_is_another_origin(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with site({"/": reply()}, tls=authority.server()) as safe, site() as plain:
        plain.pages["/"] = redirect(f"https://localhost:{safe.port}/", 307)
        seen = await look_at(
            f"http://localhost:{plain.port}/",
            method="PUT",
            body="hello",
            auth={"basic": {"username": "u", "password": "p"}},
            tls={"ca_file": authority.ca_file},
        )

    assert seen.why == (None, "")
    assert seen.facts["ssl"] is True
    assert (safe.asked[0].method, safe.asked[0].body) == ("PUT", b"hello")
    assert safe.asked[0].header("Authorization") is None


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "javascript:alert(1)", "http://["])
async def test_a_location_that_leads_nowhere_is_down(location: str) -> None:
    async with site({"/": redirect(location)}) as shop:
        seen = await look_at(shop.url())

    assert seen.why == ("redirect", f"redirected to {location!r}, which is no http or https URL")
    assert seen.facts["status_code"] == 302


async def test_phases_and_seconds_add_up_over_redirects() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.write(redirect(shop.url()))

    async with site({"/": reply()}) as shop, peer(slow) as port:
        seen = await look_at(f"http://127.0.0.1:{port}/")

    assert seen.finding.seconds == pytest.approx(sum(seen.attempt.phases.values()), abs=1e-3)
    assert (seen.finding.seconds or 0) >= 0.05


@pytest.mark.parametrize("secret", [*SECRETS, *NAMED])
async def test_a_secret_header_never_reaches_another_origin(secret: str) -> None:
    async with site({"/": reply()}) as other, site() as shop:
        shop.pages |= {"/": redirect("/same"), "/same": redirect(other.url())}
        other.pages |= {"/": redirect(shop.url("/back"))}
        shop.pages["/back"] = reply()
        await look_at(shop.url(), headers={secret: "hunter2", "X-A": "1"})

    assert [asked.header(secret) for asked in shop.asked] == ["hunter2", "hunter2", None]
    assert [asked.header(secret) for asked in other.asked] == [None]
    assert other.asked[0].header("X-A") == "1"


async def test_a_header_out_of_a_file_never_reaches_another_origin(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("hunter22\n")
    async with site({"/": reply()}) as other, site() as shop:
        shop.pages["/"] = redirect(other.url())
        head = 'X-Pass: "see ${file:pass}", User-Agent: "${file:pass}", X-A: "1"'
        text = f"checks: [{{name: a, http: {{url: '{shop.url()}', headers: {{{head}}}}}}}]"
        (check,) = loaded(tmp_path, text).config.checks
        await look(check)

    assert shop.asked[0].header("X-Pass") == "see hunter22"
    assert other.asked[0].header("X-Pass") is None
    assert other.asked[0].header("X-A") == "1"
    assert other.asked[0].header("User-Agent") == "hunter22 prober-synthetic"


async def test_userinfo_never_reaches_another_origin() -> None:
    async with site({"/": reply()}) as other, site() as shop:
        shop.pages |= {"/": redirect("/same"), "/same": redirect(other.url())}
        seen = await look_at(f"http://u:hunter2@127.0.0.1:{shop.port}/")

    assert [asked.header("Authorization") for asked in shop.asked] == ["Basic dTpodW50ZXIy"] * 2
    assert other.asked[0].header("Authorization") is None
    assert "hunter2" not in repr(seen)


async def test_an_overridden_host_stays_with_its_origin() -> None:
    async with site({"/": reply()}) as other, site() as shop:
        shop.pages |= {"/": redirect("/same"), "/same": redirect(other.url())}
        await look_at(shop.url(), headers={"Host": "virtual.example"})

    assert [asked.header("Host") for asked in shop.asked] == ["virtual.example"] * 2
    assert other.asked[0].header("Host") == f"127.0.0.1:{other.port}"


async def test_cookies_are_kept_on_the_way_and_for_their_host_only() -> None:
    async with site({"/x": reply()}, host="localhost") as other, site() as shop:
        shop.pages |= {
            "/login": redirect("/account/", Set_Cookie=["s=1; Path=/", "t=2; Path=/account"]),
            "/account/": redirect("/home", Set_Cookie="s=3; Path=/"),
            "/home": redirect(other.url("/x")),
        }
        await look_at(shop.url("/login"), headers={"Cookie": "mine=0"})

    assert [asked.header("Cookie") for asked in shop.asked] == [
        "mine=0",
        "mine=0; t=2; s=1",
        "mine=0; s=3",
    ]
    assert other.asked[0].header("Cookie") is None


async def test_runs_share_no_cookies() -> None:
    def page(asked: Asked) -> bytes:
        return redirect("/b", Set_Cookie="s=1; Path=/")

    async with site({"/a": page, "/b": reply()}) as shop:
        await look_at(shop.url("/a"))
        await look_at(shop.url("/a"))

    assert [asked.header("Cookie") for asked in shop.asked] == [None, "s=1", None, "s=1"]


async def test_from_https_to_http_takes_no_secret_and_no_certificate_along() -> None:
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    async with site({"/": reply()}) as plain, site(tls=context) as shop:
        shop.pages["/"] = redirect(plain.url(), Set_Cookie=["s=1; Path=/; Secure", "t=2; Path=/"])
        seen = await look_at(
            shop.url(), tls={"insecure_skip_verify": True}, headers={"Authorization": "a"}
        )

    assert plain.asked[0].header("Authorization") is None
    assert plain.asked[0].header("Cookie") == "t=2"
    assert seen.facts["ssl"] is False
    assert not [name for name in seen.facts if name.startswith(("cert_", "chain_", "tls_", "ciph"))]


async def test_the_address_in_the_metrics_is_the_targets_own() -> None:
    """As in blackbox_exporter; the facts tell of the final hop."""
    async with peer(silent) as port:
        pass
    async with site({"/": redirect("/on"), "/on": redirect(f"http://127.0.0.3:{port}/")}) as shop:
        seen = await look_at(shop.url())

    told = {series.name: dict(series.read(seen.result)).get("") for series in SERIES}
    assert told["probe_ip_addr_hash"] == address_hash("127.0.0.1")
    assert told["probe_ip_protocol"] == 4
    assert seen.facts["ip"] == "127.0.0.3"


async def test_a_refused_second_hop_leaves_no_facts_of_the_first() -> None:
    async with peer(silent) as port:
        pass
    async with site({"/": redirect(f"http://127.0.0.1:{port}/")}) as shop:
        seen = await look_at(shop.url())

    assert seen.why[0] == "connect"
    assert "status_code" not in seen.facts
    assert (seen.facts["redirects"], seen.facts["final_url"]) == (1, f"http://127.0.0.1:{port}/")
