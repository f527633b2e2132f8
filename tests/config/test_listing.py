"""Somebody's script is imported: it may do anything, and the config is read all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from prober.config import listing
from prober.config.listing import Fit, Need, Unfit, looked
from prober.probes import processes
from prober.probes.journey_settings import Script

GOOD = "from prober.journey import journey\n\n@journey\ndef order(page): ...\n"
DIES = "; does it end the process itself?"


def script(folder: Path, text: str, name: str = "order.py", function: str | None = None) -> Script:
    (folder / name).write_text(text)
    return Script(str(folder / name), function)


def unfit(
    scripts: Collection[Script],
    heard: Callable[[], None] = lambda: None,
    *,
    command: tuple[str, ...] = listing.COMMAND,
    timeout: float = 20.0,
) -> dict[Script, Unfit]:
    """What is wrong with those that are."""
    found = looked(scripts, heard, command=command, timeout=timeout)
    assert set(found) == set(scripts)
    return {script: one for script, one in found.items() if isinstance(one, Unfit)}


def says(folder: Path, text: str, *, timeout: float = 20.0) -> str | None:
    """What is wrong with a script, said by a stand-in that only runs it."""
    asked = script(folder, text)
    wrong = unfit([asked], command=(sys.executable, "-P"), timeout=timeout).get(asked)
    return wrong.message if wrong else None


def test_a_script_with_a_journey_is_fit(tmp_path: Path) -> None:
    assert unfit([script(tmp_path, GOOD), script(tmp_path, GOOD, "again.py", "order")]) == {}


def test_of_a_journey_is_known_what_it_asks_for(tmp_path: Path) -> None:
    text = (
        "from prober.journey import journey\n\n@journey\nasync def order(page, step, secrets):\n"
        "    async with step('sign in'):\n        await page.fill(secrets['password'])\n"
    )
    asked = script(tmp_path, text)

    assert looked([asked]) == {
        asked: Fit(
            function="order",
            is_async=True,
            file=asked.path,
            line=4,
            arguments=("page", "step", "secrets"),
            steps=("sign in",),
            no_more_steps=True,
            needs=(Need(kind="secrets", name="password", line=6),),
        )
    }


def test_each_that_is_not_is_told_with_its_line(tmp_path: Path) -> None:
    good = script(tmp_path, GOOD)
    nobody = script(tmp_path, GOOD, function="nobody")
    raises = script(tmp_path, "\n\nraise OSError('no shop')\n", "raises.py")

    found = unfit([good, nobody, raises])

    assert set(found) == {nobody, raises}
    assert found[nobody].message == "has no journey 'nobody'"
    assert found[raises] == Unfit(raises.path, 3, "cannot be imported: OSError: no shop")


def test_what_an_import_prints_is_no_answer(tmp_path: Path) -> None:
    noise = 'import os, sys\nprint(\'{"problem": 1}\' * 99999)\nos.write(1, b"{}\\n" * 99999)\n'

    assert unfit([script(tmp_path, noise + GOOD)]) == {}


def test_nobody_is_asked_for_no_script() -> None:
    heard: list[None] = []

    assert unfit([], lambda: heard.append(None), command=("/nonexistent",)) == {}
    assert heard == []


def test_every_answer_is_heard_of(tmp_path: Path) -> None:
    heard: list[None] = []
    scripts = [script(tmp_path, GOOD), script(tmp_path, "", "none.py"), Script("/nonexistent.py")]

    found = unfit(scripts, lambda: heard.append(None))

    assert len(heard) == 3
    assert set(found) == set(scripts[1:])


def test_an_import_that_takes_too_long_is_ended_with_all_that_it_has_started(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "folder"
    text = f"""
import os, signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
pids = [subprocess.Popen(sleep, start_new_session=own).pid for own in (False, True)]
with open({str(folder)!r}, "w") as file:
    print(os.environ["TMPDIR"], *pids, file=file)
