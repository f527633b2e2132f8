"""Three agents, one Prometheus, one Alertmanager: who is woken by what happens, and who is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.regions import Regions, Told, generate, regions

DOWN, OVER = ("ProberQuorumDown", "shop", "firing"), ("ProberQuorumDown", "shop", "resolved")
BLIND, SEEING = ("ProberBlind", "", "firing"), ("ProberBlind", "", "resolved")


def regional(region: str, status: str) -> Told:
    return Told("ProberRegionalIssue", "shop", region, status)


async def one_region_is_no_page(all_of: Regions) -> None:
    """One agent is cut off, another sees the shop down: two kinds of trouble, nobody woken."""
    all_of.us.world.is_cut_off = True
    all_of.eu.world.is_broken = True
    await all_of.sees('prober_runs_total{region="us",outcome="unknown"} >= 3')
    await all_of.mentioned(regional("eu", "firing"))
    assert all_of.pages == []
    all_of.us.world.is_cut_off = False
    await all_of.sees("prober_connectivity == 1", 3)


async def two_regions_are_one_page(all_of: Regions) -> None:
    all_of.us.world.is_broken = True
    await all_of.paged(1)
    assert all_of.pages == [DOWN]
    all_of.eu.world.is_broken = all_of.us.world.is_broken = False
    await all_of.paged(2)
    assert all_of.pages == [DOWN, OVER]
    await all_of.mentioned(regional("eu", "resolved"))


async def the_last_agent_pages_alone(all_of: Regions) -> None:
    await asyncio.gather(all_of.eu.kill(), all_of.us.kill())
    all_of.ap.world.is_broken = True
    await all_of.paged(3)
    assert all_of.pages[2:] == [DOWN]
    all_of.ap.world.is_broken = False
    await all_of.paged(4)
    assert all_of.pages[2:] == [DOWN, OVER]


async def nobody_looks(all_of: Regions) -> None:
    await all_of.ap.kill()
    await all_of.paged(5)
    assert all_of.pages[4:] == [BLIND]
    await asyncio.gather(*(one.start() for one in (all_of.eu, all_of.us, all_of.ap)))
    await all_of.paged(6)
    assert all_of.pages[4:] == [BLIND, SEEING]


@pytest.mark.timeout(150)
async def test_regions_joined_by_prometheus_wake_somebody_once_and_only_when_it_counts(
    tmp_path: Path,
) -> None:
    generate(tmp_path)
    async with regions(tmp_path) as all_of:
        await one_region_is_no_page(all_of)
        await two_regions_are_one_page(all_of)
        await the_last_agent_pages_alone(all_of)
        await nobody_looks(all_of)
        # A budget that burns slowly may be a ticket, for as long as what burnt it is in its windows.
        await all_of.sees('ALERTS{alertstate="firing",severity!="medium"}', 0)
        assert all_of.pages == [DOWN, OVER, DOWN, OVER, BLIND, SEEING]
        assert await all_of.query("prometheus_rule_evaluation_failures_total > 0") == []
