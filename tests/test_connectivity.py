"""Runs that fail while the agent itself is cut off say nothing, and everything else stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from prober.clock import SystemClock
from prober.config.connectivity import PATIENCE
from prober.connectivity import AGAIN, FRESH, LONG, SAY_AGAIN, Connectivity
from prober.probes import AnyCheck
from prober.probes.http import HttpCheck
from prober.probes.tcp import TcpCheck
from prober.result import Finding, Outcome, Reason, Result
from prober.runner import Runner
from tests.fake_clock import NOON, FakeClock, beside
from tests.probes import running as probing
from tests.servers.raw import closed_port


def tcp(address: str) -> TcpCheck:
    return TcpCheck.model_validate(
        {"name": "connectivity", "timeout": PATIENCE, "tcp": {"address": address}}
    )


def result(
    check: str = "api", outcome: Outcome = Outcome.DOWN, at: float = NOON, **more: object
) -> Result:
    finding = Finding(outcome, Reason.CONNECT if outcome is Outcome.DOWN else None, "refused")
    return Result(
        check=check,
        kind="http",
        region="eu",
        run_id="1",
        traceparent="",
        started_at=at,
        seconds=0.5,
        attempts=1,
        finding=finding,
    )


class World:
    """What is out there: each look takes `seconds`, and the addresses answer or do not."""

    def __init__(self, clock: FakeClock, addresses: int = 2) -> None:
        self.clock = clock
        self.answers = True
        self.looks = 0
        self.seconds = 0.0
        self.said: list[str] = []
        self.shown: list[bool] = []
        self.connectivity = Connectivity(
            clock=clock, run=self._run, changed=self.shown.append, missed=self.said.append
        )
        self.addresses = [tcp(f"127.0.0.1:{port}") for port in range(1, addresses + 1)]
        self.connectivity.configure(self.addresses)

    async def _run(self, check: AnyCheck) -> Result:
        self.looks += check is self.addresses[0]
        if self.seconds:
            await self.clock.sleep(self.seconds)
        last = check is self.addresses[-1]
        up = self.answers and last
        return result(check.name, Outcome.UP if up else Outcome.DOWN, self.clock.now())

    async def judged(self, at: float | None = None) -> Result:
        failed = result(at=self.clock.now() if at is None else at)
        return await self.connectivity.judged(failed)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


async def test_a_run_that_is_up_asks_nobody(world: World) -> None:
    up = result(outcome=Outcome.UP)

    assert await world.connectivity.judged(up) is up
    assert world.looks == 0


async def test_without_addresses_nothing_is_doubted(clock: FakeClock) -> None:
    world = World(clock)
    world.connectivity.configure(())
    failed = result()

    assert await world.connectivity.judged(failed) is failed
    assert world.looks == 0


async def test_one_address_that_answers_is_enough_to_blame_the_target(world: World) -> None:
    failed = result()

    assert await world.connectivity.judged(failed) is failed
    assert world.shown == []


async def test_a_run_that_fails_while_nothing_answers_says_nothing(world: World) -> None:
    world.answers = False

    judged = await world.judged()

    assert (judged.outcome, judged.reason) == (Outcome.UNKNOWN, Reason.OFFLINE)
    assert judged.message == (
        "the agent is cut off (127.0.0.1:1: refused; 127.0.0.1:2: refused); it saw: refused"
    )
    assert judged.finding.seconds is None
    assert (judged.check, judged.seconds) == ("api", 0.5)
    assert world.shown == [False]
    assert world.connectivity.offline


async def test_two_hundred_that_fail_at_once_are_one_look(world: World) -> None:
    world.answers, world.seconds = False, 1.0

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(world.judged()) for _ in range(200)]
        await world.clock.until_asleep(2)
        await world.clock.advance(1.0)

    assert {task.result().reason for task in asked} == {Reason.OFFLINE}
    assert world.looks == 1


async def test_that_it_was_connected_a_while_ago_proves_nothing(world: World) -> None:
    began = world.clock.now()
    await world.judged()
    world.answers = False
    await world.clock.advance(FRESH + 0.5)

    assert (await world.judged(at=began)).reason is Reason.OFFLINE
    assert world.looks == 2


async def test_that_it_was_cut_off_during_the_run_is_enough(world: World) -> None:
    began = world.clock.now()
    await world.clock.advance(1.0)
    world.answers = False
    await world.judged()
    world.answers = True
    await world.clock.advance(FRESH + 3.0)

    assert (await world.judged(at=began)).reason is Reason.OFFLINE
    assert (await world.judged()).reason is Reason.CONNECT
    assert world.looks == 2


async def test_it_looks_again_until_something_answers_and_says_what_was_missed(
    world: World,
) -> None:
    async with running(world):
        world.answers = False
        await world.clock.advance(FRESH + 1.0)
        cut = world.clock.now()
        await world.judged()
        await world.judged()
        await world.clock.advance(3 * AGAIN)
        assert world.said == []
        world.answers = True
        await world.clock.advance(AGAIN)

    assert world.shown == [False, True]
    (said,) = world.said
    assert said == (
        "from 2023-11-14T22:13:22.000Z to 2023-11-14T22:13:42.000Z (20 s);"
        " 2 failed runs of that time say nothing"
    )
    assert cut == NOON + 2.0
    assert not world.connectivity.offline


async def test_who_is_cut_off_for_long_says_so_before_it_is_back(world: World) -> None:
    async with running(world):
        world.answers = False
        await world.clock.advance(FRESH + 1.0)
        await world.judged()
        await world.clock.advance(LONG - AGAIN)
        assert world.said == []
        await world.clock.advance(2 * AGAIN)
        await world.clock.advance(SAY_AGAIN - 2 * AGAIN)

        (said,) = world.said
        await world.clock.advance(2 * AGAIN)
        assert world.said == [said, said]  # it goes on for as long as it lasts
    assert "or the addresses under connectivity are wrong: 127.0.0.1:1: refused" in said


async def test_addresses_that_never_answered_are_warned_of_at_the_start(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.answers = False

    async with running(world):
        assert "none of the addresses under connectivity answers: 127.0.0.1:1" in caplog.text


async def test_a_config_without_addresses_ends_what_an_earlier_one_saw(world: World) -> None:
    world.answers = False
    await world.judged()

    world.connectivity.configure(())

    assert world.shown == [False, True]
    assert not world.connectivity.offline


async def test_a_look_at_addresses_that_a_reload_took_away_says_nothing(world: World) -> None:
    world.answers, world.seconds = False, 3.0
    waiting = asyncio.create_task(world.judged())
    await world.clock.until_asleep(2)

    world.connectivity.configure(())
    await world.clock.advance(3.0)

    assert (await waiting).reason is Reason.OFFLINE  # as it was asked
    assert world.shown == []
    assert not world.connectivity.offline


async def test_a_run_that_is_cut_off_while_it_waits_takes_no_look_from_others(
    world: World,
) -> None:
    world.seconds = 1.0
    first = asyncio.create_task(world.judged())
    second = asyncio.create_task(world.judged())
    await world.clock.until_asleep(2)

    first.cancel()
    await world.clock.advance(1.0)

    assert (await second).reason is Reason.CONNECT
    assert first.cancelled() or first.cancelling()


async def test_whatever_answers_proves_that_the_agent_is_connected(runner: Runner) -> None:
    """Real sockets: a server that says 503 answers, a closed port does not."""

    async def unavailable(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(unavailable, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    web = HttpCheck.model_validate(
        {"name": "connectivity", "http": {"url": f"http://127.0.0.1:{port}/"}}
    )
    clock = SystemClock()
    connectivity = Connectivity(
        clock=clock, run=runner.run, changed=lambda on: None, missed=lambda said: None
    )
    failed = result(at=clock.now())

    with closed_port() as port:
        shut = tcp(f"127.0.0.1:{port}")
        connectivity.configure([shut, web])
        assert await connectivity.judged(failed) is failed
        connectivity.configure([shut])
        assert (await connectivity.judged(failed)).reason is Reason.OFFLINE
    server.close()
    await server.wait_closed()


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    async with probing.running() as made:
        yield made


def running(world: World) -> AbstractAsyncContextManager[None]:
    return beside(world.clock, world.connectivity.run())
