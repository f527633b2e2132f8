"""What a run in a real browser leaves that explains it, killed or not."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from pathlib import Path

import pytest
from pydantic import JsonValue

from prober.journey.clean import Work, cleaned
from prober.journey.events import Kept, Learned
from prober.journey.files import CLEAN
from tests.journey.running import Run, run
from tests.servers.pages import Page, site

TALL = """<!doctype html><title>tall</title><h1 style="height: 3000px">tall</h1>
<label>Password <input type=password></label>
<script>console.error('broken'); setTimeout(() => { throw new Error('kaputt') })
fetch('/slow').catch(() => 0)</script>"""
PAGES = {
    "/": Page(TALL, headers={"Set-Cookie": "session=c00kie-of-mine"}),
    "/slow": Page("late", delay=30),
}
SCRIPT = """
from prober.journey import journey

@journey
def look(page, step):
    with step("open"):
        page.goto("/")
    with step("type"), step("slowly"):
        page.get_by_label("Password").fill("typed-by-hand")
    print("there", flush=True)
    {rest}
"""
# Where there is too little time for the whole page, the picture is of a part of it.
PATIENT = "from prober.journey import witness; witness.GOOD_PICTURE = witness.PICTURE = 4.0"


def size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def learned(it: Run) -> tuple[str, ...]:
    return tuple(text for one in it.all(Learned) for text in one.texts)


def clean(it: Run) -> Path:
    """The folder with what may be shown."""
    kept = tuple(it.all(Kept))
    answer = cleaned(Work(folder=str(it.folder), kept=kept, secrets=learned(it)))
    assert {one.name for one in answer.kept} == set(os.listdir(it.folder / CLEAN))
    return it.folder / CLEAN


def events(trace: bytes) -> list[dict[str, JsonValue]]:
    with zipfile.ZipFile(io.BytesIO(trace)) as archive:
        return [json.loads(line) for line in archive.read("trace.trace").splitlines()]


def sources(trace: bytes) -> set[str]:
    """The files of all lines that a viewer shows."""
    with zipfile.ZipFile(io.BytesIO(trace)) as archive:
        known = json.loads(archive.read("trace.stacks"))
    return {known["files"][frame[0]] for _, frames in known["stacks"] for frame in frames}


def test_a_run_that_was_killed_leaves_its_trace_and_what_its_pages_said(tmp_path: Path) -> None:
    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    with site(PAGES) as it:
        script = SCRIPT.format(rest="page.get_by_text('never').click()")
        seen = run(
            tmp_path, script, base_url=it.url, trace="full", deadline_on="there", meddle=kill
        )
    shown = clean(seen)

    assert seen.code == -signal.SIGKILL
    assert seen.all(Kept) == []
    assert set(os.listdir(shown)) == {"trace.zip", "network.har", "console.txt"}
    trace = (shown / "trace.zip").read_bytes()
    told = events(trace)
    titles = [one["title"] for one in told if one.get("method") == "tracingGroup"]
    assert titles == ["open", "type", "slowly"]
    assert [one for one in told if one["type"] == "frame-snapshot"]
    console = (shown / "console.txt").read_text()
    assert "error     broken" in console
    assert "exception kaputt" in console
    archive = json.loads((shown / "network.har").read_bytes())["log"]["entries"]
    assert archive[0]["response"]["status"] == 200
    with zipfile.ZipFile(io.BytesIO(trace)) as unzipped:
        assert not [n for n in unzipped.namelist() if b"typed-by-hand" in unzipped.read(n)]


@pytest.mark.parametrize(("kind", "wait"), [("def", ""), ("async def", "await ")])
def test_a_script_may_record_a_trace_itself(tmp_path: Path, kind: str, wait: str) -> None:
    script = f"""
from prober.journey import journey

@journey
{kind} look(page, context):
    {wait}context.tracing.start(snapshots=True)
    {wait}page.set_content("<h1>mine</h1>")
    {wait}context.tracing.stop(path={str(tmp_path / "mine.zip")!r})
    assert not {wait}page.locator("h1").count()
"""
    seen = run(tmp_path, script, trace="full")

    assert seen.ended.message.startswith("journey.py:9: an assertion failed")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        assert b"setContent" in archive.read("trace.trace")
    assert "the script records a trace itself" in (clean(seen) / "console.txt").read_text()


def test_a_good_run_leaves_a_picture_of_the_whole_page_and_everything_if_that_is_wanted(
    tmp_path: Path,
) -> None:
    with site(PAGES) as it:
        script = SCRIPT.format(rest=PATIENT)
        seen = run(
            tmp_path, script, base_url=it.url, trace="actions", evidence="always", portrait=True
        )
    shown = clean(seen)

    assert seen.ended.outcome.value == "up"
    kept = {one.name: one for one in seen.all(Kept)}
    assert [one.name for one in kept.values() if one.good] == ["good.png"]
    names = {"trace.zip", "network.har", "console.txt", "dom.html", "screenshot.png", "good.png"}
    assert set(kept) == names
    for name in ("good.png", "screenshot.png"):
        width, height = size((shown / name).read_bytes())
        assert width == 1280
        assert height > 3000
    trace = (shown / "trace.zip").read_bytes()
    told = events(trace)
    methods = [one["method"] for one in told if one["type"] == "before"]
    assert methods == ["tracingGroup", "goto", "tracingGroup", "tracingGroup", "fill"]
    assert sources(trace) == {str(tmp_path / "journey.py")}
    assert not [one for one in told if one["type"] == "frame-snapshot"]
    assert {"typed-by-hand", "c00kie-of-mine"} <= set(learned(seen))
    asked = json.loads((shown / "network.har").read_bytes())["log"]["entries"]
    answers = {one["request"]["url"].removeprefix(it.url): one["response"] for one in asked}
    assert answers["/"]["status"] == 200
    assert answers["/slow"]["_error"] == "no answer by then"
    assert '<h1 style="height: 3000px">' in (shown / "dom.html").read_text()


def test_where_nothing_is_to_be_kept_nothing_is_recorded(tmp_path: Path) -> None:
    with site(PAGES) as it:
        script = SCRIPT.format(rest="page.get_by_text('never').click(timeout=1)")
        seen = run(tmp_path, script, base_url=it.url, trace="full", evidence="never", portrait=True)

    assert seen.ended.outcome.value == "down"
    assert seen.all(Kept) == []
    assert [path for path in seen.folder.rglob("*") if path.suffix in (".trace", ".png")] == []
