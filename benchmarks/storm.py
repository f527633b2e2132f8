"""What happens when a thousand checks fail in the same second?

    scripts/bench storm [--checks N]

They are tcp checks, one a second each, of a port that is closed all at once. A
webhook, a Slack and an Alertmanager (receivers of our own, the second as strict
as the real one) are told. The figures begin when the port is closed; the lag of
the schedule is that of all runs from then on until a notifier had been told of
all. Most of the time there is nothing but `group_wait`: the burst alone is over
when the Alertmanager has all, who does not want to be told in groups.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.common.agent import buckets, since, within
from benchmarks.common.bench import CLOCK, bench, note
from benchmarks.common.process import Cores, on
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


# A histogram: by the upper edge, how many were not above it.
Lag: TypeAlias = "dict[float, float]"
End: TypeAlias = "tuple[float, Lag]"  # seconds, and how late runs had been until then


@dataclass(frozen=True, slots=True)
class Told:
    """One notifier: after how many seconds all had been told, in how many messages."""

    notifier: str
    seconds: float
    messages: int
    lag: Lag  # of the schedule until then

    def row(self) -> list[str]:
        lags = [within(self.lag, share) for share in (0.5, 0.99)]
        return [self.notifier, f"{self.seconds:.1f}", str(self.messages), *lags]


@dataclass(frozen=True, slots=True)
class Storm:
    checks: int
    told: tuple[Told, ...]


async def storm(
    folder: Path, checks: int, cores: Cores, *, interval: float = 1.0, seconds: float = 60.0
) -> Storm:
    async with (
        receiver() as hook,
        slack() as chat,
        receiver() as am,
        AsyncExitStack() as stack,
    ):
        door = stack.enter_context(open_door())
        lines = [f"  - {{name: check-{n}, tcp: '127.0.0.1:{door.port}'}}" for n in range(checks)]
        config = CONFIG.format(
            interval=interval,
            hook=hook.url,
            chat=chat.webhook_url,
            am=am.url,
            checks="\n".join(lines),
        )
        async with on_its_core(folder, config, cores) as agent, asyncio.timeout(seconds + 60):

            async def all_ran() -> bool:
                return await ran(agent) >= 2 * checks

            await until(all_ran, "all checks have run", within=60)
            before = buckets(await agent.get("/metrics"), LAG)
            began = CLOCK.monotonic()
            door.shut()
            ends = await until_told(agent, checks, began, seconds)
        counts = {"hook": len(hook.received), "chat": len(chat.messages), "am": firings(am)}
    never: End = (float("nan"), {})
    told = []
    for name, count in counts.items():
        after, lag = ends.get(name, never)
        told.append(Told(name, after, count, since(lag, before)))
    return Storm(checks, tuple(told))


@asynccontextmanager
async def on_its_core(folder: Path, config: str, cores: Cores) -> AsyncIterator[AgentProcess]:
    """The receivers are other machines: they take nothing of the core that the agent has."""
    async with AsyncExitStack() as stack:
        with on(cores.measured):
            agent = await stack.enter_async_context(running(folder, config))
        yield agent


class Door:
    """A port at which everybody is let in and out again, until it is shut."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        self._loop.add_reader(self._socket, self._let_in)

    def _let_in(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            while True:
                self._socket.accept()[0].close()

    def shut(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()


@contextmanager
def open_door() -> Iterator[Door]:
    door = Door()
    try:
        yield door
    finally:
        door.shut()


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
) -> dict[str, End]:
    """By notifier, after how long the agent had counted that all are told."""
    ends: dict[str, End] = {}
    while len(ends) < 3 and CLOCK.monotonic() - began < seconds:
        text = await agent.get("/metrics")
        for name in ("hook", "chat", "am"):
            accepted = f'prober_notifications_total{{notifier="{name}",outcome="accepted"}} '
            done = any(
                line.startswith(accepted) and float(line.split()[-1]) >= checks
                for line in text.splitlines()
            )
            if done:
                ends.setdefault(name, (CLOCK.monotonic() - began, buckets(text, LAG)))
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
        room = place.room("agent")
        seen = asyncio.run(storm(room, given.checks, place.cores, seconds=given.seconds))
        header = ["notifier", "all told after s", "messages", "lag p50 until then", "lag p99"]
        show(header, [told.row() for told in seen.told])


if __name__ == "__main__":
    main()
