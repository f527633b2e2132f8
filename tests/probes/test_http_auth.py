"""Who asks is told to the first origin alone, and shown to nobody."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from prober.config import load
from prober.probes import http
from prober.result import Outcome
from tests.probes.looking import look, look_at
from tests.probes.running import running
from tests.servers.http import Asked, redirect, reply, site


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"basic": {"username": "u", "password": "p:w"}}, "u:p:w"),
        ({"basic": {"username": "ü", "password": "wört"}}, "ü:wört"),
        ({"basic": {"username": "key"}}, "key:"),
        ({"basic": {"username": "1", "password": 2}}, "1:2"),
    ],
)
async def test_basic_is_a_header(auth: dict[str, object], header: str) -> None:
    async with site({"/": reply()}) as shop:
        seen = await look_at(shop.url(), auth=auth)

    assert seen.finding.outcome is Outcome.UP
    expected = "Basic " + base64.b64encode(header.encode()).decode()
    assert shop.asked[0].header("Authorization") == expected


async def test_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    async with site({"/": reply()}) as shop:
        await look_at(shop.url(), auth={"basic": {"username": "u", "password_file": str(file)}})

    assert shop.asked[0].header("Authorization") == "Basic dTpodW50ZXIy"


async def test_files_are_named_relative_to_the_config(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "order.json").write_text("[1]")
    async with site({"/": reply()}) as shop:
        (tmp_path / "config.yaml").write_text(
            f"checks: [{{name: a, http: {{url: '{shop.url()}', method: POST, body_file: order.json,"
            " auth: {basic: {username: somebody, password_file: password}}}}]"
        )
        config = load(tmp_path / "config.yaml", {}).config
        seen = await look(config.checks[0])

    assert seen.finding.outcome is Outcome.UP
    assert shop.asked[0].header("Authorization") == "Basic c29tZWJvZHk6aHVudGVyMg=="
    assert shop.asked[0].body == b"[1]"
    assert {Path(name).name for name in config.files} == {"config.yaml", "order.json", "password"}


async def test_a_password_file_that_cannot_be_read_is_our_own_fault(tmp_path: Path) -> None:
    auth = {"basic": {"username": "u", "password_file": str(tmp_path / "none")}}
    async with running() as runner:
        one = http.HttpCheck.model_validate(
            {"name": "a", "http": {"url": "http://127.0.0.1:9/", "auth": auth}}
        )
        result = await runner.run(one)

    assert result.outcome is Outcome.UNKNOWN
    assert "password_file" in result.message
    assert "could not be read" in result.message


async def test_a_bearer_is_a_header_without_the_space_around_it() -> None:
    async with site({"/": reply()}) as shop:
        await look_at(shop.url(), auth={"bearer": " abc.def \n"})

    assert shop.asked[0].header("Authorization") == "Bearer abc.def"


@pytest.mark.parametrize(
    "auth", [{"basic": {"username": "u", "password": "hunter2"}}, {"bearer": "hunter2"}]
)
async def test_who_asks_is_never_told_to_another_origin(auth: dict[str, object]) -> None:
    async with site() as other, site() as shop:
        shop.pages |= {"/": redirect("/same"), "/same": redirect(other.url()), "/back": reply()}
        other.pages["/"] = redirect(shop.url("/back"))
        await look_at(shop.url(), auth=auth)

    assert [bool(one.header("Authorization")) for one in shop.asked] == [True, True, False]
    assert other.asked[0].header("Authorization") is None


async def test_what_a_target_quotes_of_basic_is_masked(tmp_path: Path) -> None:
    """The config's scrubber knows what is written; the header and the file only the run does."""
    file = tmp_path / "password"
    file.write_text("hunter22")

    def page(asked: Asked) -> bytes:
        return reply(200, f"{asked.header('Authorization')} hunter22".encode())

    auth = {"basic": {"username": "u", "password_file": str(file)}}
    async with site({"/": page}) as shop, running() as runner:
        one = http.HttpCheck.model_validate(
            {
                "name": "a",
                "http": {"url": shop.url(), "auth": auth, "expect": {"body": {"contains": "x"}}},
            }
        )
        result = await runner.run(one)

    assert result.reason == "body"
    assert "hunter22" not in repr(result)
    assert base64.b64encode(b"u:hunter22").decode() not in repr(result)
    assert "Basic *** ***" in result.message
