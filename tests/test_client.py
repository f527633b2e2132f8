"""`prober ack`, `silence` and `maintenance`: what is asked of the agent, what is said, and the exit codes."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from prober import cli, client
from prober.alerts.decisions import Ack, Expire, Mute
from prober.alerts.notice import incident_id, incident_key
from prober.errors import StartError
from tests.agent_process import AgentProcess, running, until
from tests.fake_clock import NOON
from tests.servers.receivers import Receiver, free_port, receiver
from tests.servers.target import target
from tests.store.test_outbox import fired
from tests.web.desk import Desk, mute
from tests.web.serve import serving

ID = incident_id(incident_key(fired()))
FOR = ("--for", "2h", "--comment", "a new disk")


async def prober(*arguments: str) -> int:
    """The command in a thread of this process, beside the loop that serves; its exit code."""
    options = cli._parser().parse_args(arguments)
    loop = asyncio.get_running_loop()
    code: int = await loop.run_in_executor(None, options.command, options)
    return code


async def told(desk: Desk, *arguments: str) -> int:
    async with serving(desk) as served:
        return await prober(*arguments, "--url", str(served.base_url))


async def test_an_incident_is_acknowledged_by_who_typed_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ana")
    monkeypatch.setattr(socket, "gethostname", lambda: "desk")
    desk = Desk()

    assert await told(desk, "ack", ID[:8], "--comment", "mine") == 0
    assert capsys.readouterr().out == "it is done\n"
    assert desk.decided == [Ack(incident=ID, by="ana@desk", comment="mine", at=NOON)]


async def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError(os.getuid())

    monkeypatch.setattr(getpass, "getuser", nobody)
    desk = Desk()

    assert await told(desk, "ack", ID) == 0
    assert desk.decided[0].by.startswith(f"{os.getuid()}@")


@pytest.mark.parametrize(
    ("begin", "kind"), [(("silence", "add"), "silence"), (("maintenance", "start"), "maintenance")]
)
async def test_what_matches_is_not_told_for_a_while(
    capsys: pytest.CaptureFixture[str], begin: tuple[str, str], kind: str
) -> None:
    desk = Desk()

    assert await told(desk, *begin, "team=web", 'check=~"a b.*"', *FOR) == 0
    (made,) = desk.decided
    assert isinstance(made, Mute)
    assert (made.kind, made.comment, made.ends_at) == (kind, "a new disk", NOON + 7200)
    assert [str(one) for one in made.matchers] == ['team="web"', 'check=~"a b.*"']
    assert capsys.readouterr().out == "it is done, until 2023-11-15T00:13:20.000Z\n"


async def test_that_nothing_matches_now_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(reaching=False)

    assert await told(desk, "silence", "add", "chek=web", *FOR) == 0
    said = capsys.readouterr()
    assert said.out == "it is done, until 2023-11-15T00:13:20.000Z\n"
    assert said.err.startswith("warning: no alert that this agent can have matches chek=")


@pytest.mark.parametrize(
    ("end", "kind"), [(("silence", "expire"), "silence"), (("maintenance", "end"), "maintenance")]
)
async def test_it_is_ended_before_its_time(end: tuple[str, str], kind: str) -> None:
    desk = Desk(mutes={"3f9a": mute("3f9a", kind=kind)})

    assert await told(desk, *end, "3f9a") == 0
    (made,) = desk.decided
    assert isinstance(made, Expire)
    assert made.id == "3f9a"


async def test_silences_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(mutes={"a": mute("a", comment="x\x1b[2J"), "b": mute("b", kind="maintenance")})

    assert await told(desk, "silence", "list") == 0
    assert capsys.readouterr().out == (
        "ID  FROM                      UNTIL                     MATCHERS"
        "                  BY        COMMENT\n"
        'a   2023-11-14T22:12:20.000Z  2023-11-14T23:13:20.000Z  check=~"a.*" team!="web"'
        "  ana@desk  x [2J\n"
    )
    assert await told(desk, "maintenance", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == "b"


async def test_a_list_in_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(mutes={"a": mute("a", comment="two\nlines"), "b": mute("b")})

    assert await told(desk, "silence", "list", "--json") == 0
    assert [json.loads(one)["id"] for one in capsys.readouterr().out.splitlines()] == ["a", "b"]


async def test_a_list_without_any_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert await told(Desk(), "silence", "list") == 0
    assert await told(Desk(), "silence", "list", "--json") == 0
    assert capsys.readouterr().out == "no silences\n"


async def test_what_the_agent_refuses_is_said_and_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await told(Desk(), "ack", "ffffff") == 1
    assert await told(Desk(), "silence", "expire", "x/../y") == 1
    assert await told(Desk(refuses="no\nway"), "ack", ID) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "the agent refused: there is no incident 'ffffff' that fires",
        "the agent refused: there is no silence 'x/../y'",
        "the agent refused: no way",
    ]


async def test_a_key_is_an_id_too() -> None:
    desk = Desk()

    assert await told(desk, "ack", incident_key(fired())) == 0
    assert len(desk.decided) == 1


async def test_no_agent_is_said_and_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    assert await prober("ack", ID, "--url", f"{url}/") == 1
    assert capsys.readouterr().err == f"no agent answers at {url}: connection refused\n"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, "<html>", "no agent answers at URL, but something that says 404"),
        (500, '["x"]', "no agent answers at URL, but something that says 500"),
        (302, "", "no agent answers at URL, but something that says 302"),
        (200, "<html>", "no agent answers at URL, but something else"),
        (200, "[1]", "no agent answers at URL, but something else"),
    ],
)
async def test_something_else_that_answers_is_no_agent(
    capsys: pytest.CaptureFixture[str], status: int, body: str, said: str
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response(text=body, status=status, headers={"Location": "/elsewhere"})

    def other(app: web.Application) -> None:
        app.router._resources.clear()
        app.router._resource_index.clear()
        app.router._matched_sub_app_resources.clear()
        app.router.add_route("*", "/{path:.*}", answer)

    async with serving(Desk(), other) as served:
        url = str(served.base_url)
        assert await prober("silence", "add", "a=b", *FOR, "--url", url) == 1
    assert capsys.readouterr().err == said.replace("URL", url) + "\n"
    assert asked == ["POST"]


async def test_an_agent_that_breaks_off_is_no_agent(capsys: pytest.CaptureFixture[str]) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await prober("ack", ID, "--url", url) == 1
    assert capsys.readouterr().err.startswith(f"no agent answers at {url}: ")


async def test_who_asks_can_be_said_in_the_address_and_is_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = free_port()
    heard: list[str | None] = []

    async def refuse(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.Response(status=401)

    def before(app: web.Application) -> None:
        app.router._resources.clear()
        app.router._resource_index.clear()
        app.router._matched_sub_app_resources.clear()
        app.router.add_route("*", "/{path:.*}", refuse)

    assert await prober("ack", ID, "--url", f"http://ana:hunter2@127.0.0.1:{port}/x/") == 1
    async with serving(Desk(), before) as served:
        host = str(served.base_url).removeprefix("http://")
        assert await prober("ack", ID, "--url", f"http://ana:p%40ss@{host}") == 1

    assert heard == ["Basic YW5hOnBAc3M="]
    assert capsys.readouterr().err.splitlines() == [
        f"no agent answers at http://127.0.0.1:{port}/x: connection refused",
        f"no agent answers at http://{host}, but something that says 401",
    ]


async def test_a_name_that_can_be_no_name_is_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert await prober("ack", ID, "--url", "http://a..b") == 1
    assert capsys.readouterr().err.startswith("no agent answers at http://a..b: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hunter2@[::1", "ftp://u:hunter2@x", "http://h:0", "http://h:99999", "http://h:x",
        "http://h/ü", "http://h/a b", "http://h/?x=1", "http://h/#x", "http://",
    ],
)  # fmt: skip
async def test_what_is_no_address_is_refused(capsys: pytest.CaptureFixture[str], url: str) -> None:
    with pytest.raises(SystemExit) as left:
        await prober("ack", ID, f"--url={url}")
    said = capsys.readouterr().err

    assert left.value.code == 2
    assert "is no address; write http://127.0.0.1:9620" in said
    assert "hunter2" not in said


async def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    desk = Desk()

    assert await told(desk, "ack", ID) == 0


WRONG = [
    (("ack",), "the following arguments are required: ID"),
    (("silence",), "the following arguments are required: COMMAND"),
    (("silence", "add", *FOR), "the following arguments are required: MATCHER"),
    (("silence", "add", "a=b", "--for", "2h"), "the following arguments are required: --comment"),
    (("silence", "add", "a=b", "--comment", "x"), "the following arguments are required: --for"),
    (("silence", "add", "shop", *FOR), "'shop' is no matcher; write NAME=VALUE, with = != =~ or !~"),
    (("silence", "add", "a=b", "--for", "soon", "--comment", "x"), "'soon' is not a duration"),
    (("maintenance", "start", "a=b", "--for", "0s", "--comment", "x"), "'0s' is no time at all; write it as 30m or 2h"),
    (("ack", "x", "--url", "localhost:9620"), "'localhost:9620' is no address; write http://127.0.0.1:9620"),
    (("ack", "x", "--url", "http://"), "'http://' is no address; write http://127.0.0.1:9620"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_bad_usage_is_said_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)

    assert left.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("", "http://127.0.0.1:9620"),
        ('web: {listen: ":9700"}', "http://127.0.0.1:9700"),
        ('web: {listen: "0.0.0.0:9700"}', "http://127.0.0.1:9700"),
        ('web: {listen: "[::]:9700"}', "http://[::1]:9700"),
        ('web: {listen: "[::1]:9700"}', "http://[::1]:9700"),
        (
            'web: {listen: "10.0.0.7:9700", external_url: "https://x.example/prober/"}',
            "http://10.0.0.7:9700/prober",
        ),
    ],
)
def test_without_a_url_it_is_the_agent_of_the_config(
    tmp_path: Path, written: str, address: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"agent: {{region: eu}}\n{written}\n")

    assert client._address(path) == address


def test_secrets_that_this_shell_does_not_have_are_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    hook = '{webhook: {url: "${NOT_SET_HERE}"}}'
    path.write_text(f"agent: {{region: eu}}\nnotifiers: {{hook: {hook}}}\n")

    assert client._address(path) == "http://127.0.0.1:9620"


def test_without_config_and_url_both_are_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"(?s)config.yaml.*--url names an agent without"):
        client._address(tmp_path / "config.yaml")


DOWN = """
agent: {{region: eu, notify: always}}
web: {{listen: "127.0.0.1:{port}", external_url: "http://prober.example/eu"}}
checks:
  - {{name: shop, http: "{url}", interval: 1s, timeout: 500ms}}
  - {{name: other, http: "{url}", interval: 1s, timeout: 500ms}}
