"""An agent is killed with -9 at every point of a notice's way, and while its config is edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent_process import until
from tests.kill.lives import broken_laws, check, configured, lives_in
from tests.kill.nursery import Nursery
from tests.kill.points import POINTS, REPEATED
from tests.servers.receivers import OK, SILENCE
from tests.servers.target import target


@pytest.mark.timeout(180)  # fifteen agents
async def test_one_incident_survives_a_kill_at_every_point_of_both_its_notices(
    tmp_path: Path, agents: Nursery
) -> None:
    async with target() as shop, lives_in(tmp_path, agents) as lives:
        config = configured([check("shop", shop.url)], lives.hook.url)
        shop.status, counts = 503, {}
        for event in ("firing", "resolved"):
            for point in POINTS:
                lives.answer = SILENCE if point == "posted" else OK
                await lives.dies(config, f"{event}:{point}")
                counts[event, point] = lives.said(event)
            shop.status = 200
        async with lives.life(config):
            seen = shop.requests
            await until(lambda: shop.requests > seen + 3, "and more runs pass")

    assert broken_laws(lives.heard) == []
    assert len({one.key for one in lives.heard}) == 1
    # A receiver that knows such keys sees one of each, whatever comes twice.
    assert len({one.headers["idempotency-key"] for one in lives.hook.received}) == 2
    for event in ("firing", "resolved"):
        assert [counts[event, point] for point in POINTS] == [0, 0, 0, 0, 1, 2, 3]
        assert lives.said(event) == 1 + len(REPEATED)


@pytest.mark.timeout(90)  # four agents
async def test_whatever_is_edited_while_it_is_dead_every_incident_has_its_end(
    tmp_path: Path, agents: Nursery
) -> None:
    names = ("untouched", "threshold", "severity", "renamed", "removed", "moved")
    async with target() as shop, target() as other, lives_in(tmp_path, agents) as lives:
        shop.status = other.status = 503
        before = [check(name, shop.url) for name in names]
        config = configured(before, lives.hook.url)
        async with lives.life(config, "machine:nowhere"):
            await until(lambda: lives.said("firing") == 6, "all are told")
        async with lives.life(config.replace("  hook:", "  gone:"), "machine:nowhere"):
            seen = shop.requests
            await until(lambda: shop.requests > seen + 7, "runs pass without the notifier")
        edits = {
            "threshold": ", alerts: {down: {when: {failures: 50}}}",
            "severity": ", severity: low",
            "renamed": ", alerts: {down: null}",
        }
        after = [check(name, shop.url, edits.get(name, "")) for name in names if name != "removed"]
        after[-1] = check("moved", other.url)
        edited = configured(after, lives.hook.url)
        edited = edited.replace("  down:", "  broken: {when: {failures: 2}}\n  down:")
        async with lives.life(edited, "machine:nowhere"):
            await until(lambda: {"untouched", "renamed"} <= lives.open, "the new rule is told")
            await until(lambda: lives.said("resolved", "removed") == 1, "the removed is over")
            shop.status = other.status = 200
            await until(lambda: not lives.open, "all of it is over")
        async with lives.life(edited, "machine:nowhere"):
            seen = shop.requests
            await until(lambda: shop.requests > seen + 7, "and more runs pass")

    told = [one for one in lives.heard if "/down/" in one.key]
    assert broken_laws(told) == []
    # The kill may have come between a receiver's answer and what is written of it.
    assert {(one.check, one.status) for one in told} == {
        (name, status) for name in names for status in ("firing", "resolved")
    }
    assert len(told) == len({(one.key, one.status, one.life) for one in told})
    assert len({one.key for one in told}) == len(names)


WINDOW = """
maintenance:
  - {name: always, schedule: "* * * * *", duration: 5m, match: {checks: [told, held]}}
"""


@pytest.mark.timeout(90)  # four agents
async def test_what_a_window_holds_back_survives_kills_inside_it_and_is_told_after_it(
    tmp_path: Path, agents: Nursery
) -> None:
    async with target() as shop, target() as other, lives_in(tmp_path, agents) as lives:
        checks = [check("told", shop.url), check("held", other.url)]
        config = configured(checks, lives.hook.url)
        shop.status = 503
        async with lives.life(config, "firing:marked") as agent:
            await agent.process.wait()
        shop.status, other.status = 200, 503
        for _ in range(2):
            async with lives.life(config + WINDOW):
                seen = other.requests
                await until(lambda n=seen: other.requests > n + 3, "runs pass inside the window")
        inside = [(one.check, one.status) for one in lives.heard]
        async with lives.life(config):
            await until(lambda: lives.open == {"held"}, "both are told after it")
            other.status = 200
            await until(lambda: not lives.open, "all of it is over")

    assert broken_laws(lives.heard) == []
    assert inside == [("told", "firing")]
    assert [(one.check, one.status) for one in lives.heard if one.check == "told"] == [
        ("told", "firing"),
        ("told", "resolved"),
    ]
    assert [one.status for one in lives.heard if one.check == "held"] == ["firing", "resolved"]
