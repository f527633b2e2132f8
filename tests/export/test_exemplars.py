"""Which run fell into a bucket? An exemplar names one, in OpenMetrics and nowhere else."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser

from prober.export.family import label_pairs
from prober.export.histogram import Histogram, without_exemplars
from prober.export.metrics import Metrics
from prober.result import Finding
from tests.export.samples import OURS, REFUSED, TIMED_OUT, UP, Bench, Trip, result, visit
from tests.fake_clock import NOON

NAME = "prober_run_duration_seconds"
SHOP = 'check="shop",region="eu-west-1"'
OFTEN = 1.0  # an interval so short that lines are written when somebody scrapes


def trace(number: int) -> str:
    return f"{number:032x}"


def ran(
    bench: Bench,
    number: int,
    seconds: float = 0.134,
    finding: Finding = UP,
    *,
    name: str = "shop",
    maintenance: str = "",
) -> None:
    """A run with the trace of this number, that many seconds after noon."""
    kind = bench.board.rows[name].info.kind
    one = result(name, finding, kind=kind, at=NOON + number, seconds=seconds)
    one = one._replace(run_id=trace(number), maintenance=maintenance)
    row = bench.board.observe(one)
    assert row is not None
    bench.metrics.observe(one, row)


async def exemplars(bench: Bench) -> dict[str, str]:
    """What stands behind the count, by the edge of the bucket."""
    told = {}
    for line in (await bench.text(openmetrics=True)).splitlines():
        whole, mark, exemplar = line.partition(" # ")
        if mark and not line.startswith("#"):
            assert whole.startswith(f"{NAME}_bucket{{")
            told[whole.split('le="')[1].split('"')[0]] = exemplar
    return told


async def packed(metrics: Metrics, pool: Executor, openmetrics: bool) -> str:
    pieces = [piece async for piece in metrics.render_packed(pool, openmetrics)]
    return gzip.decompress(b"".join(pieces)).decode()


def checks_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if "check=" in line]


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture(params=[OFTEN, 60.0], ids=["often", "seldom"])
def bench(request: pytest.FixtureRequest) -> Bench:
    bench = Bench()
    bench.add(interval=request.param)
    return bench


async def test_a_run_is_named_beside_the_bucket_it_fell_into(bench: Bench) -> None:
    ran(bench, 7, 0.134)

    assert await exemplars(bench) == {"0.25": f'{{trace_id="{trace(7)}"}} 0.134 1700000007.000'}


async def test_what_is_written_reads_back_as_openmetrics(bench: Bench) -> None:
    ran(bench, 1, 0.134)
    text = await bench.text(openmetrics=True)
    families = parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # the library leaves it so
    (family,) = [one for one in families if one.name == NAME]

    found = [s.exemplar for s in family.samples if s.exemplar is not None]
    assert [(e.labels, e.value, float(e.timestamp)) for e in found] == [
        ({"trace_id": trace(1)}, 0.134, NOON + 1)
    ]
    assert [s.value for s in family.samples if s.exemplar is not None] == [1]


async def test_of_each_bucket_the_newest_run_since_the_last_scrape_is_named() -> None:
    bench = Bench()
    bench.add(interval=OFTEN)
    for number in range(30):
        ran(bench, number, 0.134)
    ran(bench, 30, 4.0, TIMED_OUT)
    ran(bench, 31, 99.0)
    first = await exemplars(bench)
    ran(bench, 32, 0.2)

    assert {edge: told.split('"')[1] for edge, told in first.items()} == {
        "0.25": trace(29),
        "5.0": trace(30),
        "+Inf": trace(31),
    }
    assert list(await exemplars(bench)) == ["0.25"]


async def test_where_nothing_ran_the_next_scrape_says_the_same(bench: Bench) -> None:
    ran(bench, 1)

    assert await exemplars(bench) == await exemplars(bench) != {}


async def test_a_run_whose_duration_does_not_count_is_not_named(bench: Bench) -> None:
    ran(bench, 1, finding=REFUSED)
    ran(bench, 2, finding=OURS)
    ran(bench, 3, maintenance="weekly")

    assert await exemplars(bench) == {}


async def test_plain_text_has_the_same_lines_without_exemplars(
    bench: Bench, pool: Executor
) -> None:
    ran(bench, 1)
    plain = checks_lines(await bench.text())
    openmetrics = checks_lines(await bench.text(openmetrics=True))

    assert not [line for line in plain if "trace_id" in line]
    assert f'{NAME}_bucket{{{SHOP},le="0.25"}} 1' in plain
    assert [without_exemplars(line.encode()).decode() for line in openmetrics] == plain
    assert checks_lines(await packed(bench.metrics, pool, False)) == plain
    assert checks_lines(await packed(bench.metrics, pool, True)) == openmetrics


async def test_who_scrapes_packed_in_one_format_takes_nothing_from_the_other(
    bench: Bench, pool: Executor
) -> None:
    for number in range(1, 4):
        ran(bench, number)
        for openmetrics in (True, False) if number % 2 else (False, True):
            text = await packed(bench.metrics, pool, openmetrics)
            assert ("trace_id" in text) is openmetrics
            whole = await bench.text(openmetrics=openmetrics)
            assert checks_lines(text) == checks_lines(whole)
            assert f"{NAME}_count{{{SHOP}}} {number}\n" in text


async def test_histograms_of_vitals_name_no_run() -> None:
    bench = Bench()
    bench.add("way", kind="journey", interval=OFTEN)
    bench.run("way", trip=Trip(visits=[visit("/")]))
    text = await bench.text(openmetrics=True)

    marked = [line for line in text.splitlines() if " # {" in line]
    assert "prober_web_vital_lcp_seconds_bucket" in text
    assert [line.split("{")[0] for line in marked] == [f"{NAME}_bucket"]


def test_a_value_without_a_trace_is_counted_and_not_named() -> None:
    subject = Histogram("seconds", 'page="/"', (1.0,))
    subject.observe(0.5)

    assert subject.text().splitlines()[0] == 'seconds_bucket{page="/",le="1.0"} 1'


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.sampled_from(
            [
                " # {trace_id=",
                ' # {trace_id="a"} 1 2',
                ' # {trace_id="a"} 1 2\n',
                '"} 5 # {trace_id="',
                "\\ # {trace_id=\\",
            ]
        ),
    ),
    st.floats(0, 100),
)
def test_taking_exemplars_out_leaves_whatever_labels_say(label: str, seconds: float) -> None:
    """A region is whatever its owner calls it."""
    with_one, without = (
        Histogram("seconds", label_pairs(region=f"x{label}"), (0.5, 2.5)) for _ in range(2)
    )
    with_one.observe(seconds, trace(1), NOON)
    without.observe(seconds)
    told, bare = with_one.text().encode(), without.text().encode()

    assert told != bare
    assert without_exemplars(told) == bare == without_exemplars(bare)
