"""Lives of one agent, what its receiver heard in each of them, and the laws that hold over all of them."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from tests.agent_process import AgentProcess, until
from tests.kill.nursery import Nursery
from tests.servers.receivers import OK, Answer, Received, Receiver, receiver
from tests.servers.target import Target, target

CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
defaults: {{interval: {pace}, timeout: {pace}}}
checks: [{checks}]
alerts:
  down: {{when: {{failures: 2}}, resolve: {{successes: 2}}}}
notifiers:
  hook: {{webhook: {{url: "{hook}", group_wait: 0}}}}
"""


SLOW, FAST = "400ms", "250ms"  # one that no busy machine takes for down, and one for many changes


def configured(checks: Sequence[str], hook: str, pace: str = SLOW) -> str:
    return CONFIG.format(checks=", ".join(checks), hook=hook, pace=pace)


@dataclass(frozen=True, slots=True)
class Heard:
    """One alert of a message that the receiver accepted, in the agent's `life`-th life."""

    life: int
    check: str
    key: str
    status: str


@dataclass
class Lives:
    """Agents on one folder, one after the other; `hook` answers and writes down."""

    folder: Path
    hook: Receiver
    nursery: Nursery
    now: int = 0
    heard: list[Heard] = field(default_factory=list)
    answer: Answer = OK  # to whatever comes

    def __post_init__(self) -> None:
        self.hook.answer = self._answer

    def _answer(self, one: Received) -> Answer:
        if self.answer is not OK:
            return self.answer
        for alert in json.loads(one.raw)["alerts"]:
            labels = alert["labels"]
            key = f"{labels['region']}/{labels['check']}/{labels['alert']}"
            key += f"/{alert['annotations']['incident']}"  # made of the incident's own key alone
            heard = Heard(self.now, labels["check"], key, alert["status"])
            self.heard.append(heard)
        return OK

    def said(self, status: str, check: str | None = None) -> int:
        return sum(one.status == status and check in (None, one.check) for one in self.heard)

    @property
    def open(self) -> set[str]:
        """The checks of which the receiver heard the beginning last."""
        return {one.check for one in {one.check: one for one in self.heard}.values() if one.status == "firing"}  # fmt: skip

    @asynccontextmanager
    async def life(self, config: str, point: str = "nowhere") -> AsyncIterator[AgentProcess]:
        """One that is killed at the end of the block, unless it was before."""
        self.now += 1
        agent = await self.nursery.start(self.folder, config, point)
        assert agent.url or agent.process.returncode == -signal.SIGKILL, agent.log
        try:
            yield agent
        finally:
            if agent.process.returncode is None:
                await agent.kill()

    async def dies(self, config: str, point: str) -> None:
        async with self.life(config, point) as agent, asyncio.timeout(60):
            code = await agent.process.wait()
        assert code == -signal.SIGKILL, agent.log


@asynccontextmanager
async def lives_in(folder: Path, nursery: Nursery) -> AsyncIterator[Lives]:
    async with receiver() as hook:
        yield Lives(folder, hook, nursery)


def broken_laws(heard: Sequence[Heard], *, people: bool = False) -> list[str]:
    """Everything that no receiver should have heard; people may be told of the end alone."""
    rights = [["firing"], ["firing", "resolved"], *([["resolved"]] if people else [])]
    wrong = []
    for check in sorted({one.check for one in heard}):
        told = [one for one in heard if one.check == check]
        incidents = [key for key, _ in groupby(told, key=lambda one: one.key)]
        if len(incidents) != len(set(incidents)):
            wrong.append(f"{check}: an incident after the next had begun: {incidents}")
        for key, events in groupby(told, key=lambda one: one.key):
            said = [status for status, _ in groupby(events, key=lambda one: one.status)]
            if said not in rights:
                wrong.append(f"{check}: {key} was {said}")
    twice = Counter((one.life, one.key, one.status) for one in heard)
    wrong += [f"{key} was {status} twice in one life" for (_, key, status), n in twice.items() if n > 1]  # fmt: skip
    return wrong


def check(name: str, url: str, more: str = "") -> str:
    return f"{{name: {name}, http: '{url}'{more}}}"


async def kill_at_random(
    folder: Path, nursery: Nursery, kills: int, seed: int, *, longest: float = 2.5
) -> Lives:
    """Six checks that come and go, and an agent that is killed so many times. `heard` has it all."""
    dice = random.Random(seed)
    async with lives_in(folder, nursery) as lives, AsyncExitStack() as stack:
        shops: dict[str, Target] = {}
        for n in range(6):
            shops[f"shop-{n}"] = await stack.enter_async_context(target())
        checks = [check(name, shop.url) for name, shop in shops.items()]
        config = configured(checks, lives.hook.url, FAST)
        for _ in range(kills):
            async with lives.life(config, "machine:nowhere"):
                end = dice.uniform(0.0, longest)
                while end > 0:
                    dice.choice([*shops.values()]).status = dice.choice([200, 503])
                    step = min(end, dice.uniform(0.05, 0.4))
                    await asyncio.sleep(step)  # when it happens is the point
                    end -= step
        for status, told in ((503, set(shops)), (200, set[str]())):
            for shop in shops.values():
                shop.status = status
            async with lives.life(config, "machine:nowhere"):
                await until(
                    lambda t=told: lives.open == t, f"all are {status} (seed {seed})", within=60
                )
    return lives
