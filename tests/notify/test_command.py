"""What a command gets to see, how often it is run, and what is kept of what it says."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pydantic import JsonValue

from prober.alerts.notice import Event
from prober.notify import Means, Told, send, takes
from prober.notify.command import KEPT, CommandNotifier, NotRun
from tests.fake_clock import FakeClock
from tests.notify.notices import LABELS, delivery, firing, notice, resolved
from tests.notify.telling import failure, tell


def notifier(*argv: str, **more: JsonValue) -> CommandNotifier:
    return CommandNotifier.model_validate({"command": {"argv": list(argv), **more}})


def python(code: str, **more: JsonValue) -> CommandNotifier:
    return notifier(sys.executable, "-c", code, **more)


async def said(told: CommandNotifier, client: httpx.AsyncClient) -> str:
    return (await tell(told, firing(), client))[firing().id]


async def test_the_notice_is_on_its_stdin_and_its_answer_is_the_receipt(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    told = notifier("tee", str(heard))

    answer = await said(told, client)

    one = firing().notice
    times = {"starts_at": "2023-11-14T22:13:20.000Z", "at": "2023-11-14T22:13:20.000Z"}
    assert json.loads(heard.read_text()) == {**one.to_json(), **times, "id": one.id}
    assert answer.startswith('exit 0: {"event": "firing"')


async def test_its_times_are_those_that_everybody_reads(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"

    await tell(notifier("tee", str(heard), events=["resolved"]), resolved(), client)

    told = json.loads(heard.read_text())
    assert told["starts_at"] == "2023-11-14T22:13:20.000Z"
    assert told["ends_at"] == told["at"] == "2023-11-14T22:14:20.000Z"


async def test_no_shell_looks_at_its_arguments(client: httpx.AsyncClient) -> None:
    assert await said(notifier("echo", "$HOME; `id` {{ check }} *"), client) == (
        "exit 0: $HOME; `id` {{ check }} *"
    )


async def test_its_environment_holds_nothing_of_ours_but_what_the_notice_is_about(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_TOKEN", "s3cret-s3cret")
    monkeypatch.setenv("PROBER_TOKEN", "s3cret-s3cret")
    odd = replace(notice(), labels={**LABELS, "check": "a\0b\ud800"})
    code = "import os; print(*(f'{k}={v}' for k, v in sorted(os.environ.items())), sep=chr(10))"

    answer = await said(python(code), client)
    [also] = (await tell(python(code), delivery(odd), client)).values()

    lines = dict(line.split("=", 1) for line in answer.removeprefix("exit 0: ").splitlines())
    ours = {name: text for name, text in lines.items() if name.startswith("PROBER_")}
    assert ours == {
        "PROBER_EVENT": "firing", "PROBER_INCIDENT": firing().notice.id, "PROBER_CHECK": "api-health",
        "PROBER_ALERT": "down", "PROBER_SEVERITY": "critical", "PROBER_REGION": "eu-west-1",
    }  # fmt: skip
    assert lines["PATH"] == os.environ["PATH"]
    assert lines.keys() - ours.keys() <= {"PATH", "HOME", "LANG", "LC_CTYPE"}
    assert "PROBER_CHECK=ab?" in also


async def test_what_went_wrong_in_it_is_its_answer_too(client: httpx.AsyncClient) -> None:
    told = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    killed = python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")

    answer = await said(told, client)

    assert answer.startswith("exit 3: ")
    assert sorted(answer.removeprefix("exit 3: ").split()) == ["err", "out"]
    assert await said(killed, client) == "ended by signal 15"


async def test_of_a_flood_the_end_is_kept(client: httpx.AsyncClient) -> None:
    answer = await said(python("print('x' * 5_000_000 + 'end')"), client)

    assert answer.endswith("xend")
    assert len(answer) < KEPT + 20
    assert answer.startswith("exit 0: …")


async def test_secrets_are_taken_out_of_what_it_says(client: httpx.AsyncClient) -> None:
    means = Means(client=client, clock=FakeClock(), scrub=lambda text: text.replace("abc", "***"))
    told = Told(notifier=notifier("echo", "token abc"), deliveries=(firing(),))

    assert (await send(told, means))[firing().id] == "exit 0: token ***"


async def test_a_secret_that_the_cut_goes_through_is_taken_out_whole(
    client: httpx.AsyncClient,
) -> None:
    secret = "s-e-c-r-e-t"
    means = Means(client=client, clock=FakeClock(), scrub=lambda text: text.replace(secret, "***"))
    code = f"print('{secret}' + 'x' * {KEPT - 5})"
    told = Told(notifier=python(code), deliveries=(firing(),))

    answer = (await send(told, means))[firing().id]

    assert "e-t" not in answer
    assert answer.endswith("xx")
    assert len(answer) <= len("exit 0: …") + KEPT


async def test_one_that_does_not_listen_is_no_failure(client: httpx.AsyncClient) -> None:
    long = replace(notice(), annotations={"description": "x" * 1_000_000})

    assert [*(await tell(notifier("true"), delivery(long), client)).values()] == ["exit 0"]


async def test_one_that_takes_too_long_is_killed_with_all_that_it_started(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    script = f"echo begun; sleep 600 & echo $! > {shlex.quote(str(pid))}; wait"

    answer = await said(notifier("sh", "-c", script, timeout="700ms"), client)

    assert answer == "killed after 700 ms: begun"
    await until(lambda: not _runs(int(pid.read_text())))


async def until(condition: Callable[[], bool]) -> None:
    """Of files and of other processes nobody is told."""
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


def _runs(pid: int) -> bool:
    """A child of nobody may stay a zombie, where nobody takes it in."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_what_it_leaves_behind_is_not_waited_for(client: httpx.AsyncClient) -> None:
    left = python(
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(2)']); print('done')"
    )

    async with asyncio.timeout(30):
        assert await said(left, client) == "exit 0: done"


