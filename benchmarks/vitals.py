"""Are the Web Vitals of a journey true? Pages of known behaviour, read at once after the action.

    scripts/bench vitals [--only PAGE] [--rounds N]

One journey of the agent visits them all, so often; each figure stands beside
what the page was made to do. The last table sets one page's figures beside
those of @elastic/synthetics, which reports neither INP nor TTFB.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import lighthouse
from benchmarks.common.bench import Bench, bench, free_ports, note
from benchmarks.common.elastic import NOWHERE
from benchmarks.common.elastic import argv as elastic
from benchmarks.common.options import options
from benchmarks.common.process import ROOT, running
from benchmarks.common.table import show, spread
from benchmarks.common.truth import CLS
from benchmarks.common.web import wait_for

SCRIPT = ROOT / "benchmarks" / "scripts" / "truth.py"
PAGES = {
    "picture": "image=800",
    "jump": "shift=1",
    "busy 50": "handler=50",
    "busy 150": "handler=150",
    "busy 300": "handler=300",
    "busy 600": "handler=600",
    "slow": "answer=600",
    "peers": "image=500&shift=1&answer=100",
}
PARTS = ("truth", "peers")
ONE_RUN = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Truth:
    """What a page's figure should be: from `least` to `most`, in milliseconds (CLS: without a unit)."""

    page: str
    figure: str
    least: float
    most: float

    def holds(self, value: float | None) -> bool:
        return value is not None and self.least <= value <= self.most


TRUTHS = (
    Truth("picture", "lcp_seconds", 800, 1000),
    Truth("jump", "cls", CLS - 1e-9, CLS + 1e-9),
    *(Truth(f"busy {ms}", "inp_seconds", ms, ms + 80) for ms in (50, 150, 300, 600)),
    Truth("slow", "ttfb_seconds", 600, 640),
)


Visits = Mapping[str, Mapping[str, float | None]]


@contextmanager
def pages(place: Bench) -> Iterator[str]:
    folder, port = place.room("truth"), free_ports(1)[0]
    argv = [sys.executable, "-m", "benchmarks.common.truth", str(port)]
    env = {"PYTHONPATH": str(ROOT)}
    with running(argv, folder=folder, cores=place.cores.others, env=env) as process:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"


def by_us(place: Bench, url: str, visited: Mapping[str, str]) -> Visits:
    """What one run of the agent's says of each page."""
    folder = place.room("ours")
    config = {
        "agent": {"region": "bench"},
        "web": {"listen": f"127.0.0.1:{free_ports(1)[0]}"},
        "checks": [
            {
                "name": "truth",
                "timeout": "1m",
                "journey": {"script": str(SCRIPT), "base_url": url, "params": {"pages": visited}},
            }
        ],
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    argv = [sys.executable, "-m", "prober", "check", "truth", "--json", "-c", "config.yaml"]
    env = {"PROBER_CHROMIUM_ARGS": shlex.quote(NOWHERE), "PYTHONPATH": str(ROOT)}
    result = json.loads(_said(argv, folder, env).splitlines()[-1])
    return {visit["page"]: visit for visit in result["vitals"]}


def by_elastic(place: Bench, url: str) -> Mapping[str, float | None]:
    """What its journey says of the page `peers`, by the names of ours."""
    folder = place.room("elastic")
    address = f"{url}/page?{PAGES['peers']}"
    journey = (
        "import { expect, journey, step } from '@elastic/synthetics';\n"
        "journey('peers', ({ page }) => { step('peers', async () => {\n"
        f"  await page.goto('{address}'); await expect(page).toHaveTitle('moved');\n"
        "}); });\n"
    )
    said = _said(elastic(folder, "peers", journey), folder, {})
    experience: dict[str, float] = {}
    for line in said.splitlines():
        found = json.loads(line).get("root_fields", {}).get("browser", {}).get("experience")
        experience = found or experience
    values = {name: experience.get(name) for name in ("lcp", "fcp")}
    times = {f"{name}_seconds": us and us["us"] / 1e6 for name, us in values.items()}  # type: ignore[index]  # JSON
    return {**times, "cls": experience.get("cls"), "inp_seconds": None, "ttfb_seconds": None}


def by_lighthouse(place: Bench, url: str) -> Mapping[str, float | None]:
    """The same, by Lighthouse."""
    folder = place.room("lighthouse")
    argv, env = lighthouse.argv(f"{url}/page?{PAGES['peers']}"), lighthouse.env()
    said = _said(argv, folder, {**env, "TMPDIR": str(folder)})  # for its browser's profile
    audits = json.loads(said)["audits"]
    return {
        "lcp_seconds": audits["largest-contentful-paint"]["numericValue"] / 1e3,
        "fcp_seconds": audits["first-contentful-paint"]["numericValue"] / 1e3,
        "ttfb_seconds": audits["server-response-time"]["numericValue"] / 1e3,
        "cls": audits["cumulative-layout-shift"]["numericValue"],
        "inp_seconds": None,
    }


def _said(argv: Sequence[str | Path], folder: Path, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        argv, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True,
        timeout=ONE_RUN, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{argv[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _shown(figure: str) -> Callable[[float], float]:
    return (lambda value: value * 1000) if figure.endswith("_seconds") else (lambda value: value)


def beside_truth(runs: Sequence[Visits], visited: Collection[str]) -> None:
    rows = []
    for truth in (one for one in TRUTHS if one.page in visited):
        scale = _shown(truth.figure)
        found = [run.get(truth.page, {}).get(truth.figure) for run in runs]
        values = [scale(value) for value in found if value is not None]
        form = ".0f" if truth.figure.endswith("_seconds") else ".9f"
        held = sum(map(truth.holds, values))
        allowed = f"{truth.least:{form}} to {truth.most:{form}}"
        name = truth.figure.removesuffix("_seconds").upper()
        rows.append(
            [f"{name} of {truth.page}", allowed, spread(values, form), f"{held} of {len(runs)}"]
        )
    show(["figure", "allowed (ms)", "measured (range)", "held"], rows)


def beside_peers(
    runs: Sequence[Visits], theirs: Mapping[str, Sequence[Mapping[str, float | None]]]
) -> None:
    rows = []
    for figure in ("lcp_seconds", "fcp_seconds", "ttfb_seconds", "inp_seconds", "cls"):
        form, scale = (".0f" if figure.endswith("_seconds") else ".9f"), _shown(figure)
        found = (
            spread([scale(value) for one in source if (value := one[figure]) is not None], form)
            for source in ([run["peers"] for run in runs], *theirs.values())
        )
        rows.append([figure.removesuffix("_seconds").upper(), *found])
    print()
    show(["a page of all", "prober", *theirs], rows)


def main(argv: Sequence[str] | None = None) -> None:
    given = options(__doc__, argv, (*PARTS, *PAGES), seconds=1.0, rounds=8)
    visited = {name: to for name, to in PAGES.items() if given.only in (None, *PARTS, name)}
    are_peers_asked = given.only in (None, "peers")
    with bench("Web Vitals of known pages") as place, pages(place) as url:
        runs: list[Visits] = []
        theirs: dict[str, list[Mapping[str, float | None]]] = {"lighthouse": [], "elastic": []}
        for number in range(given.rounds):
            note(f"round {number + 1} of {given.rounds}")
            runs.append(by_us(place, url, visited))
            if are_peers_asked:
                theirs["lighthouse"].append(by_lighthouse(place, url))
                theirs["elastic"].append(by_elastic(place, url))
        beside_truth(runs, visited)
        if are_peers_asked:
            beside_peers(runs, theirs)


if __name__ == "__main__":
    main()
