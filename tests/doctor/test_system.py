from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober.doctor import system
from prober.doctor.looks import Level, Machine, Seen
from tests.doctor.machine import machine


def with_browser(it: Machine, **settings: object) -> Machine:
    """The same, where the config says so of browsers."""
    browser = it.config.agent.browser.model_copy(update=settings)
    own = it.config.agent.model_copy(update={"browser": browser})
    return Machine(
        config=it.config.model_copy(update={"agent": own}),
        env=it.env, clock=it.clock, threads=it.threads, root=it.root,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "state", "level", "word"),
    [
        (0.0, 0, Level.OK, "synchronised"),
        (0.001, None, Level.OK, "evenly"),
        (0.0, 5, Level.WARN, "synchronised"),
        (0.2, 0, Level.WARN, "200 ms"),
        (-3600.0, 0, Level.WARN, "-1 h"),
    ],
)
def test_a_clock_is_even_and_synchronised(
    step: float, state: int | None, level: Level, word: str
) -> None:
    seen = system.judged_clock(step, state)

    assert (seen.level, bool(seen.do)) == (level, level is not Level.OK)
    assert word in seen.found


async def test_the_clock_of_this_machine_is_looked_at_without_being_root(tmp_path: Path) -> None:
    seen = await system.clock(machine(tmp_path))

    assert seen.level in (Level.OK, Level.WARN)


async def test_more_journeys_than_processors_are_a_warning(tmp_path: Path) -> None:
    count = len(os.sched_getaffinity(0))
    seen = system.processors(with_browser(machine(tmp_path), workers=count + 1))

    assert seen.level is Level.WARN
    assert seen.do == f"write agent: {{browser: {{workers: {count}}}}}"


GIB = 2**30


@pytest.mark.parametrize(
    ("files", "workers", "level", "word"),
    [
        ({"proc/meminfo": f"MemTotal: 9 kB\nMemAvailable: {4 * 2**20} kB\n"}, 1, Level.OK, "4 GiB"),
        ({"proc/meminfo": f"MemAvailable: {2**20} kB\n"}, 1, Level.WARN, "1 GiB"),
        ({"proc/meminfo": f"MemAvailable: {2**20} kB\n"}, 3, Level.FAIL, "1 GiB"),
        (
            {
                "proc/meminfo": f"MemAvailable: {8 * 2**20} kB\n",
                "sys/fs/cgroup/memory.max": f"{3 * GIB}\n",
                "sys/fs/cgroup/memory.current": f"{5 * GIB // 2}\n",
            },
            1,
            Level.FAIL,
            "512 MiB",
        ),
        (
            {
                "proc/meminfo": f"MemAvailable: {8 * 2**20} kB\n",
                "sys/fs/cgroup/memory.max": "max\n",
                "sys/fs/cgroup/memory.current": "1\n",
            },
            1,
            Level.OK,
            "8 GiB",
        ),
        ({"proc/other": ""}, 1, Level.OK, "does not say"),
    ],
)
async def test_there_is_memory_for_what_the_config_allows_its_browsers(
    tmp_path: Path, files: dict[str, str], workers: int, level: Level, word: str
) -> None:
    seen = system.memory(with_browser(machine(tmp_path, files=files), workers=workers))

    assert seen.level is level
    assert word in seen.found


@pytest.fixture
def few_files() -> Iterator[int]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (140, limits[1]))
    yield 140
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_so_many_files_may_be_open_as_the_checks_want(tmp_path: Path, few_files: int) -> None:
    checks = ", ".join(f"{{name: c{i}, tcp: '127.0.0.1:1'}}" for i in range(20))
    seen = system.files(machine(tmp_path, checks=f"[{checks}]"))

    assert seen.level is Level.WARN
    assert seen.found.startswith(f"{few_files} may be open")
    assert "ulimit -n 188" in seen.do


def disk(it: Machine, data_dir: Path) -> Seen:
    own = it.config.agent.model_copy(update={"data_dir": data_dir})
    there = Machine(
        config=it.config.model_copy(update={"agent": own}),
        env=it.env, clock=it.clock, threads=it.threads,
    )  # fmt: skip
    return system.disk(there)


async def test_a_data_dir_is_written_to_and_nothing_is_left_in_it_nor_made(tmp_path: Path) -> None:
    it = machine(tmp_path)
    (tmp_path / "there").mkdir()

    for place in (tmp_path / "there", tmp_path / "there/not/yet"):
        assert disk(it, place).level in (Level.OK, Level.WARN)
        assert "free for data_dir" in disk(it, place).found
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("place", ["config.yaml", "config.yaml/data", "/proc/1/data"])
async def test_a_data_dir_that_cannot_be_written_fails_and_says_so(
    tmp_path: Path, place: str
) -> None:
    seen = disk(machine(tmp_path), tmp_path / place)

    assert seen.level is Level.FAIL
    assert "cannot be written" in seen.found
    assert "data_dir" in seen.do