async def test_one_that_cannot_be_run_is_a_dead_letter(client: httpx.AsyncClient) -> None:
    error = await failure(notifier("/nowhere/restart"), firing(), client)

    assert error.permanent
    assert str(error).startswith("/nowhere/restart cannot be run: ")


async def test_beyond_its_number_an_hour_it_is_not_run(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    clock, count = FakeClock(), tmp_path / "count"
    told = notifier("sh", "-c", f"echo x >> {shlex.quote(str(count))}", max_per_hour=2)

    answers: list[str] = []
    for n in range(2):
        answers += (await tell(told, firing(incident=f"run-{n}"), client, clock)).values()
    with pytest.raises(NotRun, match=r"^not run: 2 in the last hour$") as caught:
        await tell(told, firing(incident="run-2"), client, clock)
    other = await tell(told, firing(to="another"), client, clock)
    await clock.advance(3600)
    answers += (await tell(told, firing(incident="run-9"), client, clock)).values()

    assert caught.value.permanent
    assert answers == ["exit 0"] * 3
    assert [*other.values()] == ["exit 0"]
    assert count.read_text() == "x\n" * 4


async def test_ends_of_what_it_was_run_for_cost_nothing_and_are_always_run(
    client: httpx.AsyncClient,
) -> None:
    clock, told = FakeClock(), notifier("true", events=["firing", "resolved"], max_per_hour=2)
    ran: list[str] = []
    for n in range(2):
        begun, over = firing(incident=f"run-{n}"), resolved(incident=f"run-{n}")
        [said] = (await tell(told, begun, client, clock)).values()
        ran += (await tell(told, over, client, clock, {begun.notice.key: said})).values()
    third, limited = firing(incident="run-3"), "not run: 2 in the last hour"
    with pytest.raises(NotRun, match=f"^{limited}$"):
        await tell(told, third, client, clock)
    with pytest.raises(NotRun, match=r"^not run: nor was it for what is over$"):
        await tell(told, resolved(incident="run-3"), client, clock, {third.notice.key: limited})

    assert ran == ["exit 0", "exit 0"]


async def test_an_end_of_which_nobody_knows_whether_it_was_run_for_is_run_while_there_is_room(
    client: httpx.AsyncClient,
) -> None:
    clock, told = FakeClock(), notifier("true", events=["resolved"], max_per_hour=1)

    first = await tell(told, resolved(incident="run-1"), client, clock)
    with pytest.raises(NotRun):
        await tell(told, resolved(incident="run-2"), client, clock)

    assert [*first.values()] == ["exit 0"]


async def test_it_is_run_for_its_events_alone(client: httpx.AsyncClient) -> None:
    both = notifier("true", events=["firing", "resolved"])

    assert takes(notifier("true")) == {Event.FIRING}
    assert takes(both) == {Event.FIRING, Event.RESOLVED}
    with pytest.raises(NotRun, match=r"^not run: resolved is none of its events$"):
        await tell(notifier("true"), resolved(), client)


async def test_whoever_is_cut_off_in_the_middle_leaves_nothing_running(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    script = f"echo $$ > {shlex.quote(str(pid))}.new; mv {shlex.quote(str(pid))}.new {shlex.quote(str(pid))}; exec sleep 600"
    task = asyncio.create_task(tell(notifier("sh", "-c", script), firing(), client))
    await until(pid.exists)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not _runs(int(pid.read_text()))


def test_it_is_told_at_most_once_and_by_no_default() -> None:
    assert CommandNotifier.TRAITS.claims
    assert not CommandNotifier.TRAITS.people
