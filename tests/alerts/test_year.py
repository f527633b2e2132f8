"""A year of 50 checks with outages, flaps, weekly windows and restarts: who would have been woken, and when?

What should have been said is worked out beside it from the runs and the calendar alone.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from prober.alerts.incidents import Incidents
from prober.alerts.mutes import Mutes
from prober.alerts.notice import Delivery
from prober.alerts.plan import Plan, Watched
from prober.alerts.state import AlertState
from prober.alerts.windows import Maintenance
from prober.result import Result
from tests.alerts.samples import DOWN, UP, result, rule

CHECKS = 50
EVERY = 600  # seconds from run to run
BEGIN = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp()
TURNS = 365 * 86400 // EVERY
FAILURES, SUCCESSES = 3, 2
ZONES = ("Europe/Berlin", "America/New_York")
LENGTH = (
    2 * 3600
)  # of a window; it begins on Sundays at half past one, an hour or so before the clocks change
WINDOWS = tuple(
    Maintenance.model_validate(
        {
            "name": zone.split("/")[1].lower().replace("_", "-"),
            "schedule": "30 1 * * SUN",
            "duration": "2h",
            "timezone": zone,
            "match": {"labels": {"zone": zone}},
        }
    )
    for zone in ZONES
)


def zone_of(number: int) -> str:
    return (*ZONES, "none")[number % 3]


def spans(zone: str) -> list[tuple[float, float]]:
    """The windows of the year by the calendar."""
    if zone == "none":
        return []
    day = datetime(2025, 12, 28, 1, 30)  # noqa: DTZ001 - a Sunday on the wall; the zone follows
    found = []
    while day.year < 2027:
        start = day.replace(tzinfo=ZoneInfo(zone)).timestamp()
        found.append((start, start + LENGTH))
        day += timedelta(days=7)
    return found


def outages(chance: random.Random) -> set[int]:
    """The turns at which a check is down: long outages, flaps, and noise."""
    down = {turn for turn in range(TURNS) if chance.random() < 0.002}
    turn = 0
    while (turn := turn + int(chance.expovariate(1 / 600))) < TURNS:
        for _ in range(int(chance.expovariate(1 / 8)) + 1):
            if chance.random() < 0.8:
                down.add(turn)
            turn += 1
    return down


@dataclass
class Truth:
    """One check as it should be told: three failures in a row, two successes in a row."""

    spans: list[tuple[float, float]]
    said: list[tuple[str, float]] = field(default_factory=list)
    streak: int = 0
    fires: bool = False
    told: bool = False
    owed: bool = False
    was_bad: bool = False  # the last run, and somebody of this life has seen it
    at: float = BEGIN

    def inside(self, moment: float) -> bool:
        index = bisect_right(self.spans, (moment, float("inf"))) - 1
        return index >= 0 and moment < self.spans[index][1]

    def run(self, down: bool, moment: float) -> None:
        self._pass(moment)
        self.was_bad = down
        if not self.fires:
            self.streak = self.streak + 1 if down else 0
            if self.streak < FAILURES:
                return
            self.fires, self.told, self.streak = True, False, 0
        elif down:
            self.streak = 0
        else:
            self.streak += 1
            if self.streak == SUCCESSES:
                self._over(moment)
                return
        if down and not self.told and not self.inside(moment):
            self._tell(moment)

    def restart(self) -> None:
        self.was_bad = False

    def _over(self, moment: float) -> None:
        self.fires, self.streak = False, 0
        if self.told and self.inside(moment):
            self.owed = True
        elif self.told:
            self.said.append(("resolved", moment))

    def _tell(self, moment: float) -> None:
        self.told = True
        self.said.append(("firing", moment))

    def _pass(self, moment: float) -> None:
        """The window that has ended since the last run, if one has."""
        index = bisect_right([end for _, end in self.spans], moment) - 1
        if index >= 0 and self.spans[index][1] > self.at:
            end = self.spans[index][1]
            if self.owed:
                self.owed = False
                self.said.append(("resolved", end))
            if self.fires and not self.told and self.was_bad:
                self._tell(end)
        self.at = moment


class Year:
    def __init__(self, seed: int) -> None:
        chance = self.chance = random.Random(seed)
        self.names = [f"c{number:02}" for number in range(CHECKS)]
        self.plan = Plan(
            region="eu",
            checks={
                name: Watched(
                    kind="http",
                    rules=(rule(FAILURES, SUCCESSES),),
                    labels={"zone": zone_of(number)},
                )
                for number, name in enumerate(self.names)
            },
            notifiers=("ops",),
        )
        self.truth = {name: Truth(spans(zone_of(i))) for i, name in enumerate(self.names)}
        self.down = {name: outages(chance) for name in self.names}
        self.offsets = {name: 11 * number + 1 for number, name in enumerate(self.names)}
        self.restarts = sorted(chance.sample(range(TURNS), 60))
        self.said: list[tuple[float, Delivery]] = []
        self.incidents = Incidents(lambda *_: None, holding=Mutes(WINDOWS))
        self.incidents.configure(self.plan, BEGIN)

    def live(self) -> None:
        up = {name: result(UP, check=name) for name in self.names}
        runs = [(self.offsets[name], name, up[name], self.down[name]) for name in self.names]
        restarts = iter([*self.restarts, -1])
        next_restart = next(restarts)
        wake = float("inf")
        for turn in range(TURNS):
            begin = BEGIN + turn * EVERY
            for offset, name, well, down in runs:
                moment = begin + offset
                if wake <= moment:
                    wake = self._pass(moment)
                if turn in down:
                    self._run(result(DOWN, check=name, at=moment), moment)
                elif (name, "down") in self.incidents.states:
                    self._run(well._replace(started_at=moment), moment)
                else:
                    self.incidents.put(well, moment)
                    continue
                wake = self.incidents.next_wake or float("inf")
            if turn == next_restart:
                next_restart = next(restarts)
                wake = self._restart(begin + EVERY)

    def expect(self) -> None:
        for name in self.names:
            truth, down, offset = self.truth[name], self.down[name], self.offsets[name]
            restarts = iter([*self.restarts, -1])
            next_restart = next(restarts)
            for turn in range(TURNS):
                if turn in down or truth.fires or truth.owed or truth.streak:
                    truth.run(turn in down, BEGIN + turn * EVERY + offset)
                else:
                    truth.at, truth.was_bad = BEGIN + turn * EVERY + offset, False
                if turn == next_restart:
                    truth.restart()
                    next_restart = next(restarts)

    def of(self, name: str) -> Iterator[tuple[float, Delivery]]:
        return (it for it in self.said if it[1].notice.labels["check"] == name)

    def _run(self, one: Result, moment: float) -> None:
        self.incidents.put(one, moment)
        self._take(moment)

    def _pass(self, moment: float) -> float:
        """What time alone does until then, when it is due."""
        while (wake := self.incidents.next_wake) is not None and wake <= moment:
            self.incidents.tick(wake)
            self._take(wake)
        return float("inf") if wake is None else wake

    def _restart(self, moment: float) -> float:
        """At the end of a turn, as after a crash."""
        self._pass(moment)
        states = {
            key: AlertState.from_json(state.to_json())
            for key, state in self.incidents.states.items()
        }
        self.incidents = Incidents(lambda *_: None, holding=Mutes(WINDOWS))
        self.incidents.load(states)
        self.incidents.configure(self.plan, moment)
        self._take(moment)
        return self.incidents.next_wake or float("inf")

    def _take(self, moment: float) -> None:
        saying = self.incidents.saying
        if saying.said:
            self.said += [(moment, one) for one in saying.said]
            saying.said = []
        saying.records = []


@pytest.mark.timeout(300)  # ten seconds of work, on a machine that may have other things to do
@pytest.mark.parametrize("seed", [6])
def test_every_incident_outside_of_windows_is_told_once_and_ended_once_and_none_inside(
    seed: int,
) -> None:
    year = Year(seed)
    year.live()
    year.expect()

    counts: dict[str, int] = defaultdict(int)
    for name in year.names:
        truth = year.truth[name]
        said = list(year.of(name))
        assert [(one.notice.event.value, moment) for moment, one in said] == truth.said
        assert not any(truth.inside(moment) for moment, _ in said)
        keys = [one.notice.key for _, one in said]
        assert keys[0::2][: len(keys[1::2])] == keys[1::2]  # told and ended in turns
        assert len(set(keys)) == len(keys[0::2])
        for event, moment in truth.said:
            counts[event] += 1
            counts[f"{event} at an end"] += any(moment == end for _, end in truth.spans)
    assert counts["firing"] > 1000
    assert counts["firing at an end"] >= 5
    assert counts["resolved at an end"] >= 5


def test_the_calendar_of_the_windows_has_both_changes_of_both_zones() -> None:
    for window in WINDOWS:
        expected = spans(window.timezone or "")
        changed = [
            start for (before, _), (start, _) in pairwise(expected) if start - before != 7 * 86400
        ]
        assert len(changed) == 2
        for start, end in expected:
            assert window.span(start - 1) == (start, end)
            assert window.active(start)
            assert window.active(end - 1)
            assert not window.active(end)
