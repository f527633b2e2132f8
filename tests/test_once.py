"""`prober check` for who writes a journey: what is refused, what is only said, what is judged."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from prober import cli, once
from prober.config import load
from prober.errors import StartError
from prober.probes.play import Play
from prober.units import show_duration
from tests.command import Done, prober
from tests.journey.running import OFFLINE
from tests.servers.pages import Page, site
from tests.servers.target import target_beside
from tests.tools import browser

JOURNEY = """
from prober.journey import journey

@journey
def buy(page, step):
    with step("open"):
        page.goto("/")
    with step("pay"):
        page.get_by_role("button").click()
"""
DEBUG = once.Wish(play=Play(headless=False, debug=True))
FILES = ["buy.py", "config.yaml"]


def check(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
    return prober(folder, "check", *arguments, env=env)


def write(folder: Path, checks: str) -> None:
    (folder / "buy.py").write_text(JOURNEY)
    (folder / "config.yaml").write_text(f"agent: {{region: eu}}\nchecks: [{checks}]\n")


BUY = "{name: buy, journey: {script: buy.py, device: Pixel 7, budgets: {lcp: 2s}}}"
PORT = "{name: port, tcp: '127.0.0.1:1'}"
REMOTE = "{name: far, journey: {script: buy.py, browser: {connect: 'ws://127.0.0.1:1'}}}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "3"], "-n is for --budgets: so many runs, whose medians are judged"),
        (["--budgets", "--debug", "buy"], "--budgets measures and --debug halts; choose one"),
        (
            ["--dry-run", "--junit", "x.xml"],
            "--dry-run runs nothing, so there is nothing for --junit or --budgets",
        ),
        (
            ["--headed", "buy"],
            "no window can be shown here, DISPLAY and WAYLAND_DISPLAY are not set;"
            " run it on a desktop, or under xvfb-run",
        ),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    with pytest.raises(StartError) as refused:
        wished(*arguments)

    assert str(refused.value) == said


def wished(*arguments: str) -> once.Wish:
    return cli._wish(cli._parser().parse_args(["check", *arguments]))


def test_options_say_how_a_journey_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":1")

    assert wished() == once.Wish()
    assert wished("--slow-mo", "250").play == Play(slow_mo=0.25)
    assert wished("--headed").play == Play(headless=False)
    assert wished("--debug").play == Play(headless=False, debug=True)
    assert (wished("--budgets").budgets, wished("--budgets", "-n", "9").budgets) == (5, 9)


@pytest.mark.parametrize(
    ("names", "wish", "said"),
    [
        ([], DEBUG, "--debug is for one journey; name it: prober check NAME --debug"),
        (["port"], DEBUG, "--debug is for one journey; name it: prober check NAME --debug"),
        (["buy", "port"], DEBUG, "--debug is for one journey; name it: prober check NAME --debug"),
        (["buy", "far"], DEBUG, "--debug is for one journey; name it: prober check NAME --debug"),
        (
            ["port"],
            once.Wish(play=Play(slow_mo=1)),
            "--headed and --slow-mo are for journeys, and none of these checks is one",
        ),
        (
            ["far"],
            once.Wish(play=Play(headless=False)),
            "--headed cannot show the browser that browser.connect names; leave connect out",
        ),
        (
            ["port", "far"],
            once.Wish(budgets=5),
            "--budgets: none of these checks has journey.budgets; write some, or leave it out",
        ),
    ],
)
def test_what_makes_no_sense_with_these_checks_is_refused(
    tmp_path: Path, names: list[str], wish: once.Wish, said: str
) -> None:
    write(tmp_path, f"{BUY}, {PORT}, {REMOTE}")
    config = load(tmp_path / "config.yaml", {}, only=()).config

    with pytest.raises(StartError) as refused:
        once.rehearse(config, names, wish)

    assert str(refused.value) == said


async def test_what_has_no_budgets_runs_once_where_others_run_several_times(
    tmp_path: Path,
) -> None:
    write(tmp_path, f"{BUY}, {PORT}")
    config = load(tmp_path / "config.yaml", {}, only=()).config
    port = config.checks[1]

    async with once._runner(config, once.Wish()) as runner:
        runs = [result.check async for _, result in once._in_turn(runner, [port], 3)]

    assert runs == ["port"]


def test_a_refusal_is_one_line_and_code_2(tmp_path: Path) -> None:
    write(tmp_path, f"{BUY}, {PORT}")

    done = check(tmp_path, "--slow-mo", "100", "port")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--headed and --slow-mo are for journeys")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("wrong", ["-n0", "-nmany", "-n9999", "--slow-mo=-5", "--slow-mo=1s"])
def test_a_number_that_is_none_is_said(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        wished("--budgets", wrong)

    assert ended.value.code == 2
    assert "is no number of" in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_done_and_sends_nothing(tmp_path: Path) -> None:
    with target_beside() as shop:
        url = shop.url.replace("http://", "http://probe:hunter22@")
        journey = (
            f"{{name: buy, journey: {{script: buy.py, base_url: '{shop.url}', network: slow-4g}}}}"
        )
        write(tmp_path, f"{{name: web, http: '{url}'}}, {journey}")
        env = {"PROBER_CHROMIUM": sys.executable, "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        shown, parsed = [check(tmp_path, "--dry-run", *more, env=env) for more in ((), ("--json",))]

    assert shop.requests == 0
    assert (shown.returncode, parsed.returncode, shown.stderr) == (0, 0, "")
    assert shown.stdout == (
        f"would run web  http {shop.url}\n"
        "  timeout 10 s\n"
        f"would run buy  journey buy.py at {shop.url}\n"
        "  timeout 1 m\n"
        "  buy(page, step)\n"
        "  step open\n"
        "  step pay\n"
        f"  in {sys.executable} (no headless shell: its INP may be wrong),"
        " as 1280x720 desktop, on slow-4g\n"
    )
    web, buy = [json.loads(line) for line in parsed.stdout.splitlines()]
    assert (web["check"], web["function"], web["steps"]) == ("web", None, None)
    assert (buy["arguments"], buy["steps"]) == (["page", "step"], ["open", "pay"])
    assert sorted(os.listdir(tmp_path)) == FILES


def test_a_dry_run_of_all_checks_looks_into_all_scripts(tmp_path: Path) -> None:
    write(tmp_path, f"{BUY}, {PORT}")
    (tmp_path / "buy.py").write_text("import no_such_module_anywhere\n")

    done = check(tmp_path, "--dry-run")

    assert (done.returncode, done.stdout) == (2, "")
    assert "buy.py:1" in done.stderr
    assert check(tmp_path, "--dry-run", "port").returncode == 0


def test_a_dry_run_says_that_there_is_no_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROBER_CHROMIUM", "/nonexistent")
    write(tmp_path, BUY)
    config = load(tmp_path / "config.yaml", {}, only=()).config

    code = once.rehearse(config, [], once.Wish())

    said = capsys.readouterr().out
    assert code == 0
    assert "in no browser (PROBER_CHROMIUM is '/nonexistent'" in said
    assert "as Pixel 7" in said


def test_the_medians_of_several_runs_are_judged_and_every_run_is_told(tmp_path: Path) -> None:
    env = {"PROBER_CHROMIUM": browser(), "PROBER_CHROMIUM_ARGS": f"'{OFFLINE}'"}
    budgets = "{duration: 1ms, steps: {pay: 30s}, pages: {/: {js_errors: 0}}}"
    with site({"/": Page("<button>pay</button>")}) as shop:
        journey = f"{{script: buy.py, base_url: '{shop.url}', budgets: {budgets}}}"
        write(tmp_path, f"{{name: buy, journey: {journey}}}, {PORT}")
        told = check(tmp_path, "--budgets", "-n", "2", "--json", "--junit", "x.xml", "buy", env=env)
        shown = check(tmp_path, "--budgets", "-n", "1", env=env)

    results = [json.loads(line) for line in told.stdout.splitlines()]
    assert (told.returncode, told.stderr) == (1, "")
    assert [(one["outcome"], one["degraded"]) for one in results] == [("up", True)] * 2
    (case,) = fromstring((tmp_path / "x.xml").read_bytes()).iter("testcase")  # noqa: S314 - our own
    took = [
        budget["actual"]
        for one in results
        for budget in one["budgets"]
        if budget["budget"] == "duration"
    ]
    middle = show_duration(sum(took) / len(took))
    assert (case[0].tag, case[0].get("type")) == ("failure", "budget")
    assert f"duration: {middle}, at most 1 ms" in (case[0].text or "")
    assert (case[0].text or "").startswith("the last of 2 runs; ")
    whole = sum(one["duration_seconds"] for one in results)
    assert float(case.get("time") or "") == pytest.approx(whole / 2, abs=0.001)
    assert len(took) == 2
    assert shown.returncode == 1
    lines = [line.split("  (")[0] for line in shown.stdout.splitlines()]
    assert lines[0].startswith("up      buy")
    assert "degraded" in lines[0]
    assert lines[1].startswith("down    port")  # which has none, runs once as always
    assert lines[-4] == "medians of buy"
    assert lines[-3] == "  ok   js_errors of /: 0, at most 0"
    assert lines[-2].startswith("  FAIL duration: ")
    assert lines[-1].startswith("  ok   step pay: ")
    assert sorted(os.listdir(tmp_path)) == [
        *FILES,
        *(["data"] if (tmp_path / "data").exists() else []),
        "x.xml",
    ]
