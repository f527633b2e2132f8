from __future__ import annotations

import asyncio
import gc
import os
import time
from pathlib import Path

import pytest

from prober.config import child, load
from prober.config.child import load_in_child
from prober.errors import ConfigError

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


async def test_a_child_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    os.mkfifo(path)

    with pytest.raises(ConfigError, match=r"not read within 0\.1 s; try again"):
        await load_in_child(path, ENV, timeout=0.1)


async def test_a_child_is_gone_when_nobody_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    os.mkfifo(path)
    task = asyncio.create_task(load_in_child(path, ENV))
    # The child has opened its end as soon as ours can be opened.
    writer = await asyncio.to_thread(os.open, path, os.O_WRONLY)

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
