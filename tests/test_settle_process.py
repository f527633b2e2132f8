"""ProberAgentFault of a real agent that gets no verdict, is killed in between, and gets one again."""

from __future__ import annotations

import json
import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from prober.alerts.faults import RUNS
from tests.agent_process import AgentProcess, running, start, until
from tests.servers.receivers import SILENCE, Receiver, receiver
from tests.servers.target import target

CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
defaults: {{interval: 1s, timeout: 1s}}
checks:
  - {{name: shop, {shop}}}
  - {{name: till, {till}}}
notifiers:
  hook: {{webhook: {{url: "{hook}"}}}}
"""
BLIND = "journey: buy.py"  # there is no browser for it, for which no process is needed


class Place:
    """A folder with a config whose checks get no verdict until they are mended."""

    def __init__(self, folder: Path, url: str, hook: Receiver) -> None:
        self.folder = folder
        self.url, self.hook = url, hook.url
        (folder / "buy.py").write_text(
            "from prober.journey import journey\n@journey\ndef buy(page): ...\n"
        )

    def config(self, shop: str = BLIND, till: str = BLIND) -> str:
        return CONFIG.format(shop=shop, till=till, hook=self.hook)

    @property
    def now(self) -> str:
        """The config that is there."""
        return (self.folder / "config.yaml").read_text()

    async def mend(self, agent: AgentProcess) -> None:
        """The two are ordinary checks from now on."""
        mended = f"http: '{self.url}'"
        (self.folder / "config.yaml").write_text(self.config(mended, mended))
        answer = await agent.post("/-/reload")
        assert answer.status_code == 200, answer.text

    def kept(self, query: str) -> int:
        with closing(sqlite3.connect(f"file:{self.folder}/data/prober.db?mode=ro", uri=True)) as db:
            return int(db.execute(query).fetchone()[0])

    def unknown(self) -> int:
        return self.kept("SELECT count(*) FROM results WHERE outcome = 'unknown'")

    def delivered(self) -> int:
        return self.kept("SELECT count(*) FROM deliveries WHERE status = 'delivered'")


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBER_CHROMIUM", "/nowhere")


def said(hook: Receiver) -> list[tuple[str, str]]:
    """(firing or resolved, the incident's key), in order."""
    bodies = [json.loads(one.raw) for one in hook.received]
    assert {body["commonLabels"]["alertname"] for body in bodies} <= {"ProberAgentFault"}
    return [(body["status"], body["groupKey"]) for body in bodies]


@pytest.mark.timeout(120)  # four agents
async def test_a_kill_at_any_point_forgets_nothing_and_says_nothing_twice(tmp_path: Path) -> None:
    async with target() as shop, receiver() as hook:
        place = Place(tmp_path, shop.url, hook)
        hook.answers.append(SILENCE)
        async with killed(tmp_path, place.config(till=f"http: '{shop.url}'")):
            await until(lambda: len(hook.received) == 1, "the fault arrives")
        async with killed(tmp_path, place.now):
            await until(lambda: place.delivered() == 1, "the fault is told, and that is written")
        before = place.unknown()
        async with killed(tmp_path, place.now) as agent:
            await until(lambda: place.unknown() > before, "runs pass")
            hook.answers.append(SILENCE)
            await place.mend(agent)
            await until(lambda: len(hook.received) >= 3, "the end arrives")
        async with running(tmp_path, place.now) as last:
            await until(lambda: len(hook.received) >= 4, "its end is told")
            assert await last.stop() == 0

    assert [status for status, _ in said(hook)] == ["firing", "firing", "resolved", "resolved"]
    assert len({key for _, key in said(hook)}) == 1
    assert place.kept("SELECT count(*) FROM alert_states WHERE check_name = ''") == 0


@asynccontextmanager
async def killed(folder: Path, text: str) -> AsyncIterator[AgentProcess]:
    """An agent, until the end of the block."""
    agent = await start(folder, text)
    assert agent.url, agent.log
    try:
        yield agent
    finally:
        await agent.kill()


async def test_two_checks_without_a_verdict_are_one_alert_with_a_full_disk_as_well(
    tmp_path: Path,
) -> None:
    async with target() as shop, receiver() as hook:
        place = Place(tmp_path, shop.url, hook)
        async with running(tmp_path, place.config()) as agent:
            resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

            async def both_are_unknown() -> bool:
                return all([await unknown(agent, name) for name in ("shop", "till")])

            await until(both_are_unknown, "both had runs")
            await until(lambda: len(said(hook)) == 1, "the fault is told")
            await place.mend(agent)
            await until(lambda: len(said(hook)) == 2, "its end is told")
            assert await agent.metric("prober_store_up") == 0

    bodies = [json.loads(one.raw) for one in hook.received]
    assert [status for status, _ in said(hook)] == ["firing", "resolved"]
    assert said(hook)[0][1] == said(hook)[1][1]
    assert bodies[0]["commonLabels"] == bodies[1]["commonLabels"]
    assert bodies[0]["commonLabels"] == {
        "alertname": "ProberAgentFault",
        "alert": "agent-fault",
        "kind": "agent",
        "region": "eu",
        "severity": "critical",
    }
    assert "PROBER_CHROMIUM is '/nowhere'" in bodies[0]["commonAnnotations"]["description"]
    summary = bodies[1]["commonAnnotations"]["summary"]
    assert "shop" in summary
    assert "till" in summary
    assert place.kept("SELECT count(*) FROM deliveries") == 0


async def unknown(agent: AgentProcess, check: str) -> bool:
    """So often that it is among those that the alert is about."""
    series = f'prober_runs_total{{check="{check}",region="eu",outcome="unknown"}}'
    return (await agent.metric(series) or 0) >= RUNS
