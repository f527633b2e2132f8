"""Budgets as Prometheus itself counts them: when do they burn, and who is told?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from prober.alerts.slo import Slo
from prober.export.histogram import bound
from prober.export.rules import burns as burns_of
from prober.export.rules import slo, text
from prober.export.rules.made import Alert, Generated, Group, Record
from prober.export.scene import Scene, Watched
from tests.export.rules import fleet
from tests.promtool import Case, Labels, check_rules, failures

PAGE, TICKET = "critical", "medium"
LASTING = 1500  # samples: longer than any case


def promise(name: str = "up", **given: object) -> Slo:
    kind = {} if "latency" in given else {"availability": "99.9%"}
    return Slo.model_validate({"name": name, **kind, **given})


def scene(
    *slos: Slo, interval: float = 60.0, checks: Sequence[Watched] = (), **changed: object
) -> Scene:
    """One check in one region, if nothing else is said."""
    those = checks or (fleet.watched("a", interval=interval, labels={}),)
    plain: dict[str, object] = {"regions": ("eu",), "slos": slos or (promise(),)}
    return fleet.scene(*those, **plain | changed)


def alone(of: Scene) -> str:
    """The rules of the objectives, without those that they go by.

    In one group: promtool evaluates several in any order, and rarer than
    Prometheus does, one would see nothing of the other.
    """
    return text.rules(Generated((Group("all", 60.0, tuple(rules(of))),), (), ()), of)


def rules(of: Scene) -> Sequence[Record | Alert]:
    return [rule for group in slo.groups(of)[0] for rule in group.rules]


def expression(of: Scene, record: str) -> str:
    [found] = [one.expr for one in rules(of) if isinstance(one, Record) and one.record == record]
    return found


def grows(*spells: tuple[int, float]) -> str:
    """A counter as promtool reads it: in each spell so many samples, each so much more."""
    parts, value = ["0"], 0.0
    for count, step in spells:
        parts.append(f"{value + step:g}+{step:g}x{count - 1}")
        value += step * count
    return " ".join(parts)


def counted(values: Iterable[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def runs(check: str = "a", region: str = "eu", **outcomes: str) -> dict[str, str]:
    """The counters of a check in a region, which has a say all the time."""
    own = f'check="{check}",region="{region}"'
    there = f'{own},instance="{region}:9620",job="prober"'
    shown = {"up": f"0x{LASTING}", "down": f"0x{LASTING}"} | outcomes
    said = {
        f"check_region:probe_success:last{{{own}}}": f"1x{LASTING}",
        f'check:prober_quorum:needed{{check="{check}"}}': f"1x{LASTING}",
    }
    return said | {
        f'prober_runs_total{{{there},outcome="{name}"}}': values for name, values in shown.items()
    }


def burns(
    *severities: str, check: str = "a", slo: str = "up", **more: str
) -> dict[str, list[Labels]]:
    own = {"check": check, "slo": slo, **more}
    return {"ProberSLOBurn": [{**own, "severity": severity} for severity in severities]}


def sample(value: float, window: str = "", **more: str) -> list[tuple[Labels, float]]:
    return [({"check": "a", "slo": "up", **({"window": window} if window else {}), **more}, value)]


def wrong(folder: Path, of: Scene, *all_of_them: Case, every: str = "1m") -> str:
    """What promtool has to say against the rules of objectives; nothing where all is as the cases say."""
    return failures(folder, alone(of), all_of_them, every=every)


def test_promtool_has_nothing_against_the_rules(tmp_path: Path) -> None:
    fast = promise(
        "fast", latency={"under": "700ms", "ratio": "95%"}, window="7d", match={"checks": "b"}
    )
    there = fleet.scene(
        fleet.watched("a"),
        fleet.watched("b.c|d", interval=900.0),
        fleet.watched("b", interval=6 * 3600.0),
        slos=(promise(), promise("lax", availability="90%", match={"regions": "us"}), fast),
    )

    check_rules(tmp_path, fleet.rules(there))
    assert {one.labels["slo"] for one in rules(there) if isinstance(one, Alert)} == {
        "up",
        "lax",
        "fast",
    }


def test_a_check_of_a_minute(tmp_path: Path) -> None:
    assert not wrong(
        tmp_path,
        scene(),
        Case(
            name="a fast burn pages, and is over when it is over",
            interval="1m",
            series=runs(
                up=grows((120, 1), (20, 0), (300, 1)), down=grows((120, 0), (20, 1), (300, 0))
            ),
            at={
                "120m": {},
                "128m": burns(PAGE, TICKET),
                "140m": burns(PAGE, TICKET),
                "168m": burns(PAGE, TICKET),  # by the half hour
                "172m": burns(TICKET),
                "260m": burns(TICKET),  # by two hours
                "400m": burns(TICKET),  # by six
            },
        ),
        Case(
            name="where nothing runs there is nothing",
            interval="1m",
            series=runs(up="7x200", down="3x200"),
            at={"100m": {}, "180m": {}},
            values={"180m": {'{__name__=~"slo:.*ratio.*",check!=""}': []}},
        ),
        Case(
            name="what is unknown or in maintenance counts nowhere",
            interval="1m",
            series=runs(
                up=grows((120, 1), (60, 0)),
                unknown=grows((120, 0), (60, 1)),
                maintenance=grows((120, 0), (60, 1)),
            ),
            at={"152m": {}, "180m": {}},
            values={
                "132m": {"slo:sli_error:ratio_rate30m * 1": sample(0, "30m")},
                "172m": {"slo:sli_error:ratio_rate30m * 1": []},
                "176m": {"slo:period_error_budget_remaining:ratio * 1": sample(1)},
            },
        ),
        Case(
            name="a restart forgets nothing and is no failure itself",
            interval="1m",
            series=runs(
                up=f"{grows((120, 1), (20, 0))} {grows((60, 1))}",
                down=f"{grows((120, 0), (20, 1))} {grows((60, 0))}",
            ),
            values={
                "160m": {
                    "round(slo:sli_error:increase1h, 0.01)": sample(20, "1h"),
                    "round(slo:sli_error:ratio_rate6h * 160, 0.1)": sample(20.1, "6h"),
                }
            },
        ),
        Case(
            name="two failures an hour apart are for a ticket",
            interval="1m",
            series=runs(
                up=grows((400, 1), (1, 0), (60, 1), (1, 0), (20, 1)),
                down=grows((400, 0), (1, 1), (60, 0), (1, 1), (20, 0)),
            ),
            at={"412m": {}, "472m": burns(TICKET)},
        ),
        Case(
            name="what is left is what the failures leave",
            interval="1m",
            series=runs(up=grows((400, 0.999)), down=grows((400, 0.001))),
            values={
                "400m": {
                    "round(slo:period_error_budget_remaining:ratio, 0.0001)": sample(0),
                    "round(slo:period_burn_rate:ratio, 0.0001)": sample(1),
                    "round(slo:current_burn_rate:ratio, 0.0001)": sample(1),
                    "slo:objective:ratio + slo:error_budget:ratio": [({"slo": "up"}, 1)],
                    "slo:time_period:days * 1": [({"slo": "up"}, 30)],
                }
            },
        ),
        every="4m",
    )


def test_one_failure_right_at_the_start_tells_nobody(tmp_path: Path) -> None:
    """Whenever it is first scraped, every 30 seconds: what it had before is a guess."""

    def scraped(first: int, values: Sequence[int]) -> str:
        return "_ " * first + " ".join(f"{value}{' _' * 5}" for value in values)

    assert not wrong(
        tmp_path,
        scene(),
        *(
            Case(
                name=f"first scraped after {5 * first} s, down before scrape {failed}",
                interval="5s",
                series=runs(
                    up=scraped(first, [0] * 20),
                    down=scraped(first, [*[0] * failed, *[1] * (20 - failed)]),
                ),
                at={f"{minute}m": {} for minute in range(1, 10)},
            )
            for first in range(6)
            for failed in range(1, 5)
        ),
        Case(
            name="as an agent restarts",
            interval="1m",
            series=runs(up=grows((20, 1)) + " 0x20", down="5x20 0 1x19"),
            at={f"{minute}m": {} for minute in range(18, 30)},
        ),
    )


def test_a_check_of_five_minutes(tmp_path: Path) -> None:
    def of_minutes(*failed: int) -> dict[str, str]:
        down = [sum(minute >= one for one in failed) for minute in range(260)]
        up = [minute // 5 - bad for minute, bad in enumerate(down)]
        return runs(up=counted(up), down=counted(down))

    assert not wrong(
        tmp_path,
        scene(interval=300.0),
        Case(
            name="one failure is silent",
            interval="1m",
            series=of_minutes(120),
            at={f"{minute}m": {} for minute in (120, 124, 128, 132, 180, 240)},
            values={"124m": {"slo:sli_error:ratio_rate10m > bool 0.4": sample(1, "10m")}},
        ),
        Case(
            name="two page",
            interval="1m",
            series=of_minutes(120, 125),
            at={"124m": {}, "132m": burns(PAGE, TICKET), "160m": burns(TICKET)},
        ),
        every="4m",
    )


def test_a_journey_of_a_quarter_of_an_hour_has_no_short_pair(tmp_path: Path) -> None:
    down = [min(2, max(0, minute // 15 - 9)) for minute in range(400)]
    up = [minute // 15 - bad for minute, bad in enumerate(down)]
    of = scene(interval=900.0)

    assert not wrong(
        tmp_path,
        of,
        Case(
            name="two failures page by the half hour",
            interval="1m",
            series=runs(up=counted(up), down=counted(down)),
            at={"155m": {}, "170m": burns(PAGE, TICKET), "200m": burns(TICKET)},
            values={"170m": {"slo:current_burn_rate:ratio > bool 900": sample(1)}},
        ),
        every="5m",
    )
    assert not any("5m]" in one.expr or "[1h]" in one.expr for one in rules(of))
    assert slo.groups(of)[1][0] == "up of a: 1 h/5 m left out: it runs every 15 m"


def test_a_slow_burn_and_what_runs_rarely_are_for_a_ticket(tmp_path: Path) -> None:
    apart = range(0, 5000, 20)  # minutes
    of = fleet.scene(
        fleet.watched("a"),
        fleet.watched("rare", interval=6 * 3600.0),
        regions=("eu",),
        slos=(promise(availability="99%"),),
    )
    slow = {
        "up": counted(minute - minute // 25 for minute in apart),
        "down": counted(minute // 25 for minute in apart),
    }
    rare = {
        "up": counted(minute // 360 - max(0, minute // 360 - 10) for minute in apart),
        "down": counted(max(0, minute // 360 - 10) for minute in apart),
    }

    assert not wrong(
        tmp_path,
        of,
        Case(
            name="one run of 25 fails",
            interval="20m",
            series=runs(**slow),
            at={"1200m": burns(TICKET)},
        ),
        Case(
            name="of a check of six hours two fail within three days",
            interval="20m",
            series=runs(check="rare", **rare),
            at={"4300m": {}, "4340m": burns(TICKET, check="rare")},
        ),
        every="20m",
    )


def timed(region: str = "eu", **buckets: str) -> dict[str, str]:
    """A histogram: `count`, and `fast` where there is such an edge."""
    there = f'check="a",region="{region}",instance="{region}:9620",job="prober"'
    family = "prober_run_duration_seconds"
    names = {
        "count": f"{family}_count{{{there}}}",
        "fast": f'{family}_bucket{{{there},le="{bound(0.7)}"}}',
        "all": f'{family}_bucket{{{there},le="+Inf"}}',
    }
    said = {
        f'check_region:probe_success:last{{check="a",region="{region}"}}': f"1x{LASTING}",
        'check:prober_quorum:needed{check="a"}': f"1x{LASTING}",
    }
    return said | {names[name]: values for name, values in buckets.items()}


def test_what_is_slow_burns_the_budget_of_a_latency(tmp_path: Path) -> None:
    fast = promise("fast", latency={"under": "700ms", "ratio": "99%"}, window="7d")

    assert not wrong(
        tmp_path,
        scene(fast, regions=("eu", "us")),
        Case(
            name="half of the runs take too long",
            interval="1m",
            series=timed(
                count=grows((200, 1)), all=grows((200, 1)), fast=grows((120, 1), (80, 0.5))
            ),
            at={"120m": {}, "150m": burns(PAGE, TICKET, slo="fast")},
            values={
                "150m": {
                    "round(slo:sli_error:ratio_rate5m, 0.001)": sample(0.5, "5m", slo="fast"),
                    "round(slo:sli_error:increase1h, 0.1)": sample(15, "1h", slo="fast"),
                }
            },
        ),
        Case(
            name="a region whose agent has no such edge yet counts for nothing",
            interval="1m",
            series={
                **timed(count=grows((200, 1)), fast=grows((200, 0.5))),
                **timed("us", count=grows((200, 1)), all=grows((200, 1))),
            },
            values={
                "150m": {
                    f"round(slo:sli_error:ratio_rate{window}, 0.01)": sample(
                        0.5, window, slo="fast"
                    )
                    for window in ("5m", "1h", "7d")
                }
            },
        ),
    )


def test_regions_are_counted_together(tmp_path: Path) -> None:
    both = {
        **runs(up=grows((200, 1))),
        **runs(region="us", down=counted(minute // 5 for minute in range(200))),
    }

    assert not wrong(
        tmp_path,
        scene(promise(), promise("eu", match={"regions": "eu"}), regions=("eu", "us")),
        Case(
            name="by run, so that the shorter interval has more to say",
            interval="1m",
            series=both,
            at={"100m": burns(PAGE, TICKET)},
            values={
                "100m": {
                    'round(slo:sli_error:ratio_rate30m{slo="up"}, 0.001)': sample(0.167, "30m"),
                    'slo:sli_error:ratio_rate30m{slo="eu"} * 1': sample(0, "30m", slo="eu"),
                    'slo:sli_error:ratio_rate6h{slo="eu"} * 1': sample(0, "6h", slo="eu"),
                }
            },
        ),
    )


def test_an_evaluation_that_is_missed_ends_nothing(tmp_path: Path) -> None:
    """Prometheus restarts at the very moment of it, and the next one is minutes away."""
    of = scene()
    only = [one for one in rules(of) if isinstance(one, Alert) or one.record == burns_of.MET]
    made = text.rules(Generated((Group("all", 60.0, tuple(only)),), (), ()), of)
    seldom = f"9{' _' * 7} 9{' _' * 40}"  # more than all of them, and enough of them
    names = {"ratio_rate5m": "9x60", "ratio_rate1h": seldom, "increase1h": seldom}
    series = {f'slo:sli_error:{name}{{check="a",slo="up"}}': each for name, each in names.items()}
    series |= runs()
    at = {f"{minute}m": burns(PAGE) for minute in range(9)}
    burning = Case(name="two in a row are eight minutes apart", interval="1m", series=series, at=at)
    gone = Case(
        name="and without any more it is over", interval="1m", series=series, at={"21m": {}}
    )
    assert not failures(tmp_path, made, [burning, gone], every="1m")


def test_a_window_of_maintenance_ends_what_is_told_where_it_is_everywhere(tmp_path: Path) -> None:
    """With all the rules, since who has a say is not for those of the objectives."""
    of = fleet.scene(fleet.watched("a"), regions=("eu", "us"), slos=(promise(),))
    minutes = fleet.LENGTH // 2

    def seen(region: str, window: Sequence[int]) -> Mapping[str, str]:
        agent = fleet.Seen(region=region, check="a", window=window)
        down = counted(sample / 2 for sample in range(fleet.LENGTH))
        own = f'check="a",region="{region}",instance="{region}",job="prober"'
        return {**fleet.of(agent), f'prober_runs_total{{{own},outcome="down"}}': down}

    told = burns(PAGE, TICKET, kind="http", team="web")
    window = fleet.since(20)
    assert not failures(
        tmp_path,
        fleet.rules(of),
        [
            Case(
                name="in both regions",
                series={**seen("eu", window), **seen("us", window)},
                at={"19m": told, "22m": {}},
            ),
            Case(
                name="in one of two",
                series={**seen("eu", window), **seen("us", fleet.WELL)},
                at={"19m": told, f"{minutes - 2}m": told},
            ),
        ],
    )


def test_an_alert_says_how_fast_it_burns_and_what_is_left(tmp_path: Path) -> None:
    fast = promise("fast", latency={"under": "700ms", "ratio": "75%"}, window="7d")
    link = "https://wiki.example.com/prober/ProberSLOBurn.md"

    def told(pace: str, left: str) -> dict[str, list[tuple[Labels, Labels]]]:
        said = "75% of its runs within 7d are to take less than 700ms;"
        words = {
            "summary": f"a burns the error budget of fast {pace} times as fast as it may",
            "description": f"{said} {left} of the budget is left",
            "runbook_url": link,
        }
        return {"ProberSLOBurn": [({"check": "a", "slo": "fast", "severity": TICKET}, words)]}

    assert not wrong(
        tmp_path,
        scene(fast),
        Case(
            name="nearly all of it is gone",
            interval="1m",
            series=timed(count=grows((250, 4)), fast=grows((127, 4), (123, 2))),
            words={"250m": told("1.0", "1.6%")},
        ),
        Case(
            name="more than all of it is gone",
            interval="1m",
            series=timed(count=grows((104, 4)), fast=grows((48, 4), (56, 2))),
            words={"104m": told("1.1", "nothing")},
        ),
    )


@pytest.mark.parametrize(
    ("severities", "told"),
    [(("page",), ["page"]), (("page", "mail"), ["page", "mail"]), (tuple("abcd"), ["a", "c"])],
)
def test_a_page_has_the_first_severity_and_a_ticket_the_third_or_the_last(
    severities: tuple[str, ...], told: list[str]
) -> None:
    alerts = [one for one in rules(scene(severities=severities)) if isinstance(one, Alert)]

    assert [one.labels["severity"] for one in alerts] == told
    assert all("prober:labels" in one.expr or "prober_labels" in one.expr for one in alerts)


def test_what_is_everything_is_not_listed_and_of_two_lists_the_shorter_is() -> None:
    team = {"labels": {"team": "web"}}
    many = [fleet.watched(f"c{number}") for number in range(9)]
    other = fleet.watched("d", labels={"team": "shop"})
    copied = "check_region:prober_runs_total:down"

    def of(*checks: Watched, match: Mapping[str, object]) -> Scene:
        return scene(promise(match=match), checks=checks)

    assert "check" not in expression(of(*many, other, match={}), copied).replace("by (check", "")
    assert 'check!~"d"' in expression(of(*many, other, match=team), copied)
    assert 'check=~"d"' in expression(of(*many, other, match={"checks": "d"}), copied)


def test_promises_that_look_at_the_same_counter_share_its_copy() -> None:
    one, two = (promise(name, match={"checks": name}) for name in "ab")
    there = scene(one, two, checks=tuple(fleet.watched(name) for name in "abc"))

    assert 'check!~"c"' in expression(there, "check_region:prober_runs_total:judged")


def test_an_objective_of_no_check_makes_no_rules_and_a_note() -> None:
    nothing = scene(promise(match={"checks": "gone"}))

    assert slo.groups(nothing) == ((), ("up covers no check",))
    assert slo.groups(fleet.scene()) == ((), ())


def test_what_is_not_as_usual_is_noted_once_for_all_checks_of_a_pace() -> None:
    slow = [fleet.watched(f"s{number}", interval=240.0) for number in range(7)]
    _, notes = slo.groups(scene(checks=(fleet.watched("a"), *slow)))

    assert notes == (
        "up of s0, s1, s2, s3, s4 and 2 more: 1 h/5 m widened to 8 m: it runs every 4 m",
        "Prometheus has to keep 30d for the SLOs; it keeps 15d unless told",
    )


@pytest.mark.parametrize(("scrape", "every"), [(300, [240, 60]), (30, [240, 60]), (0.5, [8, 1])])
def test_what_is_recorded_follows_the_scrapes_and_leaves_no_gaps(
    scrape: float, every: list[float]
) -> None:
    assert [one.every for one in slo.groups(scene(every=scrape))[0]] == every
