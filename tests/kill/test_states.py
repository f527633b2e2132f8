"""Forgotten in every state that an alert can be in for long: the next life goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from prober.alerts.decisions import Ack
from prober.alerts.flapping import Flapping
from prober.alerts.mutes import Mutes
from prober.alerts.notice import incident_id, incident_key
from prober.alerts.route import Route
from prober.alerts.rules import EffectiveRule
from prober.alerts.windows import Maintenance
from prober.notify import Means, Told
from prober.result import Outcome
from prober.settle import Settle
from prober.units import rfc3339
from tests.alerts.samples import DOWN, UP, result, rule
from tests.fake_clock import NOON, FakeClock
from tests.kill.forgetful import breathe, life, plan
from tests.notify.rig import webhook

BOTH = {name: webhook(f"http://127.0.0.1:1/{name}") for name in ("ops", "boss")}
ESCALATING = Route.model_validate(
    {"notify": ["ops"], "escalate": [{"after": "1m", "notify": ["boss"]}]}
)


class Agents:
    """One agent after the other on one file; what they said, as `ops firing`."""

    def __init__(self, folder: Path, of_each: EffectiveRule, *routes: Route) -> None:
        self.said: list[str] = []
        self.keys: set[str] = set()
        self.clock = FakeClock()
        self.mutes = Mutes()
        self.settle: Settle | None = None
        self._folder = folder
        self._plan = plan(["api"], of_each, routes)

    async def __call__(self, told: Told, means: Means) -> Mapping[str, str]:
        for one in told.deliveries:
            self.said.append(f"{one.notifier} {one.notice.event}")
            self.keys.add(one.notice.key)
        return {}

    async def live(self, *outcomes: Outcome, then: float = 0.0, ack: bool = False) -> None:
        """A life of so many runs, one each ten seconds, in which nobody says good-bye; and a gap."""
        async with life(self._folder, self.clock, BOTH, self._plan, self.mutes) as settle:
            for outcome in outcomes:
                settle.put(result(outcome, check="api", at=self.clock.now()))
                await breathe(self.clock, 20, 0.5)
            if ack:
                [state] = settle.states.values()
                one = Ack(
                    incident=incident_id(incident_key(state)),
                    by="anna",
                    comment="",
                    at=self.clock.now(),
                )
                await settle.decide(one)
        await self.clock.advance(then)


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def agents(
    patch: pytest.MonkeyPatch, folder: Path, of_each: EffectiveRule, *routes: Route
) -> Agents:
    ours = Agents(folder, of_each, *routes)
    patch.setattr("prober.notify.telling.send", ours)
    return ours


async def test_what_has_to_last_lasts_across_the_lives(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = agents(patch, tmp_path, replace(rule(1, 1), lasting=60.0))
    await ours.live(DOWN, DOWN)
    await ours.live(DOWN, DOWN)
    early = [*ours.said]
    await ours.live(DOWN, DOWN, DOWN, DOWN)
    await ours.live(UP)

    assert early == []
    assert ours.said == ["ops firing", "ops resolved"]
    assert len(ours.keys) == 1


async def test_an_escalation_that_became_due_while_nobody_lived_is_told_once(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = agents(patch, tmp_path, rule(1, 1), ESCALATING)
    await ours.live(DOWN, then=300)
    await ours.live(DOWN)
    await ours.live(DOWN)
    await ours.live(UP)

    assert ours.said[:2] == ["ops firing", "boss firing"]
    assert sorted(ours.said[2:]) == ["boss resolved", "ops resolved"]
    assert len(ours.keys) == 1


async def test_what_somebody_sees_to_is_not_escalated_by_the_next_life(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = agents(patch, tmp_path, rule(1, 1), ESCALATING)
    await ours.live(DOWN, ack=True, then=300)
    await ours.live(DOWN, then=300)
    await ours.live(DOWN, UP)

    assert [one for one in ours.said if "acknowledged" not in one] == ["ops firing", "ops resolved"]
    assert len(ours.keys) == 1


async def test_what_flaps_is_held_open_by_the_next_life_and_over_once(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    flapping = replace(rule(1, 1), flapping=Flapping(changes=4, over=1800.0))
    ours = agents(patch, tmp_path, flapping)
    for _ in range(5):
        await ours.live(DOWN)
        await ours.live(UP)
    held = [*ours.said]
    await ours.live(UP, then=3600)
    await ours.live(UP)

    assert held == ["ops firing", "ops resolved", "ops firing", "ops flapping"]
    assert ours.said == [*held, "ops resolved"]
    assert len(ours.keys) == 2


def until(end: float) -> Maintenance:
    times = {"start": rfc3339(NOON + 5), "end": rfc3339(NOON + end)}
    return Maintenance.model_validate({"name": "move", **times})


async def test_what_fired_in_a_window_is_told_after_it_has_ended_while_nobody_lived(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = agents(patch, tmp_path, rule(2, 1))
    ours.mutes.configure([until(600)])
    await ours.live(DOWN, DOWN)
    await ours.live(DOWN, then=600)
    inside = [*ours.said]
    await ours.live(DOWN)
    await ours.live(DOWN, UP)

    assert inside == []
    assert ours.said == ["ops firing", "ops resolved"]
    assert len(ours.keys) == 1


async def test_what_was_over_in_a_window_is_told_after_it_has_ended_while_nobody_lived(
    patch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = agents(patch, tmp_path, rule(1, 1))
    ours.mutes.configure([until(600)])
    await ours.live(DOWN)
    await ours.live(UP)
    await ours.live(UP, then=600)
    inside = [*ours.said]
    await ours.live(UP)
    await ours.live(UP)

    assert inside == ["ops firing"]
    assert ours.said == ["ops firing", "ops resolved"]
    assert len(ours.keys) == 1
