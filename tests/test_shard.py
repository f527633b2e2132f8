"""Shares of a region: every check has one agent, and few move when there is one agent more."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.shard import Shard, kin, place
from tests.agent_process import AgentProcess, running, start, until
from tests.command import prober
from tests.servers.target import target

NAMES = st.text(min_size=1, max_size=30)
COUNTS = st.integers(1, 40)
GRAPHS = st.dictionaries(
    st.sampled_from("abcdefghij"),
    st.lists(st.sampled_from("abcdefghijkl"), max_size=3).map(tuple),
    max_size=8,
)
CHECKS = [f"check-{number}" for number in range(12)]
CONFIG = """
agent: {{region: eu, data_dir: {data}}}
web: {{listen: "127.0.0.1:0"}}
checks:
"""


@given(NAMES, COUNTS)
def test_every_name_has_exactly_one_place(name: str, count: int) -> None:
    shards = [Shard(index, count) for index in range(count)]

    assert [shard.index for shard in shards if place(name, count) == shard.index] == [
        place(name, count)
    ]


@given(NAMES, COUNTS)
def test_one_agent_more_takes_a_name_or_leaves_it_where_it_was(name: str, count: int) -> None:
    assert place(name, count + 1) in (place(name, count), count)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 15, 31])
def test_one_agent_more_takes_its_fair_share(count: int) -> None:
    names = [f"https://shop-{number}.example/" for number in range(20_000)]

    moved = sum(place(name, count) != place(name, count + 1) for name in names)

    assert moved / len(names) == pytest.approx(1 / (count + 1), rel=0.1)


@pytest.mark.parametrize("count", [2, 3, 8, 9])
def test_all_shares_are_about_as_large(count: int) -> None:
    shares = Counter(place(f"check-{number}", count) for number in range(20_000))

    assert len(shares) == count
    assert min(shares.values()) > 0.9 * 20_000 / count


def test_a_name_stays_where_it_is_from_release_to_release() -> None:
    names = ("api", "homepage", "cart", "many:db-1:5432", "é", "login")

    assert [place(name, 5) for name in names] == [4, 2, 2, 4, 2, 2]
    assert [place(name, 20) for name in names] == [11, 17, 7, 10, 5, 9]


@settings(max_examples=200)
@given(GRAPHS)
def test_kin_are_those_that_dependence_joins_and_the_first_of_them_leads(
    depends: Mapping[str, tuple[str, ...]],
) -> None:
    leaders = kin(depends)

    groups = joined(depends)
    named = {name for group in groups for name in group}
    assert leaders.keys() == named
    assert leaders == {name: first(group, depends) for group in groups for name in group}


def first(group: set[str], depends: Mapping[str, tuple[str, ...]]) -> str:
    return min([name for name in group if not depends.get(name)] or group)


@given(GRAPHS, st.sampled_from("abcdefghijkl"))
def test_one_child_more_moves_nobody(depends: Mapping[str, tuple[str, ...]], parent: str) -> None:
    grown = {name: tuple(one for one in above if one > name) for name, above in depends.items()}
    alone = {name: name for name in "abcdefghijkl"}

    before = {**alone, **kin(grown)}
    after = {**alone, **kin({**grown, "A child that is first by name": (parent,)})}

    assert {name: after[name] for name in before} == before


def joined(depends: Mapping[str, tuple[str, ...]]) -> list[set[str]]:
    """The same by brute force: groups are thrown together until nothing joins two of them."""
    groups: list[set[str]] = []
    for name, parents in depends.items():
        if not parents:
            continue
        new = {name, *parents}
        groups, apart = [], [*groups]
        for group in apart:
            if group & new:
                new |= group
            else:
                groups.append(group)
        groups.append(new)
    return groups


def sharded(data: str, *, more: str = "") -> str:
    """Twelve checks, of which the last depends on the first."""
    checks = "".join(
        f"  - {{name: {name}, interval: 100ms, timeout: 90ms, http: '{{url}}'}}\n"
        for name in CHECKS[:-1]
    )
    last = f"  - {{name: {CHECKS[-1]}, depends_on: [{CHECKS[0]}], interval: 100ms, timeout: 90ms, http: '{{url}}'}}\n"
    return CONFIG.format(data=data) + checks + last + more


async def ran(agent: AgentProcess) -> set[str]:
    """The checks that it has run."""
    text = await agent.get("/metrics")
    return set(re.findall(r'^prober_runs_total{check="([^"]+)".*outcome="up"} [1-9]', text, re.M))


async def test_the_agents_of_a_region_run_every_check_once_and_say_which_they_are(
    tmp_path: Path,
) -> None:
    async with target() as shop, AsyncExitStack() as stack:
        folders = [tmp_path / str(index) for index in range(3)]
        for folder in folders:
            folder.mkdir()
        agents = await asyncio.gather(
            *(
                stack.enter_async_context(
                    running(
                        folder,
                        sharded("./data").replace("{url}", shop.url),
                        env={"PROBER_SHARD": f"{index}/3"},
                    )
                )
                for index, folder in enumerate(folders)
            )
        )

        async def all_ran() -> bool:
            return set().union(*[await ran(agent) for agent in agents]) == set(CHECKS)

        await until(all_ran, "every check runs somewhere")
        shares = [await ran(agent) for agent in agents]
        assert sum(map(len, shares)) == len(CHECKS)
        assert [share & {CHECKS[0], CHECKS[-1]} for share in shares].count(set()) == 2
        assert all(shares)
        for index, agent in enumerate(agents):
            assert f'region="eu",shard="{index}/3",version=' in await agent.get("/metrics")
            assert f"12 checks, {len(shares[index])} of them in shard {index}/3" in agent.log
            assert f"<h1>eu · {index}/3</h1>" in re.sub(
                r"<h1>.*?<span[^>]*>(.*?)</span></h1>", r"<h1>\1</h1>", await agent.get("/")
            )


async def test_a_reload_takes_up_what_falls_to_the_shard_and_refuses_another_shard(
    tmp_path: Path,
) -> None:
    mine = next(f"new-{n}" for n in range(99) if place(f"new-{n}", 2) == 0)
    other = next(f"new-{n}" for n in range(99) if place(f"new-{n}", 2) == 1)
    async with target() as shop:
        before = "checks: []\n"
        after = "checks:\n" + "".join(
            f"  - {{name: {name}, http: '{shop.url}'}}\n" for name in (mine, other)
        )
        head = "agent: {{region: eu, data_dir: ./data, shard: {shard}}}\nweb: {{listen: '127.0.0.1:0'}}\n"
        async with running(tmp_path, head.format(shard="0/2") + before) as agent:
            (tmp_path / "config.yaml").write_text(head.format(shard="0/2") + after)
            taken = await agent.post("/-/reload")
            (tmp_path / "config.yaml").write_text(head.format(shard="1/2") + after)
            refused = await agent.post("/-/reload")
            metrics = await agent.get("/metrics")

    assert f"added {mine}\n" in taken.text
    assert not refused.is_success
    assert "agent.shard: cannot change from 0/2 to 1/2 while the agent runs" in refused.text
    assert f'check="{mine}"' in metrics
    assert f'check="{other}"' not in metrics


async def test_two_agents_do_not_share_a_folder_whatever_their_shards(tmp_path: Path) -> None:
    config = "agent: {region: eu, data_dir: ./data}\nweb: {listen: '127.0.0.1:0'}\n"
    async with running(tmp_path, config, env={"PROBER_SHARD": "0/2"}) as first:
        second = await start(tmp_path, config, env={"PROBER_SHARD": "1/2"})

        assert second.process.returncode == 2
        assert f"pid {first.pid}" in second.log
        assert "No check is in shard 0/2." in await first.get("/")


def test_validate_says_how_many_checks_are_the_shards(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(sharded("./data").replace("{url}", "http://127.0.0.1:9/"))

    good = prober(tmp_path, "validate", env={"PROBER_SHARD": "0/2"})
    bad = prober(tmp_path, "validate", env={"PROBER_SHARD": "2/2"})

    assert re.fullmatch(r"config.yaml: valid, 12 checks, \d+ of them in shard 0/2\n", good.stdout)
    assert good.returncode == 0
    assert bad.returncode == 2
    assert "agent: PROBER_SHARD='2/2' is no shard; write 0/2 or 1/2" in bad.stderr
