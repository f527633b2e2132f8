"""Is the error budget that Prometheus shows the one that the runs of a month leave?"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from prober.alerts.slo import Slo
from prober.export.board import Board, CheckInfo
from prober.export.metrics import Metrics
from prober.export.rules import slo, text
from prober.export.rules.made import Generated
from prober.result import Finding, Outcome, Reason, Result
from tests.export.rules import fleet
from tests.export.samples import (
    OURS,
    REASONS,
    REFUSED,
    TIMED_OUT,
    UP,
    WebCheck,
    result,
)
from tests.fake_clock import FakeClock
from tests.promtool import Case, failures

RUN, LOOK, DAY = 5, 180, 1440  # minutes: between two runs, two samples; of a day
MONTH = 30 * DAY
REGIONS = ("eu", "us", "ap")
CHECK = WebCheck(name="shop", interval=60.0 * RUN)
AVAILABLE = Slo.model_validate({"name": "up", "availability": "97%"})
FAST = Slo.model_validate({"name": "fast", "latency": {"under": "700ms", "ratio": "90%"}})
UNDER = 0.7
ASKED = ("prober_runs_total{", "prober_run_duration_seconds_count{")
WINDOW = range(120, 240)  # minutes of every seventh day
EVERYWHERE = (range(9_000, 9_400), range(30_000, 30_200))  # the shop itself is down
ELSEWHERE = {"eu": range(20_000, 20_300), "us": range(14_400, 14_700), "ap": range(0, 0)}
CUT_OFF = {"eu": range(3_000, 3_500), "us": range(0, 0), "ap": range(40_000, 41_000)}
# Each after so many samples, and one run that is in none of them: Prometheus' newest copy of a
# counter is up to four minutes old. The first of them is in the middle of an outage.
RESTARTS = {"eu": (51, 123, 195), "us": (47, 87, 223), "ap": (40, 41, 139)}


def found(region: str, minute: int, chance: random.Random) -> tuple[Finding, float]:
    """What a run comes to, and how long it takes."""
    if minute in CUT_OFF[region]:
        return OURS, 0.01
    if minute in ELSEWHERE[region] or any(minute in outage for outage in EVERYWHERE):
        return chance.choice((REFUSED, TIMED_OUT)), chance.choice((0.02, 10.0))
    if chance.random() < 0.004:
        return Finding.down(Reason.STATUS, "503"), 0.2
    return UP, chance.lognormvariate(-1.2, 0.6)


def ran(region: str) -> Iterator[tuple[int, Result]]:
    """The runs of a month in a region, and when they were."""
    chance = random.Random(region)
    for minute in range(RUN, MONTH + 1, RUN):
        finding, seconds = found(region, minute, chance)
        made = result("shop", finding, at=minute * 60.0, seconds=seconds)
        in_window = (minute // DAY) % 7 == 6 and minute % DAY in WINDOW
        yield minute, made._replace(region=region, maintenance="weekly" if in_window else "")


class Agent:
    """What an agent of a region exports. It starts with nothing."""

    def __init__(self, region: str) -> None:
        self._metrics, self._board = Metrics(region, FakeClock()), Board()
        info = CheckInfo(kind="http", target="https://shop.example/")
        self._board.add(CHECK, info)
        self._metrics.add(CHECK, info, series=(), reasons=REASONS, rules=(), edges=(UNDER,))

    def see(self, run: Result) -> None:
        row = self._board.observe(run)
        assert row is not None
        self._metrics.observe(run, row)

    async def samples(self) -> AsyncIterator[tuple[str, str]]:
        """Of the series that rules ask for: the name and the value of each."""
        pieces = [piece async for piece in self._metrics.render()]
        for line in b"".join(pieces).decode().splitlines():
            if line.startswith(ASKED) or f'le="{UNDER}"' in line:
                name, _, value = line.rpartition(" ")
                yield name, value


async def exported(region: str, runs: Sequence[tuple[int, Result]]) -> Mapping[str, str]:
    """The samples of each series, as Prometheus has them."""
    agent, seen = Agent(region), defaultdict[str, list[str]](list)
    restarts = {number * LOOK + RUN for number in RESTARTS[region]}

    async def scrape() -> None:
        async for name, value in agent.samples():
            seen[f'{name[:-1]},instance="{region}:9620",job="prober"}}'].append(value)

    await scrape()
    for minute, run in runs:
        agent.see(run)
        if minute in restarts:
            agent = Agent(region)
        if minute % LOOK == 0:
            await scrape()
    return {name: " ".join(values) for name, values in seen.items()}


def left(promise: Slo, bad: int, judged: int) -> float:
    return 1 - bad / judged / promise.budget


def directly(runs: Sequence[Result]) -> tuple[float, float, int]:
    """What the runs leave of the two budgets, and how many of them were down."""
    counting = [run for run in runs if not run.maintenance and run.outcome is not Outcome.UNKNOWN]
    down = [run for run in counting if run.outcome is Outcome.DOWN]
    timed = [run for run in counting if run not in down or run.reason is Reason.TIMEOUT]
    slow = [run for run in timed if run.seconds > UNDER]
    return (
        left(AVAILABLE, len(down), len(counting)),
        left(FAST, len(slow), len(timed)),
        len(down),
    )


async def test_the_budget_that_is_shown_is_that_of_the_runs_of_a_month(tmp_path: Path) -> None:
    runs = {region: list(ran(region)) for region in REGIONS}
    available, fast, down = directly([run for several in runs.values() for _, run in several])
    series: dict[str, str] = {}
    for region, several in runs.items():
        series |= await exported(region, several)
    of = fleet.scene(fleet.watched("shop", interval=CHECK.interval), slos=(AVAILABLE, FAST))

    remaining = "slo:period_error_budget_remaining:ratio"
    near = {
        f'abs({remaining}{{slo="{name}"}} / {direct} - 1) < bool 0.01': [
            ({"check": "shop", "slo": name}, 1.0)
        ]
        for name, direct in (("up", available), ("fast", fast))
    }

    assert not failures(
        tmp_path,
        text.rules(Generated(slo.groups(of)[0][:1], (), ()), of),
        [Case(name="a month", series=series, interval=f"{LOOK}m", values={f"{MONTH}m": near})],
        every=f"{LOOK}m",
    )
    assert down >= 400
    assert 0.1 < available < 0.9
    assert 0.1 < fast < 0.9
