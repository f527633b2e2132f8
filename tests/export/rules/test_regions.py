from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from prober.alerts.conditions import BudgetBroken, Expiring
from prober.export.scene import Scene
from tests.export.rules.fleet import (
    BLIND,
    DOWN,
    FIRES,
    ISSUE,
    LENGTH,
    Seen,
    judged_by_scene,
    lost,
    of,
    rule,
    scene,
    since,
    watched,
)
from tests.promtool import Case, Labels

EU, US, AP = Seen(region="eu"), Seen(region="us"), Seen(region="ap")
PAGE = {"ProberQuorumDown": [DOWN]}
EVERYBODY_GONE = {"ProberBlind": [BLIND]}
PAGES = 'count(ALERTS{alertname="ProberQuorumDown",alertstate="firing"})'
SEVERITIES = 'count by (severity) (ALERTS{alertname="ProberQuorumDown",alertstate="firing"})'


def in_(region: str, **labels: str) -> Mapping[str, Sequence[Labels]]:
    return {"ProberRegionalIssue": [{**ISSUE, "region": region, **labels}]}


def withheld(since_minute: float, until: float = LENGTH / 2) -> tuple[int | str, ...]:
    return tuple("_" if gone else 1 for gone in since(since_minute, until))


def down(seen: Seen, since_minute: float = 5, until: float = LENGTH / 2) -> Seen:
    return seen.but(firing=since(since_minute, until))


def pages(case: str, *seen: Seen, at: Mapping[str, int]) -> Case:
    """How many pages there are for what `seen` say, whatever else."""
    values: Mapping[str, Mapping[str, Sequence[tuple[Labels, float]]]] = {
        moment: {PAGES: [({}, float(count))] if count else []} for moment, count in at.items()
    }
    return Case(name=case, series=of(*seen), values=values)


