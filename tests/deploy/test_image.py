"""Is the image made as a container with a browser has to be? scripts/image builds it and tries it, where there is an engine."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from tests.images import dockerfile, last_stage, prober

ROOT = Path(__file__).parent.parent.parent
INSTALLED = set(
    re.findall(
        r"[a-z][a-z0-9.+-]+", dict(last_stage())["RUN"].split("apt-get install")[1].split("&&")[0]
    )
)


def test_each_stage_begins_with_an_image_of_one_version() -> None:
    froms = [rest.split()[0] for instruction, rest in dockerfile() if instruction == "FROM"]

    assert len(set(froms)) == 1  # a venv is at home where it was made
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", froms[0])


def test_it_has_what_a_journey_needs() -> None:
    assert {
        "chromium-headless-shell",
        "fonts-liberation",
        "libatomic1",
        "ca-certificates",
        "tini",
    } <= INSTALLED


def test_its_user_is_a_number_and_nobody() -> None:
    its = prober()

    assert (its.user, its.group) == (10001, 10001)
    assert [instruction for instruction, _ in last_stage()].index("USER") > [
        instruction for instruction, _ in last_stage()
    ].index("RUN")


def test_tini_tells_the_agent_alone() -> None:
    its = prober()

    assert its.entrypoint == ("tini", "--", "/venv/bin/prober")
    assert its.command[0] == "run"
    assert dict(last_stage())["STOPSIGNAL"] == "SIGTERM"


def test_it_listens_where_others_reach_it_and_keeps_things_in_data() -> None:
    its = prober()

    assert its.env["PROBER_LISTEN"] == "0.0.0.0:9620"
    assert dict(last_stage())["VOLUME"] == '["/data"]'
    assert dict(last_stage())["EXPOSE"] == "9620"


def test_the_build_sees_nothing_but_what_it_copies() -> None:
    said = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in said if line and not line.startswith("#")]
    copied = [
        source
        for instruction, rest in dockerfile()
        if instruction == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied)
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("status", [200, 503])
async def test_the_health_check_says_what_the_agent_says(status: int) -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        port = runner.addresses[0][1]
        code = await health(f"0.0.0.0:{port}"), await health(f"127.0.0.1:{port}", "/-/ready")
    finally:
        await runner.cleanup()

    assert asked == ["/-/healthy", "/-/ready"]
    assert code == ((0, 0) if status == 200 else (1, 1))
    assert await health(f"127.0.0.1:{port}") == 1  # nobody is there any more


async def health(listen: str, *path: str) -> int:
    script = ROOT / "deploy" / "healthy.py"
    env = {**os.environ, "PROBER_LISTEN": listen, "HTTP_PROXY": "http://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", script, *path, env=env, stderr=subprocess.DEVNULL
    )
    return await asyncio.wait_for(process.wait(), 20)
