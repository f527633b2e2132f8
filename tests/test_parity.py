"""A real blackbox_exporter and `/probe` look at the same targets by the same modules.

Where they do not say the same, docs/blackbox.md says so, and why: its table is
read here, and what it says has to be true.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.parity import Target, asked, blackbox, ground
from tests.web.probes import probing

DOCS = Path(__file__).parent.parent / "docs" / "blackbox.md"
AT_A_TIME = 6
TIMES = ("probe_duration_seconds", "probe_dns_lookup_time_seconds", "probe_http_duration_seconds")
SLACK = 1.0  # seconds that a busy machine may make of nothing
ABSENT, ANY = "absent", "…"
_SERIES = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})?")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Row(NamedTuple):
    """One difference, as the table has it; a target `*` is every one that has it."""

    target: str
    metric: str
    theirs: str
    ours: str

    def covers(self, difference: Row) -> bool:
        name = difference.metric.partition("{")[0]
        return (
            self.target in ("*", difference.target)
            and self.metric in (difference.metric, name)
            and self.theirs in (ANY, difference.theirs)
            and self.ours in (ANY, difference.ours)
        )


def documented() -> list[Row]:
    lines = DOCS.read_text().partition("| target | metric |")[2].splitlines()
    rows = []
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        rows.append(Row(*cells[:4]))
        assert cells[4], f"{line} does not say why"
    return rows


def normal(said: Mapping[str, str]) -> dict[str, str]:
    """Labels in the order of their names, numbers in one form; an info is its labels, one by one."""
    found: dict[str, str] = {}
    for series, value in said.items():
        match = _SERIES.fullmatch(series)
        assert match is not None, series
        labels = sorted(_LABEL.findall(match["labels"] or ""))
        if match["name"].endswith("_info"):
            found |= {f"{match['name']}{{{name}}}": f'"{text}"' for name, text in labels}
            continue
        pairs = ",".join(f'{name}="{text}"' for name, text in labels)
        found[f"{match['name']}{{{pairs}}}" if pairs else match["name"]] = f"{float(value):.12g}"
    return found


class Compared(NamedTuple):
    target: Target
    theirs: Mapping[str, str]
    ours: Mapping[str, str]

    @property
    def differences(self) -> Iterator[Row]:
        for series in sorted(self.theirs.keys() | self.ours.keys()):
            theirs, ours = self.theirs.get(series, ABSENT), self.ours.get(series, ABSENT)
            is_time = series.startswith(TIMES) and ABSENT not in (theirs, ours)
            if theirs != ours and not is_time:
                yield Row(self.target.name, series, theirs, ours)

    @property
    def odd_times(self) -> Iterator[str]:
        limit = float(self.theirs["probe_duration_seconds"]) + SLACK
        for series, value in self.ours.items():
            if series.startswith(TIMES) and not 0 <= float(value) <= limit:
                yield f"{self.target.name}: {series} {value}"


async def compare(folder: Path) -> list[Compared]:
    turns = asyncio.Semaphore(AT_A_TIME)
    (folder / "ours").mkdir()
    config = "checks: []\nmodules_file: ../blackbox.yml\n"
    async with (
        ground(folder) as there,
        blackbox(there) as url,
        probing(folder / "ours", config) as (_, client),
        httpx.AsyncClient(trust_env=False, timeout=20) as other,
    ):

        async def one(target: Target) -> Compared:
            async with turns:
                theirs = normal(await asked(url, target, other))
                ours = normal(await asked("/probe", target, client))
                return Compared(target, theirs, ours)

        return await asyncio.gather(*map(one, there.targets()))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Compared]:
    return asyncio.run(compare(tmp_path_factory.mktemp("parity")))


def test_there_are_enough_targets_of_every_sort(compared: Sequence[Compared]) -> None:
    up = [one.target.name for one in compared if one.theirs["probe_success"] == "1"]

    assert len({one.target.name for one in compared}) == len(compared) >= 25
    assert min(len(up), len(compared) - len(up)) >= 25


def test_both_say_the_same_but_for_what_the_docs_say(compared: Sequence[Compared]) -> None:
    rows = documented()
    differences = [row for one in compared for row in one.differences]

    undocumented = [one for one in differences if not any(row.covers(one) for row in rows)]

    assert undocumented == []


def test_every_difference_in_the_docs_is_there(compared: Sequence[Compared]) -> None:
    differences = [row for one in compared for row in one.differences]

    assert [row for row in documented() if not any(map(row.covers, differences))] == []


def test_no_time_is_longer_than_the_probe(compared: Sequence[Compared]) -> None:
    assert [odd for one in compared for odd in one.odd_times] == []