THREE = (
    Case(
        name="down in two of three is a page",
        series=of(down(EU), down(US), AP),
        at={"4m30s": {}, "5m": PAGE, "30m": PAGE},
    ),
    Case(
        name="down in one of three is a regional issue after a while, and no page",
        series=of(down(EU), US, AP),
        at={"9m30s": {}, "10m": in_("eu"), "30m": in_("eu")},
    ),
    Case(
        name="two are lost and the third sees it",
        series=of(down(EU), US.but(dies=3), AP.but(dies=3)),
        at={
            "4m30s": {},
            "8m": {**PAGE, "ProberRegionLost": [lost("us"), lost("ap")]},
        },
    ),
    pages(
        "a region without a verdict has no say",
        *(down(EU), US.but(success=withheld(3)), AP.but(success=withheld(3))),
        at={"4m30s": 0, "5m30s": 0, "6m": 1, "30m": 1},
    ),
    Case(
        name="down in turns, never in two at a time",
        series=of(down(EU, 5, 7), down(US, 7, 9), down(AP, 9, 11)),
        at={f"{minute}m": {} for minute in range(5, 20)},
    ),
    pages(
        "a scrape that two have missed makes no quorum of one",
        *(down(EU), US.but(missed=(8, 8.5)), AP.but(missed=(8, 8.5))),
        at={"8m": 0, "8m30s": 0, "9m": 0},
    ),
    pages(
        "a scrape that all have missed ends no page",
        *(down(one).but(missed=(8, 8.5)) for one in (EU, US, AP)),
        at={"8m": 1, "8m30s": 1, "9m": 1},
    ),
    Case(
        name="it is over when it has been well for a while",
        series=of(down(EU, 5, 10), down(US, 5, 10), AP),
        at={"9m30s": PAGE, "11m30s": PAGE, "12m30s": {}, "30m": {}},
    ),
    Case(
        name="all are lost while it is down: held until somebody looks, and over if that is well",
        series=of(*(down(one, 5, 15).but(dies=8, back=25) for one in (EU, US, AP))),
        at={
            "7m30s": PAGE,
            "12m": {**PAGE, **EVERYBODY_GONE},
            "24m30s": {**PAGE, **EVERYBODY_GONE},
            "25m": PAGE,
            "28m": {},
        },
    ),
    pages(
        "all vanish from discovery while it is down: held as well",
        *(down(one).but(dies=8, vanishes=True) for one in (EU, US, AP)),
        at={"10m": 1, "12m": 1, "39m": 1},
    ),
    pages(
        "nobody gets a verdict while it is down: held until somebody has one",
        *(down(one, 5, 15).but(success=withheld(8, 25)) for one in (EU, US, AP)),
        at={"10m": 1, "24m30s": 1, "28m": 0},
    ),
    pages(
        "the shards that have it are lost while it is down: held until one is back",
        *(down(one, 5, 15).but(instance=f"{one.region}-0", dies=8, back=25) for one in (EU, US, AP)),
        *(one.but(instance=f"{one.region}-1", check="api") for one in (EU, US, AP)),
        at={"7m30s": 1, "13m": 1, "24m30s": 1, "28m": 0},
    ),
    pages(
        "the shards that have it vanish from discovery while it is down: it is over",
        *(down(one).but(instance=f"{one.region}-0", dies=8, vanishes=True) for one in (EU, US, AP)),
        *(one.but(instance=f"{one.region}-1", check="api") for one in (EU, US, AP)),
        at={"7m30s": 1, "13m": 0, "39m": 0},
    ),
    pages(
        "lost in a window it is over",
        *(down(one).but(instance=f"{one.region}-0", dies=8, window=since(7.5)) for one in (EU, US, AP)),
        *(one.but(instance=f"{one.region}-1", check="api") for one in (EU, US, AP)),
        at={"7m": 1, "13m": 0, "39m": 0},
    ),
    pages(
        "a check that is removed while it is down is over",
        *(down(one).but(removed=8) for one in (EU, US, AP)),
        at={"7m30s": 1, "13m": 0},
    ),
    Case(
        name="two agents of a region are one region",
        series=of(
            down(EU).but(instance="eu-0", shard="0/2"),
            down(EU).but(instance="eu-1", shard="1/2", severity="high"),
            US,
            AP,
        ),
        at={"9m30s": {}, "10m": in_("eu"), "30m": in_("eu")},
    ),
    pages(
        "regions that label a check otherwise are one page all the same",
        *(down(EU).but(labels={"team": "ops"}), down(US), AP.but(labels={})),
        at={"4m30s": 0, "5m": 1, "6m": 1, "30m": 1},
    ),
    Case(
        name="regions that give it another severity make one page of the worse",
        series=of(down(EU).but(severity="low"), down(US).but(severity="high"), AP),
        values={
            "5m": {SEVERITIES: [({"severity": "high"}, 1.0)]},
            "30m": {SEVERITIES: [({"severity": "high"}, 1.0)]},
        },
    ),
    Case(
        name="a severity that the rules do not know pages as well",
        series=of(down(EU).but(severity="sev1"), down(US).but(severity="sev1"), AP),
        at={"5m": {"ProberQuorumDown": [{**DOWN, "severity": "sev1"}]}},
    ),
    Case(
        name="in maintenance everywhere nobody is paged, and after it at once",
        series=of(*(down(one).but(window=since(3, 20)) for one in (EU, US, AP))),
        at={"5m": {}, "19m30s": {}, "20m": PAGE},
    ),
    Case(
        name="a window that begins while it is down ends the page",
        series=of(*(down(one).but(window=since(10, 20)) for one in (EU, US, AP))),
        at={"9m30s": PAGE, "13m": {}, "19m30s": {}, "20m": PAGE},
    ),
    pages(
        "a region in maintenance has no say, the two others have",
        *(EU.but(window=FIRES), down(US), down(AP)),
        at={"4m30s": 0, "5m": 1},
    ),
    pages(
        "a region in maintenance does not make the second one",
        *(down(EU).but(window=FIRES), down(US), AP),
        at={"5m": 0, "30m": 0},
    ),
    pages(
        "a scrape that was missed in maintenance ends no maintenance",
        *(down(one).but(window=since(3, 20), missed=(8, 8.5)) for one in (EU, US, AP)),
        at={"7m30s": 0, "8m": 0, "8m30s": 0, "9m": 0},
    ),
    Case(
        name="what is slow in two regions is a page of its own severity",
        series=of(*(down(one).but(alert="slow", severity="medium") for one in (EU, US)), AP),
        at={"5m": {"ProberQuorumDown": [{**DOWN, "alert": "slow", "severity": "medium"}]}},
    ),
    Case(
        name="down in one region and slow in another is no page",
        series=of(down(EU), down(US).but(alert="slow", severity="medium"), AP),
        at={
            "9m30s": {},
            "10m": {
                "ProberRegionalIssue": [
                    {**ISSUE, "region": "eu"},
                    {**ISSUE, "region": "us", "alert": "slow"},
                ]
            },
        },
    ),
    Case(
        name="what nobody knows the labels of is a page without them",
        series={
            name: values
            for name, values in of(down(EU), down(US), AP).items()
            if not name.startswith("prober_check_info")
        },
        at={
            "5m": {"ProberQuorumDown": [{k: DOWN[k] for k in ("check", "alert", "severity")}]}
        },
    ),
    pages(
        "the first to be scraped at all does not decide alone",
        *(EU.but(firing=FIRES), US.but(dies=0, back=0.5), AP.but(dies=0, back=1)),
        at={"0m": 0, "30s": 0, "1m": 0, "2m": 0, "30m": 0},
    ),
    pages(
        "the last to be scraped when a window begins does not decide alone",
        *(EU.but(window=since(10)), US.but(window=since(10)), down(AP).but(window=since(10.5))),
        at={"9m30s": 0, "10m": 0, "10m30s": 0, "11m": 0},
    ),
    pages(
        "the first to be scraped when a window ends does not decide alone",
        *(EU.but(firing=FIRES, window=since(0, 10)), *(one.but(window=since(0, 10.5)) for one in (US, AP))),
        at={"9m30s": 0, "10m": 0, "10m30s": 0, "11m": 0},
    ),
    pages(
        "another job is none of ours",
        *(EU, down(US).but(job="other"), down(AP).but(job="other")),
        at={"5m": 0, "30m": 0},
    ),
)  # fmt: skip
ALONE = (
    Case(
        name="the one region that there is is enough",
        series=of(down(EU)),
        at={"4m30s": {}, "5m": PAGE},
    ),
)
OWN_QUORUMS = (
    pages(
        "a check whose quorum is one",
        *(down(EU).but(check="one"), US.but(check="one"), AP.but(check="one")),
        at={"4m30s": 0, "5m": 1},
    ),
    pages(
        "a check whose quorum is three, in two",
        *(down(EU).but(check="three"), down(US).but(check="three"), AP.but(check="three")),
        at={"5m": 0, "30m": 0},
    ),
    pages(
        "a check whose quorum is three, in three",
        *(down(one).but(check="three") for one in (EU, US, AP)),
        at={"4m30s": 0, "5m": 1},
    ),
    pages(
        "a check whose quorum is three, in both that report",
        *(down(EU).but(check="three"), down(US).but(check="three"), AP.but(dies=1)),
        at={"4m30s": 0, "6m": 1},
    ),
    pages(
        "a check beside them has that of the config",
        *(down(EU), US, AP),
        at={"5m": 0, "30m": 0},
    ),
)
OF_ALL = {"kind": "http", "team": "web", "check": "shop"}
CERTIFICATE = {**OF_ALL, "alert": "cert", "severity": "low"}
BUDGET = {**OF_ALL, "alert": "vitals", "severity": "medium"}
ANYWHERE = (
    Case(
        name="a certificate that one region sees end is told, and no page of a quorum",
        series=of(*(down(one).but(alert="cert", severity="low") for one in (EU, US)), AP),
        at={"4m30s": {}, "5m": {"ProberCertificate": [CERTIFICATE]}},
    ),
    Case(
        name="a certificate in maintenance is not told",
        series=of(down(EU).but(alert="cert", severity="low", window=FIRES), US, AP),
        at={"5m": {}, "30m": {}},
    ),
    Case(
        name="a budget that one region sees broken is told, and is no regional issue",
        series=of(down(EU, 5, 20).but(alert="vitals", severity="medium"), US, AP),
        at={"5m": {"ProberBudget": [BUDGET]}, "19m": {"ProberBudget": [BUDGET]}, "23m": {}},
    ),
    Case(
        name="a rule that is about failures for one check and a budget for another",
        series=of(
            down(EU).but(alert="odd"),
            US.but(alert="odd"),
            AP.but(alert="odd"),
            down(EU).but(alert="odd", check="journey"),
        ),
        at={
            "9m30s": {"ProberBudget": [{**DOWN, "alert": "odd", "check": "journey"}]},
            "10m": {
                "ProberBudget": [{**DOWN, "alert": "odd", "check": "journey"}],
                **in_("eu", alert="odd"),
            },
        },
    ),
)
DAY = 86400.0