time.sleep(600)
"""
    said = says(tmp_path, text, timeout=3.0)

    assert said == "could not be read within 3 s; does it do work when it is imported?"
    temporary, *pids = folder.read_text().split()
    there = processes.processes()
    assert not [pid for pid in map(int, pids) if pid in there and not there[pid].is_dead]
    assert not Path(temporary).exists()


def test_an_orphan_that_holds_the_pipe_is_ended_too(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    text = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open({str(note)!r}, "w") as file:
    print(child.pid, file=file)
os._exit(0)
"""
    said = says(tmp_path, text, timeout=3.0)

    assert said == "could not be read within 3 s; does it do work when it is imported?"
    there, pid = processes.processes(), int(note.read_text())
    assert pid not in there or there[pid].is_dead


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("import os\nos._exit(3)", "exit code 3"),
        ("import os\nos._exit(0)", "exit code 0"),
        ("import os\nos.kill(os.getpid(), 9)", "signal 9"),
        ("import os\nos.write(1, b'no object\\n')\nos._exit(0)", "exit code 0"),
        ("import os\nos.write(1, b'[]\\n')\nos._exit(1)", "exit code 1"),
        ("import os\nwhile True: os.write(1, b'{' * 999)", "exit code 1"),
    ],
)
def test_a_process_without_an_answer_is_told_by_its_end(
    tmp_path: Path, text: str, how: str
) -> None:
    said = says(tmp_path, text)

    assert said == f"the process that imports it came to nothing, {how}{DIES}"


def test_one_that_is_silent_and_stays_is_told_as_such(tmp_path: Path) -> None:
    text = "import os, time\nos.close(1)\ntime.sleep(600)\n"

    said = says(tmp_path, text, timeout=2.0)

    assert said == f"the process that imports it came to nothing, no answer{DIES}"


def test_an_answer_counts_though_the_process_stays(tmp_path: Path) -> None:
    text = (
        'import os, time\nos.write(1, b\'{"problems": [{"file": "/a.py", "line": 7, "message":\')\n'
        "os.write(1, b' \"odd\"}]}\\n')\ntime.sleep(600)\n"
    )
    asked = script(tmp_path, text)

    assert unfit([asked], command=(sys.executable,)) == {asked: Unfit("/a.py", 7, "odd")}


def test_a_script_sees_nothing_of_the_agents_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter22")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("LC_TIME", "de_CH.UTF-8")
    monkeypatch.setenv("TZ", "Africa/Johannesburg")
    seen = tmp_path / "seen"
    says(
        tmp_path,
        f"import os, sys\nwith open({str(seen)!r}, 'w') as file:\n"
        "    print(*[f'{k}={v}' for k, v in os.environ.items()], sep='\\n', file=file)\n"
        "    print(f'STDIN={sys.stdin.read()!r}', file=file)\n",
    )

    variables = dict(line.split("=", 1) for line in seen.read_text().splitlines())
    assert (variables["LC_TIME"], variables["TZ"]) == ("de_CH.UTF-8", "Africa/Johannesburg")
    assert variables["PATH"] == os.environ["PATH"]
    assert variables["HOME"] == variables["TMPDIR"] != os.environ.get("HOME")
    assert variables["STDIN"] == "''"
    assert not {"SHOP_PASSWORD", "PYTHONPATH"} & variables.keys()


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    asked = script(tmp_path, GOOD)

    found = unfit([asked], command=(str(tmp_path / "nothing"),))

    assert found[asked].message == (
        "no process to import it in: no such file or directory; try again"
    )


def test_at_most_one_at_a_time_for_each_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_processors", lambda: 1)
    log = tmp_path / "log"
    text = f"import time\nwith open({str(log)!r}, 'a') as f:\n  f.write('in ')\n  f.flush()\n  time.sleep(0.2)\n  f.write('out ')\n"
    scripts = [script(tmp_path, text, f"s{i}.py") for i in range(3)]

    unfit(scripts, command=(sys.executable,))

    assert log.read_text() == "in out " * 3


def test_a_ctrl_c_ends_the_reading_at_once(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.py", "d.py"):
        (tmp_path / name).write_text("import time\ntime.sleep(600)\n")
    checks = "".join(f"  - {{name: {n}, journey: {n}.py}}\n" for n in "abcd")
    (tmp_path / "config.yaml").write_text("checks:\n" + checks)
    # What a shell starts in the background is to ignore ctrl-c, and passes that on.
    heeding = "import runpy, signal; signal.signal(2, signal.default_int_handler); runpy.run_module"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{heeding}('prober', run_name='__main__')", "validate"],
        cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    with process:
        begun = _children(process.pid)
        while not begun:
            begun = _children(process.pid)
        os.killpg(process.pid, 2)
        _, errors = process.communicate(timeout=15)

    assert process.returncode == 130
    assert b"Traceback" not in errors
    there = processes.processes()
    assert not [pid for pid in begun if pid in there and not there[pid].is_dead]


def _children(pid: int) -> set[int]:
    return processes.with_descendants([pid], processes.processes()) - {pid}
