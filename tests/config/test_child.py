from __future__ import annotations

import asyncio
import gc
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from prober.config import child, load
from prober.config.child import load_in_child
from prober.errors import ConfigError
from prober.probes import processes
from tests.agent_process import until

ENV = {**os.environ, "PROBER_REGION": "from-the-environment", "PW": "hunter22"}


def write_config(folder: Path, checks: int) -> Path:
    path = folder / "config.yaml"
    text = "notifiers: {x: {webhook: {url: http://h/, hmac_secret: '${PW}'}}}\nchecks:\n"
    path.write_text(
        text
        + "".join(
            f"  - {{name: c{i}, http: 'http://user:pass-word@h{i}/'}}\n" for i in range(checks)
        )
    )
    return path


async def test_a_child_loads_what_load_loads(tmp_path: Path) -> None:
    path = write_config(tmp_path, checks=2 * child.BATCH + 1)

    loaded = await load_in_child(path, ENV)

    assert loaded == load(path, ENV)
    assert loaded.config.agent.region == "from-the-environment"
    assert loaded.config.scrub("hunter22 pass-word!") == "*** ***!"
    assert gc.isenabled()


async def test_mistakes_travel_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: 1\nb: 2\n")
    with pytest.raises(ConfigError) as here:
        load(path, ENV)

    with pytest.raises(ConfigError) as there:
        await load_in_child(path, ENV)

    assert there.value.problems == here.value.problems


async def test_a_broken_journey_is_a_refused_reload(tmp_path: Path) -> None:
    (tmp_path / "order.py").write_text("\nimport no_such_module_anywhere\n")
    path = tmp_path / "config.yaml"
    path.write_text("checks: [{name: a, journey: order.py}]\n")

    with pytest.raises(ConfigError, match=r"order\.py:2: checks\[0\]\.journey: cannot be imported"):
        await load_in_child(path, ENV)


async def test_every_script_that_was_looked_into_gives_the_child_its_time_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(tmp_path, checks=1)
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(
            "from prober.journey import journey\n@journey\ndef x(page): ...\n"
        )
        with path.open("a") as file:
            file.write(f"  - {{name: {name}, journey: {name}}}\n")
    given: list[float] = []
    monkeypatch.setattr(child, "_put_off", lambda limit, timeout: given.append(timeout))

    loaded = await load_in_child(path, ENV, timeout=50)

    assert len(loaded.config.checks) == 3
    assert given == [50, 50]


async def test_a_limit_that_is_put_off_is_not_reached() -> None:
    async with asyncio.timeout(0.01) as limit:
        before = limit.when()
        child._put_off(limit, 30)
        after = limit.when()
        await asyncio.sleep(0)

    assert before is not None
    assert after is not None
    assert after > before + 29


async def test_nobody_looks_into_a_script_for_a_reload_that_was_given_up(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    (tmp_path / "order.py").write_text(
        f"import os, time\nwith open({str(note)!r}, 'w') as file:\n"
        "    file.write(f'{os.getpid()} {os.environ[\"TMPDIR\"]} ')\n"
        "time.sleep(600)\n"
    )
    path = tmp_path / "config.yaml"
    path.write_text("checks: [{name: a, journey: order.py}]\n")
    task = asyncio.create_task(load_in_child(path, ENV))
    await until(lambda: note.exists() and note.read_text().endswith(" "), "it is imported")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    pid, folder = note.read_text().split()
    await until(lambda: _is_gone(int(pid)), "the import is ended")
    await until(lambda: not Path(folder).exists(), "its files are removed")


def _is_gone(pid: int) -> bool:
    there = processes.processes().get(pid)
    return there is None or there.is_dead


async def test_a_child_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    os.mkfifo(path)

    with pytest.raises(ConfigError, match=r"not read within 0\.1 s; try again"):
        await load_in_child(path, ENV, timeout=0.1)


async def test_a_child_is_gone_when_nobody_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    os.mkfifo(path)
    task = asyncio.create_task(load_in_child(path, ENV))
    writers: list[int] = []

    def is_read() -> bool:
        with suppress(OSError):  # nobody has opened the other end yet
            writers.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return bool(writers) or task.done()

    await until(is_read, "the child reads")
    (writer,) = writers

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    os.close(writer)


async def test_a_child_that_ends_early_is_a_refused_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/true")

    with pytest.raises(ConfigError, match="the process that reads it ended early; try again"):
        await load_in_child(write_config(tmp_path, checks=1), ENV)


async def test_a_child_that_cannot_start_is_a_refused_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))

    with pytest.raises(ConfigError, match="no process to read it in: no such file"):
        await load_in_child(write_config(tmp_path, checks=1), ENV)


async def test_a_program_that_was_replaced_meanwhile_is_a_refused_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "PROGRAM", b"as it was")

    with pytest.raises(ConfigError, match=r"program was replaced .* restart the agent"):
        await load_in_child(write_config(tmp_path, checks=1), ENV)


async def test_the_loop_is_not_held_up_by_many_checks(tmp_path: Path) -> None:
    path = write_config(tmp_path, checks=1500)
    stalls: list[float] = []

    async def watch() -> None:
        # Our own processor time, so that a busy machine is no stall of ours.
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            stalls.append(time.thread_time() - before)

    gc.freeze()  # what other tests have left is not what this one measures
    watcher = asyncio.create_task(watch())
    loaded = await load_in_child(path, ENV)
    watcher.cancel()
    gc.unfreeze()

    assert len(loaded.config.checks) == 1500
    assert max(stalls) < 0.040  # 5 ms when the machine is quiet; all at once, 75 ms
