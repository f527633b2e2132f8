"""Do the benchmarks run, and do they leave nothing behind? What they find is nobody's business here."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks import accuracy, soak
from benchmarks.common.agent import buckets, since, total, within
from benchmarks.common.history import Run, Spans, rhythms
from benchmarks.common.table import of_offered, quantile, ratio, spread
from prober.schedule import Start
from tests.tools import tool

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem != "__init__")
BESIDE = ("prober", "blackbox")
TINY = {
    "accuracy": ["--only", "300 at once", "--rate", "20", "--seconds", "1", "--warm-up", "1"],
    "http_cost": ["--only", "http-500", "--rate", "20", "--rounds", "1", "--seconds", "1", "--warm-up", "1"],
    "http_rate": ["--only", "rsa", "--rate", "2", "--rounds", "1", "--seconds", "0.3", "--warm-up", "0.3"],
    "journeys": ["--only", "itself", "--rounds", "1"],
    "kills": ["--count", "1", "--seconds", "0.5"],
    "scale": ["--checks", "20", "--interval", "0.5", "--seconds", "1"],
    "schedule": ["--checks", "20", "--seconds", "1", "--warm-up", "0.5"],
    "soak": ["--count", "1", "--seconds", "20"],
    "storm": ["--checks", "20"],
    "vitals": ["--only", "busy 50", "--rounds", "1"],
}  # fmt: skip

linux = pytest.mark.skipif(sys.platform != "linux", reason="benchmarks read /proc")


@pytest.mark.parametrize("name", NAMES)
def test_each_says_how_it_is_called(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = importlib.import_module(f"benchmarks.{name}").main

    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    assert "--seconds" in capsys.readouterr().out


@linux
@pytest.mark.parametrize("name", NAMES)
def test_a_tiny_run_shows_figures_and_the_machine(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)

    out, err = done.communicate(timeout=50)

    assert done.returncode == 0, err
    assert "blackbox_exporter 0." in out
    assert "CPU was stolen" in out
    assert "TOO FEW" not in out or name in ("accuracy", "http_cost")  # one busy second is not ours
    if name in ("accuracy", "http_cost", "http_rate"):
        rows = [line for line in out.splitlines() if any(word in line for word in BESIDE)]
        assert len(rows) >= len(BESIDE)
        assert " nan" not in out
        assert not any(" 0.0%" in row for row in rows)
    assert at_work_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_program_had_started_ends_with_it(tmp_path: Path, number: int) -> None:
    starts = f"""
import subprocess, sys
from benchmarks.common.bench import bench
with bench("x"):
    sleeper = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    inner = f"import subprocess; subprocess.Popen({{sleeper}}, start_new_session=True).wait()"
    subprocess.run([sys.executable, "-c", inner], cwd={str(tmp_path)!r})
"""
    process = subprocess.Popen(
        [sys.executable, "-c", starts], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)}, text=True,
    )  # fmt: skip
    assert process.stdout
    assert [process.stdout.readline() for _ in range(3)] == ["x\n", "\n", "\n"]
    there = at_work_in(tmp_path)

    process.send_signal(number)
    process.communicate(timeout=30)

    assert len(there) == 2
    assert at_work_in(tmp_path) == []


@linux
def test_what_is_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    process = run("http_cost", tmp_path, "--only", "http-500", "--rate", "20", "--seconds", "30")
    assert process.stderr
    process.stderr.readline()  # that it has begun to measure: all of its programs run
    there = at_work_in(tmp_path)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert len(there) >= 2
    assert at_work_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def run(name: str, folder: Path, *options: str) -> subprocess.Popen[str]:
    for program in ("prometheus-blackbox-exporter", "nginx"):
        tool(program)
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}", *(options or TINY[name])],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(folder)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def at_work_in(folder: Path) -> list[str]:
    """The processes whose working directory it holds."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            cwd = str((process / "cwd").readlink())
        except OSError:  # it has ended, or is another user's
            continue
        if cwd.startswith(str(folder)):
            found.append(f"{process.name} in {cwd}")
    return found