def ending(days: float, seen: Seen = EU) -> Seen:
    return seen.but(more={"probe_ssl_earliest_cert_expiry": [days * DAY] * LENGTH})


OF_ITSELF = {**OF_ALL, "alert": "certificate", "severity": "low"}
BY_DEFAULT = (
    Case(
        name="a certificate that no rule looks at is told two weeks before its end",
        series=of(ending(14 + 10 / 1440), US, AP),
        at={"10m": {}, "10m30s": {"ProberCertificate": [OF_ITSELF]}},
    ),
    Case(
        name="that one is not told in maintenance either",
        series=of(ending(10).but(window=since(0, 20)), US, AP),
        at={"10m": {}, "20m": {"ProberCertificate": [OF_ITSELF]}},
    ),
)
BROKEN, ENDS = BudgetBroken(budget="lcp", over=3600.0), Expiring(30 * DAY)
CASES: Mapping[str, tuple[Scene, Sequence[Case]]] = {
    "three regions": (scene(), THREE),
    "one region": (scene(regions=("eu",)), ALONE),
    "quorums of their own": (
        scene(watched(), watched("one", quorum=1), watched("three", quorum=3)),
        OWN_QUORUMS,
    ),
    "one is enough": (
        scene(
            watched(rules=(rule(), rule("cert", ENDS), rule("vitals", BROKEN), rule("odd"))),
            watched("journey", rules=(rule(), rule("odd", BROKEN))),
        ),
        ANYWHERE,
    ),
    "no rule of certificates": (scene(watched(has_certificate=True)), BY_DEFAULT),
}


@pytest.fixture(scope="module")
def against(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return judged_by_scene(tmp_path_factory, CASES)


@pytest.mark.parametrize("name", [case.name for _, several in CASES.values() for case in several])
def test_in_prometheus(name: str, against: Mapping[str, str]) -> None:
    assert against[name] == ""
