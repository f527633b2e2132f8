from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from prober.export.scene import Scene
from tests.export.rules.fleet import (
    BLIND,
    FIRES,
    LENGTH,
    OF_AGENT,
    WELL,
    Seen,
    absent,
    at,
    judged_by_scene,
    lost,
    of,
    scene,
    since,
    watched,
)
from tests.promtool import Case, Labels

EU, US, AP = Seen(region="eu"), Seen(region="us"), Seen(region="ap")
HERE: Labels = {"region": "eu", "instance": "eu"}
LOST = 'count(ALERTS{alertname="ProberRegionLost",alertstate="firing"})'
RUN, EVERY = "prober_last_run_timestamp_seconds", "prober_check_interval_seconds"
STARTED = {"process_start_time_seconds": [-86400.0] * LENGTH}


def runs(seen: Seen, until: float, again: float = LENGTH, interval: float = 60.0) -> Seen:
    """It runs its check until that minute, and again from `again`."""
    lasts, last = [], 0.0
    for moment in range(LENGTH):
        if moment < at(until) or moment >= at(again):
            last = 30.0 * moment
        lasts.append(last)
    return seen.but(more={**seen.more, RUN: lasts, EVERY: [interval] * LENGTH})


def without_verdict(seen: Seen, since_minute: float) -> Seen:
    """Its runs are unknown, and what was known is withheld after three of them."""
    unknown = [max(0, moment - at(since_minute)) // 2 for moment in range(LENGTH)]
    key = 'prober_runs_total{outcome="unknown"}'
    gone = tuple("_" if one else 1 for one in since(since_minute + 3))
    return seen.but(success=gone, more={**seen.more, key: unknown})


def own(name: str, **labels: str) -> Mapping[str, Sequence[Labels]]:
    return {name: [{**OF_AGENT, **labels}]}


STUCK = own("ProberStuck", **HERE)
LIVE = EU.but(own=STARTED)
WATCHING = (
    Case(
        name="an agent that cannot be scraped is lost, with its region",
        series=of(EU.but(dies=5), US, AP),
        at={
            "6m30s": {},
            "7m": {"ProberRegionLost": [lost("eu")]},
            "30m": {"ProberRegionLost": [lost("eu")]},  # its region is not said to be gone as well
        },
    ),
    Case(
        name="one of a region's two agents is lost with its shard, and the region is there",
        series=of(
            EU.but(instance="eu-0", shard="0/2"),
            EU.but(instance="eu-1", shard="1/2", dies=5),
            US,
            AP,
        ),
        at={
            "30m": {
                "ProberRegionLost": [{**lost("eu"), "instance": "eu-1", "shard": "1/2"}],
            }
        },
    ),
    Case(
        name="an agent that was never scraped is lost without a region",
        series=of(EU, US, AP) | {'up{job="prober",instance="new"}': "0x80"},
        at={
            "1m30s": {},
            "2m": {"ProberRegionLost": [{**OF_AGENT, "instance": "new", "job": "prober"}]},
        },
    ),
    Case(
        name="an agent that was another region's this morning is lost once",
        series=of(EU.but(dies=5), US, AP)
        | {'prober_build_info{job="prober",instance="eu",region="old"}': "1x4 stale"},
        values={"30m": {LOST: [({}, 1.0)]}},
    ),
    Case(
        name="an agent that vanishes from discovery leaves its region absent",
        series=of(EU.but(dies=5, vanishes=True), US, AP),
        at={"7m30s": {}, "8m": {"ProberRegionAbsent": absent("eu")}},
    ),
    Case(
        name="a region that was never there is absent",
        series=of(EU, US),
        at={"30s": {}, "1m": {"ProberRegionAbsent": absent("ap")}},
    ),
    Case(
        name="a scrape that was missed is no loss",
        series=of(EU.but(missed=(5, 5.5)), US.but(missed=(5,)), AP.but(missed=(5,))),
        at={f"{minute}m": {} for minute in range(4, 12)},
    ),
    Case(
        name="while no agent is scraped all are blind",
        series=of(*(one.but(dies=5, vanishes=True) for one in (EU, US, AP))),
        at={"6m30s": {}, "7m": {"ProberBlind": [BLIND]}, "9m": {"ProberBlind": [BLIND]}},
    ),
    Case(
        name="nobody is told of each that is lost, however far apart the last scrapes were",
        series=of(EU.but(dies=5), US.but(dies=5.5), AP.but(dies=6)),
        at={f"{half / 2}m".replace(".0m", "m").replace(".5m", "m30s"): {} for half in range(10, 16)}
        | {"8m": {"ProberBlind": [BLIND]}, "20m": {"ProberBlind": [BLIND]}},
    ),
    Case(
        name="when one is back the others are lost, each once",
        series=of(EU.but(dies=5, back=10), US.but(dies=5), AP.but(dies=5)),
        at={
            "9m30s": {"ProberBlind": [BLIND]},
            "11m30s": {},
            "20m": {"ProberRegionLost": [lost("us"), lost("ap")]},
        },
    ),
    Case(
        name="with one agent left nobody is blind",
        series=of(EU, *(one.but(dies=5, vanishes=True) for one in (US, AP))),
        at={"30m": {"ProberRegionAbsent": absent("us", "ap")}},
    ),
    Case(
        name="agents of another job are none of ours",
        series=of(*(one.but(job="other") for one in (EU, US, AP))),
        at={"30m": {"ProberBlind": [BLIND]}},
    ),
    Case(
        name="an agent that is scraped and runs nothing is stuck, once for all of its checks",
        series=of(runs(LIVE, 5), runs(LIVE, 5).but(check="api"), US, AP),
        at={"12m30s": {}, "14m": STUCK},
    ),
    Case(
        name="an agent that runs its checks is not stuck",
        series=of(runs(LIVE, 40), US, AP),
        at={"39m": {}},
    ),
    Case(
        name="a check that a window does not want run is not stuck",
        series=of(runs(LIVE, 5).but(window=since(5, 39)), US, AP),
        at={"14m": {}, "38m": {}},
    ),
    Case(
        name="a check that waits for its next hour after such a window is not stuck",
        series=of(
            runs(LIVE, 0, interval=600.0).but(check="slow", window=since(0, 32)),
            US,
            AP,
        ),
        at={f"{minute}m": {} for minute in range(30, 40)},
    ),
    Case(
        name="after a restart nothing is stuck that had no time to run",
        series=of(runs(EU.but(own={"process_start_time_seconds": [1200.0] * LENGTH}), 0), US, AP),
        at={"20m": {}, "27m30s": {}, "29m": STUCK},
    ),
    Case(
        name="where the start of an agent is not known it is stuck all the same",
        series=of(runs(EU, 5), US, AP),
        at={"14m": STUCK},
    ),
)  # fmt: skip
TROUBLE = {"prober_connectivity": since(0, 5), "prober_store_up": FIRES}
FOR_THEM = (
    Case(
        name="an agent that gets no verdict is at fault",
        series=of(without_verdict(runs(EU, 40), 5), US, AP),
        at={
            "9m30s": {},
            "10m": own("ProberAgentFault", alert="agent-fault", **HERE),
            "30m": own("ProberAgentFault", alert="agent-fault", **HERE),
        },
    ),
    Case(
        name="one that is cut off says so, and is not at fault",
        series=of(
            without_verdict(runs(EU, 40), 5).but(own={"prober_connectivity": since(0, 5)}), US, AP
        ),
        at={
            "6m30s": {},
            "7m": own("ProberOffline", alert="offline", job="prober", **HERE),
            "30m": own("ProberOffline", alert="offline", job="prober", **HERE),
        },
    ),
    Case(
        name="one that was cut off is not at fault until its checks have run again",
        series=of(
            without_verdict(runs(EU, 40), 5).but(
                own={"prober_connectivity": [1 - cut for cut in since(5, 12)]},
                success=tuple("_" if gone else 1 for gone in since(8, 15)),
            ),
            US,
            AP,
        ),
        at={f"{minute}m": {} for minute in (13, 14, 15, 16, 20)},
    ),
    Case(
        name="a check in maintenance is not at fault",
        series=of(without_verdict(runs(EU, 40), 5).but(window=FIRES), US, AP),
        at={"10m": {}, "30m": {}},
    ),
    Case(
        name="an agent that cannot write says so",
        series=of(EU.but(own={"prober_store_up": since(0, 5)}), US, AP),
        at={"6m30s": {}, "7m": own("ProberStore", alert="store", job="prober", **HERE)},
    ),
    Case(
        name="an agent that has given up notices says to whom",
        series=of(EU, US, AP)
        | {
            'prober_dead_letters_total{notifier="ops",instance="eu",job="prober"}': " ".join(
                map(str, since(5))
            ),
            'prober_dead_letters_total{notifier="mail",instance="eu",job="prober"}': "0x80",
        },
        at={
            "6m30s": {},
            "7m": own("ProberUndelivered", alert="undelivered", notifier="ops", **HERE),
        },
    ),
    Case(
        name="agents that are well say nothing",
        series=of(
            runs(EU.but(own={**TROUBLE, "prober_connectivity": FIRES, **STARTED}), 40), US, AP
        ),
        at={"39m": {}},
    ),
)
TELLING = (
    Case(
        name="agents that tell of themselves are not told for",
        series=of(EU.but(own={"prober_store_up": WELL, "prober_connectivity": WELL}), US, AP),
        at={"30m": {}},
    ),
)
CASES: Mapping[str, tuple[Scene, Sequence[Case]]] = {
    "watching": (scene(watched(), watched("slow", interval=600.0)), WATCHING),
    "for them": (scene(agents_tell=False), FOR_THEM),
    "telling": (scene(), TELLING),
}


@pytest.fixture(scope="module")
def against(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return judged_by_scene(tmp_path_factory, CASES)


@pytest.mark.parametrize("name", [case.name for _, several in CASES.values() for case in several])
def test_in_prometheus(name: str, against: Mapping[str, str]) -> None:
    assert against[name] == ""