def ran(*moments: float, check: str = "shop") -> list[Run]:
    return [Run(check, moment, 0.1, "up", f"run-{moment}", "{}") for moment in moments]


def test_a_gap_is_a_run_lost_and_two_in_one_slot_are_one_too_many() -> None:
    even, gap, twice = (
        rhythms(ran(*moments), 30)
        for moments in ((100.0, 130.0, 160.0), (100.0, 190.0), (100.0, 100.5, 130.0))
    )

    assert (even.lost, even.doubled) == (0, 0)
    assert (gap.lost, gap.doubled) == (2, 0)
    assert (twice.lost, twice.doubled) == (0, 1)


@pytest.mark.parametrize(
    ("each", "said"), [(0, "flat (+0.0 KB"), (9_000, "flat (+9.0 KB"), (45_000, "GROWS (+45.0 KB")]
)
def test_memory_that_grows_with_every_journey_is_not_flat(each: int, said: str) -> None:
    warm = [90_000_000 + min(done, 60) * 100_000 for done in range(301)]
    looks = [soak.Look(done, rss + each * done, 14, 1, 0) for done, rss in enumerate(warm)]

    assert f"memory: {said} a journey" in soak.verdict(soak.growth(looks))
    assert "too few" in soak.verdict(soak.growth(looks[:1]))


def test_a_run_is_late_beside_the_most_punctual_of_its_own_check() -> None:
    runs = [*ran(100.2, 130.0, 160.05), *ran(101.0, 131.0, check="other")]

    late = rhythms(runs, 30).late

    assert [round(late[run], 3) for run in runs] == [0.2, 0.0, 0.05, 0.0, 0.0]


@pytest.mark.parametrize(
    ("began", "touches"), [(9.85, False), (9.95, True), (10.1, True), (10.25, False), (20.0, True)]
)
def test_a_run_is_beside_a_scrape_if_any_of_it_is(began: float, touches: bool) -> None:
    spans = Spans([10.0, 20.0], [10.2, 20.2])

    assert spans.touch(ran(began)[0]) is touches


def test_a_burst_is_of_checks_that_an_agent_runs_together() -> None:
    load = next(load for load in accuracy.LOADS if load.at_once)
    names = list(islice(accuracy.names(load), load.rate))

    assert len(set(names)) == load.rate
    start = Start(0.0, len(names), load.rate)
    assert len({start.rhythm(name, accuracy.INTERVAL).origin for name in names}) == 1


def test_the_width_of_bursts_is_that_of_the_middle_one() -> None:
    moments = [second + n / 1000 * second for second in (1.0, 2.0, 3.0) for n in range(101)]

    assert accuracy.width(moments) == pytest.approx(0.196, abs=0.005)


def test_a_histogram_is_read_between_two_moments() -> None:
    before = buckets(
        'lag_bucket{le="0.01"} 4\nlag_bucket{le="0.1"} 9\nlag_bucket{le="+Inf"} 9\n', "lag"
    )
    after = buckets(
        'lag_bucket{le="0.01"} 4\nlag_bucket{le="0.1"} 18\nlag_bucket{le="+Inf"} 19\n', "lag"
    )

    seen = since(after, before)

    assert within(seen, 0.5) == "<= 100 ms"
    assert within(seen, 0.99) == "<= inf ms"
    assert within(since(after, after), 0.5) == "-"


def test_figures_are_summed_up_as_they_say() -> None:
    assert total('runs_total{a="b"} 3\nruns_total{a="c"} 4\nruns_totally 9\n', "runs_total") == 7
    assert spread([3.0, 1.0, 2.0]) == "2 (1-3)"
    assert quantile(range(100), 0.99) == 99
    assert ratio([4.0, 6.0], [1.0, 3.0]) == "2.50"
    assert of_offered(0.98) == "98.0%"
    assert of_offered(0.97) == "97.0% TOO FEW"
