"""What happens when a thousand checks fail in the same second?

    scripts/bench storm [--checks N]

They are tcp checks, one a second each, of a port that is closed all at once. A
webhook, a Slack and an Alertmanager (receivers of our own, the second as strict
as the real one) are told. The figures begin when the port is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.agent import buckets, since, within
from benchmarks.common.bench import CLOCK, bench, note
from benchmarks.common.table import show
from tests.agent_process import AgentProcess, running, until
from tests.servers.receivers import Receiver, receiver
from tests.servers.slack import slack

LOOK = 0.25  # seconds between two looks at the agent's metrics
LAG = "prober_schedule_lag_seconds"

CONFIG = """\
agent: {{region: bench}}
web: {{listen: "127.0.0.1:0"}}
defaults: {{interval: {interval:g}s, timeout: 1s}}
alerts:
  down: {{when: {{failures: 1}}}}
notifiers:
  hook: {{webhook: {{url: "{hook}"}}}}
  chat: {{slack: {{webhook_url: "{chat}"}}}}
  am: {{alertmanager: {{urls: ["{am}"]}}}}
checks:
{checks}
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One notifier: after how many seconds all had been told, in how many messages."""

    notifier: str
    seconds: float
    messages: int

    def row(self) -> list[str]:
        return [self.notifier, f"{self.seconds:.1f}", str(self.messages)]


@dataclass(frozen=True, slots=True)
class Storm:
    checks: int
    told: tuple[Told, ...]
    lag: dict[float, float]  # of the schedule, while all that went on


async def storm(
    folder: Path, checks: int, *, interval: float = 1.0, seconds: float = 60.0
) -> Storm:
    async with (
        receiver() as hook,
        slack() as chat,
        receiver() as am,
        open_door() as door,
    ):
        lines = [f"  - {{name: check-{n}, tcp: '127.0.0.1:{door.port}'}}" for n in range(checks)]
        config = CONFIG.format(
            interval=interval,
            hook=hook.url,
            chat=chat.webhook_url,
            am=am.url,
            checks="\n".join(lines),
        )
        async with running(folder, config) as agent, asyncio.timeout(seconds + 60):

            async def all_ran() -> bool:
                return await ran(agent) >= 2 * checks

            await until(all_ran, "all checks have run", within=60)
            before = buckets(await agent.get("/metrics"), LAG)
            began = CLOCK.monotonic()
            door.shut()
            ends = await until_told(agent, checks, began, seconds)
            lag = since(buckets(await agent.get("/metrics"), LAG), before)
        counts = {"hook": len(hook.received), "chat": len(chat.messages), "am": firings(am)}
    told = (Told(name, ends.get(name, float("nan")), count) for name, count in counts.items())
    return Storm(checks, tuple(told), lag)


class Door:
    """A port at which everybody is let in, until it is shut."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    def shut(self) -> None:
        self._server.close()


@asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    def let_in(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(let_in, "127.0.0.1", 0, backlog=4096)
    try:
        yield Door(server)
    finally:
        server.close()
        await asyncio.sleep(LOOK)  # whoever was just being let in is let out again


def firings(am: Receiver) -> int:
    """Requests with an alert that had not been told before."""
    known: set[str] = set()
    count = 0
    for one in am.received:
        new = {alert["labels"]["check"] for alert in json.loads(one.raw)} - known
        count += bool(new)
        known |= new
    return count


async def until_told(
    agent: AgentProcess, checks: int, began: float, seconds: float
) -> dict[str, float]:
    """By notifier, after how long the agent had written that all are told."""
    ends: dict[str, float] = {}
    while len(ends) < 3 and CLOCK.monotonic() - began < seconds:
        text = await agent.get("/metrics")
        for name in ("hook", "chat", "am"):
            accepted = f'prober_notifications_total{{notifier="{name}",outcome="accepted"}} '
            done = any(
                line.startswith(accepted) and float(line.split()[-1]) >= checks
                for line in text.splitlines()
            )
            if done:
                ends.setdefault(name, CLOCK.monotonic() - began)
        await asyncio.sleep(LOOK)
    return ends


async def ran(agent: AgentProcess) -> float:
    lines = (await agent.get("/metrics")).splitlines()
    return sum(
        float(line.split()[-1])
        for line in lines
        if line.startswith("prober_runs_total{") and 'outcome="up"' in line
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checks", type=int, default=1000, help="(default: %(default)d)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="at most (default: %(default)g)"
    )
    given = parser.parse_args(argv)
    with bench(f"{given.checks} checks fail in the same second: when is who told?") as place:
        note(f"starting {given.checks} checks")
        seen = asyncio.run(storm(place.room("agent"), given.checks, seconds=given.seconds))
        show(["notifier", "all told after s", "messages"], [told.row() for told in seen.told])
        print(f"\nschedule lag p99 {within(seen.lag, 0.99)}, p50 {within(seen.lag, 0.5)}")


if __name__ == "__main__":
    main()
