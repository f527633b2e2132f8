"""The command as a user meets it: what it prints, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from prober.probes import processes
from tests import agent_process
from tests.command import prober
from tests.servers.target import target, target_beside


def prober_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prober", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def prober_without(folder: Path, closing: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same where a shell has closed something beforehand."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" "$@" {closing}', sys.executable, "-m", "prober", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def write(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text("agent: {region: eu}\n" + text)


def test_version_and_help_need_no_config(tmp_path: Path) -> None:
    assert prober_process(tmp_path, "--version").stdout.startswith("prober 0.")
    assert "validate" in prober(tmp_path, "--help").stdout


def test_who_asks_for_help_waits_for_nothing_that_only_a_config_needs() -> None:
    program = "import sys, prober.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "prober.cli" in done.stdout.split()
    assert {"httpx", "aiohttp", "prober.config", "prober.probes"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("command", ["run", "check", "validate", "demo"])
def test_a_config_that_is_not_there_is_one_line_and_code_2(tmp_path: Path, command: str) -> None:
    done = prober(tmp_path, command)

    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "config.yaml" in done.stderr


def test_mistakes_are_said_all_at_once_and_nothing_is_started(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a}, {name: b, tcp: x}]\nfoo: 1\n")

    done = prober_process(tmp_path, "run")

    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 3
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_valid_config_is_said_to_be_valid(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    done = prober(tmp_path, "validate")

    assert (done.returncode, done.stdout) == (0, "config.yaml: valid, 1 check\n")


def test_an_unset_name_is_accepted_where_asked(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a, http: '${NOT_SET_ANYWHERE}'}]\n")

    assert prober(tmp_path, "validate").returncode == 2
    assert prober(tmp_path, "validate", "--allow-unset").returncode == 0


BROKEN = "\nimport no_such_module_anywhere\n"
SAID = (
    "order.py:2: checks[0].journey: cannot be imported:"
    " ModuleNotFoundError: No module named 'no_such_module_anywhere'; packages go into journeys/requirements.txt"
)


@pytest.mark.parametrize("command", [["validate"], ["check", "order"]])
def test_a_journey_that_cannot_be_imported_is_one_line_and_code_2(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "order.py").write_text(BROKEN)
    write(tmp_path, "checks: [{name: order, journey: order.py}]\n")

    done = prober(tmp_path, *command)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == SAID + "\n"


def test_a_broken_journey_keeps_no_other_check_from_being_run(tmp_path: Path) -> None:
    (tmp_path / "order.py").write_text(BROKEN)
    with target_beside() as shop:
        journey = "{name: order, journey: order.py}"
        write(tmp_path, f"checks: [{journey}, {{name: web, http: '{shop.url}'}}]\n")
        named = prober(tmp_path, "check", "web")
        every = prober(tmp_path, "check", "--json")

    assert (named.returncode, named.stderr) == (0, "")
    results = [json.loads(line) for line in every.stdout.splitlines()]
    assert every.returncode == 3
    assert [(one["check"], one["outcome"], one["reason"]) for one in results] == [
        ("order", "unknown", "script"),
        ("web", "up", None),
    ]


async def test_an_agent_starts_with_a_broken_journey_and_refuses_to_reload_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBER_CHROMIUM", "/nonexistent")  # nothing is to be run here
    (tmp_path / "order.py").write_text(BROKEN)
    text = (
        "agent: {region: eu, notify: never}\nweb: {listen: '127.0.0.1:0'}\n"
        "checks: [{name: order, journey: order.py}, {name: port, tcp: '127.0.0.1:1'}]\n"
    )
    async with agent_process.running(tmp_path, text) as agent:
        assert f"warning: {SAID}" in agent.log
        refused = await agent.post("/-/reload")
        (tmp_path / "order.py").write_text(
            "from prober.journey import journey\n\n@journey\ndef order(): ...\n"
        )
        taken = await agent.post("/-/reload")

    assert SAID in refused.text
    assert refused.is_error
    assert taken.is_success


def test_what_an_agent_says_before_it_serves_is_for_programs_where_they_read_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").write_text("no folder")
    write(tmp_path, "checks: [{name: port, tcp: '127.0.0.1:1'}]\nweb: {listen: '127.0.0.1:0'}\n")

    done = prober_process(tmp_path, "--log-format", "json", "run")

    assert done.returncode == 2
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [one["level"] for one in said] == ["warning", "error"]
    assert "no notifiers" in said[0]["message"]
    assert "data" in said[1]["message"]


def test_check_shows_phases_and_expectations_with_what_was_there(tmp_path: Path) -> None:
    with target_beside() as shop:
        expect = 'expect: {status: 200, json: {"$.status": broken}}'
        write(tmp_path, f"checks: [{{name: shop, http: {{url: '{shop.url}', {expect}}}}}]\n")
        done = prober(tmp_path, "check")

    assert done.returncode == 1
    assert done.stdout.startswith("down    shop")
    assert "json: $.status" in done.stdout
    assert "ok   status: 200 (expected 200)" in done.stdout
    assert "FAIL" in done.stdout
    assert "connect" in done.stdout


def test_check_prints_one_json_object_a_line_and_nothing_else(tmp_path: Path) -> None:
    with target_beside() as shop:
        write(
            tmp_path,
            f"checks: [{{name: a, http: '{shop.url}'}}, {{name: b, http: '{shop.url}'}}]\n",
        )
        done = prober(tmp_path, "check", "--json")

    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [result["check"] for result in results] == ["a", "b"]
    assert all(result["outcome"] == "up" and result["reason"] is None for result in results)
    assert set(results[0]) == {
        "check", "kind", "region", "labels", "run_id", "started_at", "duration_seconds", "outcome", "reason",
        "message", "degraded", "maintenance", "phases", "facts", "values", "assertions", "steps", "vitals",
        "skipped", "budgets", "evidence", "attempts", "traceparent",
    }  # fmt: skip


def test_the_doctor_says_what_will_not_work_and_is_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBER_CHROMIUM", "/nonexistent")
    write(tmp_path, "web: {listen: '127.0.0.1:0'}\nchecks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    done = prober(tmp_path, "doctor", "--json")

    levels = {one["name"]: one["level"] for one in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, done.stderr) == (1, "")
    assert [name for name, level in levels.items() if level == "fail"] == ["browser"]
    assert os.listdir(tmp_path) == ["config.yaml"]


def test_only_the_named_checks_run(tmp_path: Path) -> None:
    with target_beside() as shop:
        write(
            tmp_path,
            f"checks: [{{name: a, http: '{shop.url}'}}, {{name: b, tcp: '127.0.0.1:1'}}]\n",
        )
        done = prober(tmp_path, "check", "a")

    assert done.returncode == 0
    assert "b" not in done.stdout.split()


def test_an_unknown_name_is_code_2_and_says_which_there_are(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    done = prober(tmp_path, "check", "nobody")

    assert done.returncode == 2
    assert done.stderr == "no check is called 'nobody'; there are: a\n"


def test_of_many_checks_an_unknown_name_lists_a_few(tmp_path: Path) -> None:
    many = ", ".join(f"'10.0.0.{i}:1'" for i in range(50))
    (tmp_path / "targets.yaml").write_text(f"[{{targets: [{many}]}}]")
    write(tmp_path, "checks: [{name: many, targets_from: [targets.yaml], tcp: }]\n")

    done = prober(tmp_path, "check", "nobody", "many:10.0.0.49:11")

    first, second = done.stderr.splitlines()
    assert first.endswith(
        "there are: " + ", ".join(f"many:10.0.0.{i}:1" for i in range(10)) + " and 40 more"
    )
    assert second.endswith("did you mean many:10.0.0.49:1?")


def test_the_name_of_a_check_with_targets_from_files_stands_for_all_of_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "targets.yaml").write_text("[{targets: ['127.0.0.1:1', '127.0.0.2:1']}]")
    checks = (
        "{name: many, targets_from: [targets.yaml], tcp: }, {name: manyfold, tcp: '127.0.0.1:1'}"
    )
    write(tmp_path, f"checks: [{checks}]\n")

    done = prober(tmp_path, "check", "--json", "many", "many:127.0.0.1:1")

    ran = [json.loads(line)["check"] for line in done.stdout.splitlines()]
    assert ran == ["many:127.0.0.1:1", "many:127.0.0.2:1"]


@pytest.mark.parametrize("command", [["check"], ["check", "--json"], ["validate"]])
def test_a_stdout_that_is_closed_is_no_fault(tmp_path: Path, command: list[str]) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    done = prober_without(tmp_path, ">&-", *command)

    assert done.returncode == (1 if command[0] == "check" else 0)
    assert "Traceback" not in done.stderr


def test_what_belongs_on_a_stderr_that_is_closed_is_not_said_on_stdout(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    done = prober_without(tmp_path, "2>&-", "check", "nobody")

    assert (done.returncode, done.stdout) == (2, "")


def test_a_closed_port_is_code_1(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    done = prober_process(tmp_path, "check")

    assert done.returncode == 1
    assert "connection refused" in done.stdout


def test_a_secret_shows_nowhere(tmp_path: Path) -> None:
    with target_beside() as shop:
        shop.status = 503
        url = shop.url.replace("http://", "http://probe:hunter22@")
        more = (
            "headers: {Authorization: 'Bearer hunter33'}, json: {password: hunter44}, method: POST"
        )
        write(tmp_path, f"checks: [{{name: shop, http: {{url: '{url}', {more}}}}}]\n")
        shown = [prober(tmp_path, "check", *more) for more in ((), ("--json",))]

    text = "".join(done.stdout + done.stderr for done in shown)
    assert "hunter" not in text
    assert any(b"hunter33" in head for head in shop.heads)


def test_what_a_run_does_not_know_is_null(tmp_path: Path) -> None:
    with target_beside() as shop:
        write(tmp_path, f"checks: [{{name: a, http: '{shop.url}'}}]\n")
        done = prober(tmp_path, "check", "--json")

    result = json.loads(done.stdout)
    assert result["message"] is None
    assert result["facts"]["status_code"] == 200
    assert result["facts"]["tls_version"] is None


FULL = "stdout cannot be written: no space left on device"


@pytest.mark.parametrize("command", [["validate"], ["check", "--json"], ["schema"]])
def test_a_stdout_that_takes_nothing_is_one_line_and_code_3(
    tmp_path: Path, command: list[str]
) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    with Path("/dev/full").open("w") as full:
        done = prober(tmp_path, *command, out=full)

    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == FULL
    assert "Traceback" not in done.stderr


def test_nor_has_the_interpreter_anything_to_say_of_it_at_its_end(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "prober", "check"],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=50, check=False,
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (3, f"{FULL}\n")


def test_a_reader_that_leaves_is_no_mistake(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "prober", "schema"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")


def test_the_schema_is_json_and_needs_no_config(tmp_path: Path) -> None:
    done = prober(tmp_path, "schema")

    assert done.returncode == 0
    assert json.loads(done.stdout)["properties"]["checks"]


def test_junit_is_written_beside_whatever_is_printed(tmp_path: Path) -> None:
    with target_beside() as shop:
        checks = f"{{name: a, http: '{shop.url}'}}, {{name: b, tcp: '127.0.0.1:1'}}"
        write(tmp_path, f"checks: [{checks}]\n")
        done = prober(tmp_path, "check", "--json", "--junit", "report.xml")

    cases = fromstring((tmp_path / "report.xml").read_bytes()).iter("testcase")  # noqa: S314 - our own
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert [(case.get("name"), case[0].tag) for case in cases] == [
        ("a", "system-out"),
        ("b", "failure"),
    ]


def test_a_report_that_cannot_be_written_is_code_2_and_nothing_runs(tmp_path: Path) -> None:
    write(tmp_path, "checks: [{name: a, tcp: '127.0.0.1:1'}]\n")

    done = prober(tmp_path, "check", "--junit", "none/report.xml")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--junit none/report.xml cannot be written: no such file or directory\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_check_that_is_ended_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "temporary").mkdir()
    async with target() as shop:
        shop.delay = 60
        check = f"{{name: a, interval: 50s, timeout: 40s, http: '{shop.url}'}}"
        write(tmp_path, f"checks: [{check}]\n")
        process = _started(tmp_path, "check", "--junit", "report.xml")
        await agent_process.until(lambda: shop.in_flight == 1, "it is under way")
        process.send_signal(number)
        said, _ = await asyncio.to_thread(process.communicate, timeout=20)

    assert (process.returncode, said) == (128 + number, b"")
    assert sorted(os.listdir(tmp_path)) == ["config.yaml", "temporary"]
    assert os.listdir(tmp_path / "temporary") == []


async def test_so_does_one_that_is_ended_while_it_looks_into_a_script(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    (tmp_path / "order.py").write_text(
        "import os, time\nfrom pathlib import Path\n"
        f"Path({str(tmp_path / 'pid')!r}).write_text(f'{{os.getpid()}} ')\ntime.sleep(600)\n"
    )
    write(tmp_path, "checks: [{name: order, journey: order.py}]\n")
    process = _started(tmp_path, "check", "order")

    def is_imported() -> bool:
        return (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith(" ")

    await agent_process.until(is_imported, "the script is imported")
    process.terminate()
    said, _ = await asyncio.to_thread(process.communicate, timeout=10)  # the script has 20 s

    assert (process.returncode, said) == (128 + signal.SIGTERM, b"")
    assert int((tmp_path / "pid").read_text()) not in processes.processes()
    assert os.listdir(tmp_path / "temporary") == []


def _started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "prober", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(folder / "temporary")},
    )  # fmt: skip
