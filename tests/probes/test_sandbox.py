"""Whether Chromium's sandbox works is found out by a start of the real browser, once."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober.probes import processes, sandbox
from prober.probes.browsers import Browsers, Setup
from prober.probes.chromium import Browser
from prober.probes.sandbox import Off, Trial, Tried, Way
from tests import confined, tools
from tests.agent_process import until
from tests.fake_clock import FakeClock
from tests.journey.running import OFFLINE

ORDINARY = "setpriv --reuid=65534 --regid=65534 --clear-groups" if os.geteuid() == 0 else "env"
CONFINED = f"{sys.executable} -I {confined.__file__}"
HERE = Browser("it")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Which an ordinary user may reach and write to, and that is as short as a run's."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as name:
        place = Path(name)
        place.chmod(0o777)
        yield place


def program(folder: Path, *lines: str) -> str:
    path = folder / "browser"
    path.write_text("\n".join(("#!/bin/sh", *lines)))
    path.chmod(0o755)
    return str(path)


def trial(folder: Path, path: str, patience: float = sandbox.PATIENCE) -> Trial:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    way = Way(program=path, arguments=(OFFLINE,), env=env, folder=folder, patience=patience)
    return Trial(way)


def left(folder: Path) -> set[int]:
    return processes.marked(processes.processes(), folder)


def test_it_works_for_an_ordinary_user_who_may_make_namespaces(folder: Path) -> None:
    may = [*ORDINARY.split(), "unshare", "--user", "--map-root-user", "chroot", "/", "true"]
    if subprocess.run(may, cwd="/", capture_output=True, timeout=20).returncode:
        pytest.skip("this machine lets no ordinary user make namespaces")

    tried = trial(folder, program(folder, f'exec {ORDINARY} {tools.browser()} "$@"')).made()

    assert tried == Tried(True)
    assert left(folder) == set()


@pytest.mark.skipif(platform.machine() not in confined.KNOWN, reason="no filter for this machine")
def test_it_does_not_where_the_agent_is_confined_as_in_a_container(folder: Path) -> None:
    start = f'exec {CONFINED} {ORDINARY} {tools.browser()} "$@"'

    tried = trial(folder, program(folder, start)).made()

    assert tried.works is False
    assert tried.said == "No usable sandbox"
    assert left(folder) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="root's browser alone has none anywhere")
def test_the_browsers_own_words_are_those_of_its_end(folder: Path) -> None:
    tried = trial(folder, tools.browser()).made()

    assert tried.works is False
    assert tried.said == "Running as root without --no-sandbox is not supported"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("echo broken >&2; exit 3", "broken"),
        ("exit 3", "it ended with 3"),
        ("echo fine", "it ended with 0"),
        ("echo '[1/2:FATAL:a/b.cc:7] No zygote. Else' >&2; echo more >&2; exit 1", "No zygote"),
    ],
)
def test_a_browser_that_never_starts_tells_nothing(folder: Path, line: str, said: str) -> None:
    assert trial(folder, program(folder, line)).made() == Tried(None, said)


def test_what_is_no_program_tells_nothing(folder: Path) -> None:
    assert trial(folder, "/proc/version").made() == Tried(None, "permission denied")


def test_a_browser_that_fails_at_times_keeps_its_sandbox(folder: Path) -> None:
    once = "[ -e seen ] || { touch seen; exit 1; }; echo '<html>'"

    assert trial(folder, program(folder, once)).made().works is None


def test_one_that_hangs_is_given_up_and_leaves_nothing(folder: Path) -> None:
    hangs = program(folder, "setsid sleep 600 & sleep 600")

    tried = trial(folder, hangs, patience=0.3).made()

    assert tried == Tried(None, "the browser did not start in time")
    assert left(folder) == set()


async def test_whoever_waits_for_its_end_has_it_soon(folder: Path) -> None:
    long = trial(folder, program(folder, "touch begun; sleep 600"), patience=600)
    under_way = asyncio.create_task(asyncio.to_thread(long.made))
    await until((folder / "begun").exists, "the browser has started")

    long.give_up()

    async with asyncio.timeout(20):
        assert (await under_way).works is None
    assert left(folder) == set()


COUNTS = "echo >>$COUNT; case \"$*\" in *--no-sandbox*) echo '<html>';; *) exit 1;; esac"


@pytest.fixture
async def browsers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Browsers:
    """An ordinary user's, whose browser starts only out of its sandbox and counts its starts."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sandbox, "_SWITCHES", ())
    path = program(folder, COUNTS.replace("$COUNT", str(folder / "count")))
    env = {**os.environ, "PROBER_CHROMIUM": path}
    return Browsers(FakeClock(), Setup(data_dir=folder / "data", env=env))


