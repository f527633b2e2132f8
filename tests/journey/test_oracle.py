from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

import playwright
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from prober.result import Outcome
from tests.journey.running import run
from tests.servers.pages import MEASURED, Page, site

HERE = Path(__file__).parent
LIBRARY = HERE / "vendor" / "web-vitals.iife.js"
NODE = Path(playwright.__file__).parent / "driver" / "node"
COLLECTOR = Path(str(files("prober.journey").joinpath("collector.js")))

Act: TypeAlias = dict[str, JsonValue]
Reading: TypeAlias = dict[str, JsonValue]
Compare: TypeAlias = Callable[[Sequence[Act], float], tuple[Reading, Reading]]


def test_the_library_is_the_released_one() -> None:
    digest = hashlib.sha256(LIBRARY.read_bytes()).hexdigest()

    assert digest in (HERE / "vendor" / "README.md").read_text()


@pytest.fixture(scope="module")
def compare() -> Iterator[Compare]:
    """What the collector and the library read from the same scene."""
    command = [str(NODE), str(HERE / "oracle.js"), str(COLLECTOR), str(LIBRARY)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:

        def compared(acts: Sequence[Act], activation: float) -> tuple[Reading, Reading]:
            assert node.stdin
            assert node.stdout
            scene = {"acts": acts, "activation": activation, "ttfb": 80.5}
            node.stdin.write(json.dumps(scene) + "\n")
            node.stdin.flush()
            ours, theirs = json.loads(node.stdout.readline())
            return ours, theirs

        yield compared


def shift(at: float, value: float = 0.1, recent: bool = False) -> Act:
    return {
        "entryType": "layout-shift", "startTime": at, "duration": 0, "value": value,
        "hadRecentInput": recent,
    }  # fmt: skip


def paint(at: float, name: str = "first-contentful-paint") -> Act:
    return {"entryType": "paint", "name": name, "startTime": at, "duration": 0}


def largest(at: float) -> Act:
    return {"entryType": "largest-contentful-paint", "startTime": at, "duration": 0}


def event(number: int, duration: float, type_: str = "event") -> Act:
    return {
        "entryType": type_, "name": "click", "interactionId": number, "startTime": 1000.0,
        "processingStart": 1001.0, "processingEnd": 1002.0, "duration": duration,
    }  # fmt: skip


def counted(interactions: int) -> Act:
    return {"interactions": interactions}


def hidden(at: float) -> Act:
    return {"hidden": at}


GAPS = st.sampled_from([0.5, 300.0, 900.0, 999.0, 1000.0, 1001.0])
KINDS = st.one_of(
    st.builds(lambda value, recent: lambda at: shift(at, value, recent),
              st.sampled_from([0.001, 0.05, 0.1, 0.3]), st.booleans()),
    st.builds(lambda number, duration, type_: lambda at: event(number, duration, type_),
              st.integers(0, 14), st.integers(0, 40).map(lambda n: n * 8.0),
              st.sampled_from(["event", "event", "first-input"])),
    st.builds(lambda number: lambda at: counted(number), st.sampled_from([1, 49, 50, 51, 300])),
    st.sampled_from([paint, largest, largest, lambda at: paint(at, "first-paint")]),
)  # fmt: skip


@st.composite
def scenes(draw: st.DrawFn) -> list[Act]:
    """A page's life: paint, shifts, interactions, and perhaps a moment when it was hidden."""
    moment, acts, painted, shifted = 90.0, list[Act](), False, 0.0
    hides = draw(st.integers(0, 60))
    for number, kind in enumerate(draw(st.lists(KINDS, max_size=40))):
        moment += draw(GAPS)
        act = hidden(moment) if number == hides else kind(moment)
        if act.get("name") == "first-contentful-paint":
            if painted:
                continue
            painted = True
        if act.get("entryType") == "layout-shift":
            # Before that paint the library looks at all of them at once, and for the last window only.
            shifted = shifted or moment
            if not painted and moment - shifted >= 1000:
                continue
        acts.append(act)
    return acts if painted else [paint(95.0), *acts]


SLOW = [event(number, 16.0 * number) for number in range(1, 13)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenes(), st.sampled_from([0.0, 50.0, 1000.0]))
@example([paint(95), shift(100), shift(1099), shift(2099)], 0.0)
@example([paint(95), *(shift(100 + 500.0 * number) for number in range(11))], 0.0)
@example([paint(95), *(shift(100 + 500.0 * number) for number in range(10)), shift(5099.5)], 0.0)
@example([shift(100), shift(200, recent=True), paint(250)], 0.0)
@example([shift(100), largest(200), event(1, 80)], 0.0)
@example([paint(100), counted(12), *SLOW], 0.0)
@example([paint(100), counted(49), *SLOW, counted(1)], 0.0)
@example([paint(100), counted(149), *SLOW], 0.0)
@example([paint(100), counted(150), *SLOW], 0.0)
@example([paint(100), counted(900), *SLOW, *reversed(SLOW)], 0.0)
@example([paint(100), counted(3), event(1, 8, "first-input"), event(2, 8)], 0.0)
@example([paint(100), counted(3), event(1, 24), event(0, 800), event(1, 64), event(1, 32)], 0.0)
@example([paint(100), counted(7)], 0.0)
@example([largest(100), hidden(150), paint(200), largest(250), shift(300)], 0.0)
@example([paint(100), largest(120), largest(700)], 500.0)
def test_the_collector_reads_what_googles_own_library_reads(
    compare: Compare, acts: list[Act], activation: float
) -> None:
    ours, theirs = compare(acts, activation)

    assert {name: ours[name] for name in theirs} == theirs


def task(at: float, duration: float) -> Act:
    return {"entryType": "longtask", "startTime": at, "duration": duration}


@pytest.mark.parametrize(
    ("acts", "total"),
    [
        ([task(100, 500)], None),
        ([paint(90)], 0),
        ([paint(90), task(100, 51), task(200, 350)], 301),
        ([task(10, 80), task(100, 300), paint(250), task(500, 60)], 100 + 10),
        ([task(10, 300), paint(290)], 0),
    ],
    ids=["no paint", "none", "beyond 50 ms each", "from the paint on", "a short rest"],
)
def test_long_tasks_count_by_what_is_beyond_50_ms_after_the_first_paint(
    compare: Compare, acts: list[Act], total: float | None
) -> None:
    ours, _ = compare(acts, 0.0)

    assert ours["long_task"] == total


def part(name: str, at: float, handled: tuple[float, float], shown: float, number: int = 1) -> Act:
    return {
        **event(number, shown - at), "name": name, "startTime": at,
        "processingStart": handled[0], "processingEnd": handled[1],
    }  # fmt: skip


def frame(*scripts: tuple[float, float, str]) -> Act:
    """A slow one: when its scripts began, how long they took, and which function it was."""
    ran: list[JsonValue] = [
        {
            "startTime": at, "duration": duration, "sourceURL": "https://shop.example/a.js?v=1",
            "sourceFunctionName": name, "sourceCharPosition": 12,
        }
        for at, duration, name in scripts
    ]  # fmt: skip
    return {"entryType": "long-animation-frame", "startTime": 0, "duration": 0, "scripts": ran}


def test_an_interaction_is_taken_apart_by_the_paint_that_took_longest(compare: Compare) -> None:
    acts = [
        frame((505, 20, "early")),
        part("pointerdown", 500, (501, 502), 540),
        frame((800, 190, "before"), (1005, 30, "first"), (1040, 150, ""), (1190, 5, "last")),
        part("pointerdown", 1000, (1004, 1005), 1200),
        part("pointerup", 1002, (1036, 1037), 1202),
        part("click", 1002, (1037, 1190), 1202),
        part("click", 1300, (1301, 1303), 1316),
        part("keydown", 2000, (2001, 2002), 2040, number=2),
    ]
    made = compare([paint(90), *acts], 0.0)[0]["made"]

    assert isinstance(made, dict)
    assert {name: value for name, value in made.items() if name.startswith("inp_")} == {
        "inp_target": None,
        "inp_event": "click",
        "inp_script": "https://shop.example/a.js (character 12)",
        "inp_delay": 4,
        "inp_processing": 186,
        "inp_presentation": 10,
    }


WITH_LIBRARY = """
from prober.journey import journey

@journey
def measured(page, page_name):
    page.goto("/measured")
    page_name("measured")
    page.wait_for_timeout(200)
    page.get_by_role("button").click()
    page.wait_for_function("() => seen.INP > 0")
    print(page.evaluate("() => JSON.stringify(seen)"))
"""
LISTENING = """<script src=/library.js></script><script>
const seen = {};
for (const name of ["LCP", "CLS", "FCP", "TTFB", "INP"])
  webVitals["on" + name](({ value }) => { seen[name] = value }, { reportAllChanges: true });
</script>"""


def test_both_measure_the_same_in_a_browser(tmp_path: Path) -> None:
    body = MEASURED["/measured"].body
    assert isinstance(body, str)
    pages = {
        **MEASURED,
        "/measured": Page(body.replace("<style>", LISTENING + "<style>"), delay=0.2),
        "/library.js": Page(LIBRARY.read_bytes(), "text/javascript"),
    }
    with site(pages) as it:
        run_ = run(tmp_path, WITH_LIBRARY, base_url=it.url)

    assert run_.ended.outcome is Outcome.UP, run_.ended.message
    seen = run_.visits["measured"]
    ours = {"LCP": seen.lcp, "CLS": seen.cls, "FCP": seen.fcp, "TTFB": seen.ttfb, "INP": seen.inp}
    theirs = json.loads(run_.output.splitlines()[-1])
    assert theirs.pop("CLS") == ours.pop("CLS")
    assert ours == pytest.approx({name: value / 1000 for name, value in theirs.items()})