alerts: {{down: {{when: {{failures: 1}}, resolve: {{successes: 1}}}}}}
notifiers: {{ops: {{webhook: {{url: "{hook}", group_wait: 0s}}}}}}
"""


async def firing(agent: AgentProcess) -> dict[str, dict[str, object]]:
    """By check, as far as they are on disk."""
    found = json.loads(await agent.get("/api/v1/incidents?state=firing"))["data"]["incidents"]
    return {one["check"]: one for one in found}


def checks(hook: Receiver) -> list[str]:
    """Of which it was told, in order."""
    return [json.loads(json.dumps(one.json))["commonLabels"]["check"] for one in hook.received]


async def test_a_running_agent_does_what_was_decided_and_remembers_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    its = ("-c", str(tmp_path / "config.yaml"))
    async with receiver() as hook, target() as shop:
        wanted = DOWN.format(port=free_port(), url=shop.url, hook=hook.url)
        async with running(tmp_path, wanted) as agent:
            assert await prober("silence", "add", "chek=shop", *FOR, *its) == 0
            assert 'matches chek="shop" now' in capsys.readouterr().err
            assert await prober("silence", "add", "check=shop", *FOR, *its) == 0
            said = capsys.readouterr()
            silence = said.out.split()[1]
            assert said.err == ""
            shop.status = 500

            async def both_fire() -> bool:
                return len(await firing(agent)) == 2

            await until(both_fire, "both incidents are on disk")
            await until(lambda: bool(hook.received), "the other one is told of")
            burning = await firing(agent)
            assert burning["shop"]["held"] == f"silence {silence}"
            assert f"held back: silence {silence}" in await agent.get("/")

            other = str(burning["other"]["id"])
            assert await prober("ack", other, *its) == 0
            assert await prober("ack", other, *its) == 1
            assert "already" in capsys.readouterr().err
            assert "acknowledged by " in await agent.get(f"/incidents/{other}")
            await until(lambda: len(hook.received) > 1, "the others hear who sees to it")
            assert checks(hook) == ["other", "other"]

            assert await prober("silence", "expire", silence, *its) == 0
            await until(lambda: len(hook.received) > 2, "the silenced one is told of now")
            assert checks(hook) == ["other", "other", "shop"]

            log = json.loads(await agent.get("/api/v1/audit"))["data"]["entries"]
    assert [one["did"] for one in log] == [
        "ended silence",
        "acknowledged",
        *["began silence"] * 2,
    ]
    assert [one["why"] for one in log] == [None, None, *["a new disk"] * 2]


def test_it_is_a_command_of_its_own(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-m", "prober", "ack", ID, "--url", url],
        cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"no agent answers at {url}: connection refused\n"
