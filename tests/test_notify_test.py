"""`prober notify test`: every notifier is told of an alert and its end, and says what it answered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from prober import config, notify_test
from prober.errors import StartError
from tests.fake_clock import FakeClock
from tests.servers.receivers import Answer, free_port, receiver
from tests.servers.slack import CHANNEL, slack
from tests.servers.slack import TOKEN as SLACK_TOKEN
from tests.servers.smtp import mailhost
from tests.servers.tls import Authority
from tests.servers.twilio import SENDER, SID, TOKEN, twilio

PASSWORD = "hunter22-hunter22"


def loaded(folder: Path, notifiers: str) -> config.model.Config:
    path = folder / "config.yaml"
    path.write_text(f"agent: {{region: eu, labels: {{env: prod}}}}\nnotifiers:\n{notifiers}")
    return config.load(path, {}).config


async def test_each_is_told_of_an_alert_and_its_end_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(tmp_path)
    async with (
        receiver() as hook,
        twilio() as service,
        mailhost(starttls=authority.server(), password=PASSWORD) as host,
    ):
        told = loaded(
            tmp_path,
            f'  hook: {{webhook: {{url: "{hook.url}"}}}}\n'
            f'  am: {{alertmanager: {{urls: ["{hook.url}"]}}}}\n'
            f'  mail: {{email: {{smtp: "{host.url(user=f"u:{PASSWORD}")}", from: a@x.example,'
            " to: [b@x.example], ca_file: ca.pem}}\n"
            f'  sms: {{twilio: {{account_sid: {SID}, auth_token: {TOKEN}, from: "{SENDER}",'
            f' to: ["+15552220001"], url: "{service.url}"}}}}\n',
        )
        code = await notify_test.run(told, [], FakeClock())

    assert code == 0
    assert (
        capsys.readouterr().out
        == "hook: accepted (200)\nam: accepted (200)\nmail: accepted\nsms: accepted (201)\n"
    )
    assert [one.message["X-Prober-Event"] for one in host.kept] == ["firing", "resolved"]
    assert "TEST" in host.kept[0].message["Subject"]
    assert [text.split("\n")[0] for _, text in service.texts] == [
        "[critical] TEST of the notifiers in eu: nothing is wrong",
        "[resolved] TEST of the notifiers in eu is over",
    ]
    hooks = [one.json for one in hook.received if one.path == "/"]
    assert [one["status"] for one in hooks if isinstance(one, dict)] == ["firing", "resolved"]
    assert len(hook.received) == 4


async def test_its_alert_is_no_checks_and_new_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as hook:
        told = loaded(tmp_path, f'  hook: {{webhook: {{url: "{hook.url}"}}}}\n')
        await notify_test.run(told, [], FakeClock())
        await notify_test.run(told, [], FakeClock())

    bodies = [one.json for one in hook.received]
    assert isinstance(bodies[0], dict)
    assert bodies[0]["commonLabels"] == {
        "alertname": "ProberTest", "alert": "test", "kind": "agent", "region": "eu",
        "severity": "critical", "env": "prod",
    }  # fmt: skip
    keys = [body["groupKey"] for body in bodies if isinstance(body, dict)]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert capsys.readouterr().out == "hook: accepted (200)\n" * 2


async def test_who_does_not_accept_is_said_without_a_secret_and_is_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as hook, mailhost(password=PASSWORD, auth_in_the_clear=True) as host:
        hook.answer = lambda one: (
            Answer(400, text=f"no {PASSWORD}") if one.path == "/b" else Answer()
        )
        told = loaded(
            tmp_path,
            f'  good: {{webhook: {{url: "{hook.url}/a"}}}}\n'
            f'  bad: {{webhook: {{url: "{hook.url}/b"}}}}\n'
            f'  mail: {{email: {{smtp: "{host.url(user=f"u:{PASSWORD}")}", from: a@x.example,'
            " to: [b@x.example]}}\n"
            f'  gone: {{webhook: {{url: "http://127.0.0.1:{free_port()}"}}}}\n',
        )
        code = await notify_test.run(told, [], FakeClock())

    good, bad, mail, gone = capsys.readouterr().out.splitlines()
    assert code == 1
    assert good == "good: accepted (200)"
    assert bad == f"bad: {hook.url} answered 400, saying 'no ***'"
    assert mail.endswith("offers no STARTTLS, and a password is sent over TLS alone")
    assert gone.endswith(" cannot be told: connection refused")
    assert [one.path for one in hook.received].count("/b") == 1


async def test_an_end_that_is_refused_is_said_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as hook:
        hook.answers.extend([Answer(), Answer(500)])
        told = loaded(tmp_path, f'  hook: {{webhook: {{url: "{hook.url}"}}}}\n')
        code = await notify_test.run(told, [], FakeClock())

    assert code == 1
    assert capsys.readouterr().out == f"hook: its end: {hook.url} answered 500\n"


async def test_only_those_named_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as hook:
        told = loaded(
            tmp_path,
            "".join(f'  {n}: {{webhook: {{url: "{hook.url}/{n}"}}}}\n' for n in ("a", "b", "c")),
        )
        await notify_test.run(told, ["c", "a", "c"], FakeClock())

    assert {one.path for one in hook.received} == {"/a", "/c"}
    assert capsys.readouterr().out == "c: accepted (200)\na: accepted (200)\n"


async def test_a_command_is_run_only_where_it_is_named_and_says_what_it_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as hook:
        told = loaded(
            tmp_path,
            f'  hook: {{webhook: {{url: "{hook.url}"}}}}\n'
            "  well: {command: {argv: [echo, restarted], events: [firing, resolved]}}\n"
            "  bad: {command: {argv: [sh, -c, 'echo no; exit 4']}}\n"
            "  gone: {command: {argv: [/nowhere/restart]}}\n"
            "  late: {command: {argv: [echo, hello], events: [reminder]}}\n",
        )
        everybody = await notify_test.run(told, [], FakeClock())
        first = capsys.readouterr().out
        well = await notify_test.run(told, ["well", "late"], FakeClock())
        named = await notify_test.run(told, ["bad", "gone"], FakeClock())

    well_said, late, bad, gone = capsys.readouterr().out.splitlines()
    assert (everybody, well, named) == (0, 0, 1)
    assert first == "hook: accepted (200)\n"
    assert well_said == "well: exit 0: restarted; exit 0: restarted"
    assert late == "late: a test is none of its events"
    assert bad == "bad: exit 4: no"
    assert gone.startswith("gone: /nowhere/restart cannot be run: ")


async def test_where_there_are_only_commands_one_has_to_be_named(tmp_path: Path) -> None:
    told = loaded(tmp_path, "  fix: {command: {argv: [echo, restarted]}}\n")

    with pytest.raises(StartError, match=r"there are only commands, .*: fix$"):
        await notify_test.run(told, [], FakeClock())


async def test_a_bot_edits_the_message_of_the_test(tmp_path: Path) -> None:
    async with slack() as theirs:
        told = loaded(
            tmp_path,
            f"  ops: {{slack: {{token: {SLACK_TOKEN}, channel: {CHANNEL},"
            f' url: "{theirs.hook.url}"}}}}\n',
        )
        code = await notify_test.run(told, [], FakeClock())

    assert code == 0
    assert [one.edits for one in theirs.channel.values()] == [1]


async def test_a_name_that_is_no_notifiers_tells_nobody(tmp_path: Path) -> None:
    async with receiver() as hook:
        told = loaded(tmp_path, f'  hook: {{webhook: {{url: "{hook.url}"}}}}\n')
        with pytest.raises(StartError, match=r"no notifier 'hok'; there are hook$"):
            await notify_test.run(told, ["hook", "hok"], FakeClock())

    assert hook.received == []


async def test_a_config_without_notifiers_has_nothing_to_test(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="the config has no notifiers"):
        await notify_test.run(loaded(tmp_path, "  {}\n"), [], FakeClock())


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prober", "notify", *arguments],
        cwd=folder, env={**os.environ}, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def test_the_command_leaves_nothing_behind_and_needs_no_agent(tmp_path: Path) -> None:
    loaded(tmp_path, f'  gone: {{webhook: {{url: "http://127.0.0.1:{free_port()}"}}}}\n')

    refused, unknown, bare = (command(tmp_path, *one) for one in (["test"], ["test", "x"], []))

    assert (refused.returncode, unknown.returncode, bare.returncode) == (1, 2, 2)
    assert refused.stdout.startswith("gone: http://127.0.0.1:")
    assert unknown.stderr.endswith("no notifier 'x'; there are gone\n")
    assert "usage: prober notify" in bare.stderr
    assert "Traceback" not in refused.stderr + unknown.stderr + bare.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["config.yaml"]