def starts(folder: Path) -> int:
    count = folder / "count"
    return len(count.read_text().splitlines()) if count.exists() else 0


async def test_it_is_tried_once_however_many_ask_and_said_once(
    browsers: Browsers, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    browser = Browser(str(folder / "browser"))
    assert browsers.sandbox.off(browser) is None

    await asyncio.gather(*(browsers.try_sandbox(browser) for _ in range(3)))
    await browsers.try_sandbox(browser)

    assert starts(folder) == 3  # with it, without it, and with it
    assert [one.message for one in caplog.records] == [
        "Chromium's sandbox is off, as the browser does not start in it: it ended with 1"
    ]
    off = browsers.sandbox.off(browser)
    assert off is not None
    assert "seccomp" in off.mend
    assert list((folder / "data" / "runs").iterdir()) == []


async def test_it_is_not_tried_where_the_config_or_root_decides(
    browsers: Browsers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(str(folder / "browser"))
    browsers.sandbox.wish = True
    await browsers.try_sandbox(browser)
    assert browsers.sandbox.off(browser) is None

    browsers.sandbox.wish = False
    await browsers.try_sandbox(browser)
    off = Off("agent.browser.sandbox is false", "leave that out, or write auto")
    assert browsers.sandbox.off(browser) == off

    browsers.sandbox.wish = "auto"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    await browsers.try_sandbox(browser)
    assert browsers.sandbox.off(browser) == Off(
        "as root has none", "run the agent as an ordinary user"
    )
    assert starts(folder) == 0


async def test_what_could_not_be_told_is_asked_again_but_not_by_every_run(
    browsers: Browsers, folder: Path
) -> None:
    program(folder, f"echo >>{folder / 'count'}; exit 1")
    browser, clock = Browser(str(folder / "browser")), browsers.clock
    for _ in range(3):
        await browsers.try_sandbox(browser)
        assert browsers.sandbox.off(browser) is None
    assert starts(folder) == 2

    assert isinstance(clock, FakeClock)
    await clock.advance(sandbox.TRIED_AGAIN_AFTER)
    await browsers.try_sandbox(browser)
    assert starts(folder) == 4


async def test_a_stop_does_not_wait_for_a_trial(browsers: Browsers, folder: Path) -> None:
    program(folder, f"touch {folder / 'count'}; sleep 600")
    under_way = asyncio.create_task(browsers.try_sandbox(Browser(str(folder / "browser"))))
    await until((folder / "count").exists, "the browser has started")
    began = time.perf_counter()

    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way

    assert time.perf_counter() - began < sandbox.PATIENCE
    assert list((folder / "data" / "runs").iterdir()) == []


def test_a_kernel_that_forbids_it_is_named_with_what_allows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    switch = tmp_path / "unprivileged"
    switch.write_text("0\n")
    monkeypatch.setattr(sandbox, "_SWITCHES", ((str(switch), "0", "1"),))

    off = sandbox._hindered("no usable sandbox")

    assert "this kernel does not allow it" in off.why
    assert off.mend.endswith("unprivileged=1")
    switch.write_text("1\n")
    assert "no usable sandbox" in sandbox._hindered("no usable sandbox").why
