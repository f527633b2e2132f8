"""The log tells of every run that matters, and lets people read what changes."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from prober import log
from prober.alerts.notice import Ended, incident_id, incident_key
from prober.alerts.state import AlertState
from prober.journal import Journal
from prober.result import Outcome, Reason, Result
from prober.tracing import first_of
from tests.agent_process import running, until
from tests.alerts.samples import UNKNOWN, result
from tests.fake_clock import NOON
from tests.servers.receivers import receiver
from tests.servers.target import target

YML = re.compile(r"```yml\n(.*?)```", re.DOTALL)
QUIET_ID, SAMPLED_ID = "0" * 32, "f" * 32
LABELS = {"check": "api", "region": "eu", "kind": "http", "alert": "down", "severity": "high"}
FIRES = AlertState(
    incident=QUIET_ID,
    since=NOON - 30,
    fired_at=NOON,
    labels=LABELS,
    last_message="status 503",
    last_reason="status",
)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, every = logging.getLogger(), logging.getLogger(log.EVERY_RUN)
    before = root.handlers[:], root.level, every.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    every.setLevel(before[2])


def run(outcome: str, run_id: str = QUIET_ID, reason: Reason = Reason.STATUS) -> Result:
    one = result(Outcome(outcome), run_id=run_id, reason=reason)
    return one._replace(traceparent=f"00-{run_id}-{'1' * 16}-01")


def told(
    capsys: pytest.CaptureFixture[str],
    runs: Sequence[Result],
    log_format: log.LogFormat,
    level: str = "info",
) -> list[str]:
    """The lines of runs one after the other, where the state is that of the last verdict."""
    log.set_up(log_format, level)
    journal, last, state = Journal(lambda: NOON), None, None
    for one in runs:
        now = state if one.outcome is UNKNOWN and state else one.outcome
        journal.run(one, last, changed=now is not state)
        last, state = one, now
    return capsys.readouterr().err.splitlines()


def story() -> list[Result]:
    """Up, down for long, unknown twice in a row for one reason and once for another, and up."""
    stages = [run("up")] * 50 + [run("down")] * 50
    stages += [run("unknown", reason=Reason.INTERNAL)] * 5 + [run("unknown", reason=Reason.BROWSER)]
    return stages + [run("down")] * 3 + [run("up")] * 50


def test_people_read_what_changes_and_no_run_of_an_outage_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = [line.split(maxsplit=1)[1] for line in told(capsys, story(), "console")]

    assert said == [
        "INFO    api is up",
        "WARNING api is down: status 503, expected 2xx",
        "WARNING api is unknown: status 503, expected 2xx",
        "WARNING api is unknown: status 503, expected 2xx",
        "INFO    api is up",
    ]


def test_programs_read_every_run_that_is_not_up_and_every_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = [json.loads(line)["outcome"] for line in told(capsys, story(), "json")]

    assert said == ["up", *["down"] * 50, *["unknown"] * 6, *["down"] * 3, "up"]


def test_people_who_ask_for_more_read_what_programs_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(told(capsys, story(), "console", "debug")) == 61


def test_of_runs_that_are_up_programs_read_a_sample(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run("up"), run("up", SAMPLED_ID), run("up"), run("up", SAMPLED_ID)]

    assert [json.loads(line)["run_id"] for line in told(capsys, runs, "json")] == [
        *(QUIET_ID, SAMPLED_ID, SAMPLED_ID)
    ]
    assert len(told(capsys, runs, "console")) == 1


def test_the_sample_is_one_in_a_hundred_and_its_traces_are_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ids = [f"{number:03x}".rjust(21, "7").ljust(32, "0") for number in range(4096)]
    said = told(capsys, [run("up", one) for one in ids], "json")[1:]

    assert len(said) == 40
    assert all(json.loads(line)["trace_id"][-14:] >= first_of(0.01) for line in said)


def test_a_line_of_a_run_has_what_it_is_looked_for_by_and_nothing_that_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [line] = told(capsys, [run("down", "ab" * 16)], "json")
    fields = json.loads(line)

    assert fields.pop("timestamp").endswith("Z")
    assert fields == {
        "level": "warning",
        "message": "api is down: status 503, expected 2xx",
        "logger": "prober.journal",
        "request_id": "ab" * 16,
        "run_id": "ab" * 16,
        "check": "api",
        "region": "eu-west-1",
        "kind": "http",
        "outcome": "down",
        "reason": "status",
        "duration_ms": 100.0,
        "attempts": 1,
        "trace_id": "ab" * 16,
    }


def test_an_alert_that_fires_and_is_over_is_said_once_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    journal = Journal(lambda: NOON)
    journal.alert(("api", "down"), FIRES)
    journal.alert(("api", "down"), replace(FIRES, last_message="status 500"))  # its severity is new
    journal.alert(("api", "down"), None)
    journal.over(("api", "down"), FIRES, Ended(at=NOON + 90, up_since=NOON + 60))

    assert caplog.messages == ["api/down fires: status 503", "api/down is over after 1 m 30 s"]
    for record in caplog.records:
        fields = vars(record)
        assert {name: fields[name] for name in LABELS} == LABELS
        assert fields["incident"] == incident_id(incident_key(FIRES))
        assert fields["request_id"] == fields["run_id"] == fields["trace_id"] == QUIET_ID
        assert fields["reason"] == "status"


def test_what_fired_in_an_earlier_life_is_not_said_again_and_its_end_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    journal = Journal(lambda: NOON + 60)
    journal.alert(("api", "down"), FIRES)
    assert caplog.messages == []

    journal.alert(("api", "down"), None)
    journal.over(("api", "down"), FIRES, Ended(at=NOON + 30))
    journal.alert(("api", "down"), replace(FIRES, fired_at=NOON + 60))

    assert caplog.messages == ["api/down is over after 1 m", "api/down fires: status 503"]


def test_a_clock_that_was_set_back_silences_no_alert(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    now = NOON
    journal = Journal(lambda: now)
    now -= 3600
    journal.alert(("api", "down"), replace(FIRES, fired_at=now - 0.5))

    assert caplog.messages == ["api/down fires: status 503"]


def test_the_agents_own_alerts_have_no_check_and_no_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    labels = {"region": "eu", "shard": "0/2", "kind": "agent", "alert": "store", "severity": "high"}
    state = replace(FIRES, incident="1700000000000", labels=labels, last_reason="")

    Journal(lambda: NOON).alert(("", "store"), state)

    [record] = caplog.records
    fields = vars(record)
    assert record.getMessage() == "agent/store fires: status 503"
    assert fields["shard"] == "0/2"
    assert fields["check"] is None
    assert "run_id" not in fields


CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
alerts: {{down: {{when: {{failures: 2}}, resolve: {{successes: 1}}}}}}
notifiers: {{hook: {{webhook: {{url: "{hook}", group_wait: 0}}}}}}
checks:
  - {{name: shop, interval: 100ms, timeout: 90ms, http: "{shop}"}}
"""


