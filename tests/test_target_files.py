"""An agent takes up what is written into its target files, without being asked."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from prober.clock import SystemClock
from tests.agent_process import AgentProcess, running, until
from tests.servers.target import Target, target

# As it is started, but for looking more often.
OFTEN = ("-c", "from prober import agent, cli; agent.EVERY = 0.1; cli.main()")
CONFIG = """
agent: {region: eu, notify: never}
web: {listen: "127.0.0.1:0"}
defaults: {interval: 300ms, timeout: 250ms}
checks:
  - {name: many, targets_from: [targets/*.json], http: {expect: {status: 200}}}
"""
REFUSED = "reload refused"
SUCCESSFUL = "prober_config_last_reload_successful"


def write(folder: Path, name: str, *targets: str) -> None:
    """As who writes such files does: beside it, then moved."""
    (folder / "targets").mkdir(exist_ok=True)
    draft = folder / "targets" / f".{name}"
    draft.write_text(json.dumps([{"targets": targets}]))
    draft.rename(folder / "targets" / name)


def path(shop: Target, name: str) -> str:
    return f"{shop.url}{name}"


async def names(agent: AgentProcess) -> list[str]:
    found = json.loads(await agent.get("/api/v1/checks"))["data"]["checks"]
    return sorted(row["name"].rpartition("/")[2] for row in found)


async def become(agent: AgentProcess, *wanted: str) -> None:
    async def are() -> bool:
        return await names(agent) == [*wanted]

    await until(are, f"the checks are {wanted}")


async def test_new_changed_and_removed_target_files_are_taken_up(tmp_path: Path) -> None:
    async with target() as shop:
        write(tmp_path, "a.json", path(shop, "kept"), path(shop, "gone"))
        async with running(tmp_path, CONFIG, program=OFTEN) as agent:
            await become(agent, "gone", "kept")
            kept = f'prober_runs_total{{check="many:{shop.url}kept",region="eu",outcome="up"}}'
            await until(lambda: shop.requests > 4, "the targets are probed")
            before = await agent.metric(kept)

            write(tmp_path, "a.json", path(shop, "kept"), path(shop, "new"))
            await become(agent, "kept", "new")
            write(tmp_path, "b.json", path(shop, "more"))
            await become(agent, "kept", "more", "new")
            (tmp_path / "targets" / "b.json").unlink()
            await become(agent, "kept", "new")

            after = await agent.metric(kept)
            assert before is not None
            assert after is not None
            assert after >= before >= 1
            assert REFUSED not in agent.log


async def test_a_broken_file_changes_nothing_is_said_once_and_taken_when_mended(
    tmp_path: Path,
) -> None:
    async with target() as shop:
        write(tmp_path, "a.json", path(shop, "first"))
        async with running(tmp_path, CONFIG, program=OFTEN) as agent:
            (tmp_path / "targets" / "a.json").write_text('[{"targets": ["h')
            await until(lambda: REFUSED in agent.log, "it is refused")
            seen = shop.requests
            await until(lambda: shop.requests > seen + 2, "many looks later")
            broken = await agent.metric(SUCCESSFUL)
            said, kept = agent.log.count(REFUSED), await names(agent)

            write(tmp_path, "a.json", path(shop, "first"), path(shop, "second"))
            await become(agent, "first", "second")

            assert (broken, said, kept) == (0, 1, ["first"])
            assert "targets/a.json:1" in agent.log
            assert await agent.metric(SUCCESSFUL) == 1


async def test_what_was_refused_when_asked_is_not_refused_again_by_itself(tmp_path: Path) -> None:
    async with target() as shop:
        write(tmp_path, "a.json", path(shop, "first"))
        async with running(
            tmp_path, CONFIG, program=(*OFTEN[:1], OFTEN[1].replace("0.1", "0.5"))
        ) as agent:
            (tmp_path / "targets" / "a.json").write_text("{}")
            answer = await agent.post("/-/reload")
            answered, seen = SystemClock().now(), shop.requests
            await until(lambda: shop.requests > seen + 4, "some looks later")

            refused = [line for line in agent.log.splitlines() if REFUSED in line]
            assert answer.status_code == 500
            assert 1 <= len(refused) <= 2  # twice where it had been seen before we asked
            assert all(
                datetime.fromisoformat(line.split()[0]).timestamp() < answered for line in refused
            )