async def test_run_alert_and_notice_are_found_by_one_id_which_the_target_was_told(
    tmp_path: Path,
) -> None:
    async with (
        target() as shop,
        receiver() as hook,
        running(
            tmp_path,
            CONFIG.format(shop=shop.url, hook=hook.url),
            options=("--log-format", "json"),
        ) as agent,
    ):
        await until(lambda: shop.requests >= 2, "the shop is probed")
        shop.status = 503
        await until(lambda: len(hook.received) == 1, "the alert is told")
        shop.status = 200
        await until(lambda: len(hook.received) == 2, "its end is told")
        assert await agent.stop() == 0

        lines = [json.loads(line) for line in agent.log.splitlines()]
        fired = next(line for line in lines if line["message"].startswith("shop/down fires"))
        its = [line["message"] for line in lines if line.get("run_id") == fired["run_id"]]
        assert its == [
            "shop is down: status 503, expected 2xx",
            "shop/down fires: status 503, expected 2xx",
            "delivered firing of shop/down to hook",
            next(line["message"] for line in lines if "is over" in line["message"]),
            "delivered resolved of shop/down to hook",
        ]
        told = json.loads(hook.received[1].raw)["alerts"][0]["annotations"]
        [over] = [message for message in its if "is over" in message]
        assert over == f"shop/down is over after {told['duration']}"
        heads = b"".join(shop.heads)
        assert fired["trace_id"].encode() in heads
        assert len({line["incident"] for line in lines if "incident" in line}) == 1
        down = [line for line in lines if line.get("outcome") == "down"]
        assert len(down) >= 2
        assert lines[-1]["message"] == "stopped"


def test_what_a_shipper_of_logs_is_to_look_for_is_in_the_lines(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    text = (Path(__file__).parent.parent / "docs" / "operating.md").read_text()
    wanted = re.search(r"expressions = {(.*)}", text)
    [stages] = [yaml.safe_load(block)["pipeline_stages"] for block in YML.findall(text)]
    assert wanted is not None
    named = set(re.findall(r"(\w+) =", wanted[1]))
    caplog.set_level("INFO")
    Journal(lambda: NOON).alert(("api", "down"), FIRES)
    [line] = told(capsys, [run("down")], "json")

    assert named == {"timestamp", "level", "region", "check", "outcome", "trace_id", "incident"}
    assert named <= json.loads(line).keys() | vars(caplog.records[0]).keys()
    assert stages[0] == {"json": {"expressions": dict.fromkeys(named)}}
    assert [next(iter(stage.values())).keys() for stage in stages[2:]] == [
        {"level", "region"},
        {"check", "outcome", "trace_id", "incident"},
    ]


async def test_an_agent_whose_stderr_nobody_reads_goes_on_and_stops(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)  # a dozen lines
    async with target() as shop:
        shop.status = 503
        checks = "".join(
            f"  - {{name: c{number}, interval: 20ms, timeout: 19ms, http: '{shop.url}'}}\n"
            for number in range(10)
        )
        head = CONFIG.format(shop=shop.url, hook="http://127.0.0.1:9/")
        (tmp_path / "config.yaml").write_text(head + checks)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "prober", "--log-format", "json", "run"),
            cwd=tmp_path,
            stderr=writing,
            stdin=asyncio.subprocess.DEVNULL,
        )
        os.close(writing)
        try:
            await until(lambda: shop.requests > 200, "runs go on", within=40)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    taken = os.read(reading, 1 << 16)
    os.close(reading)
    assert 0 < taken.count(b"\n") < 100
