"""Both pollers: readiness reaches who waits, and nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
import pytest_asyncio

from prober.wire.loop import LoopPoller, Poller, Waits


@pytest_asyncio.fixture(params=[Poller, LoopPoller])
async def poller(request: pytest.FixtureRequest) -> AsyncIterator[Waits]:
    made: Waits = request.param()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


Pair = tuple[socket.socket, socket.socket]


async def test_data_wakes_the_reader(poller: Waits, pair: Pair) -> None:
    near, far = pair
    poller.register(near.fileno())
    waiter = poller.readable(near.fileno())

    far.send(b"x")

    async with asyncio.timeout(2):
        while near.fileno() >= 0:
            await waiter
            try:
                assert near.recv(9) == b"x"
                break
            except BlockingIOError:  # an early event costs a second try
                waiter = poller.readable(near.fileno())


async def test_room_wakes_the_writer(poller: Waits, pair: Pair) -> None:
    near, far = pair
    poller.register(near.fileno())
    with suppress(BlockingIOError):
        while near.send(b"x" * 65536):
            pass
    waiter = poller.writable(near.fileno())
    poller.poll()
    await asyncio.sleep(0)
    if waiter.done():
        waiter = poller.writable(near.fileno())

    far.setblocking(False)
    with suppress(BlockingIOError):
        while far.recv(1 << 20):
            pass

    assert not waiter.done()
    async with asyncio.timeout(2):
        await waiter


async def test_the_last_look_needs_no_turn_of_the_loop(poller: Waits, pair: Pair) -> None:
    near, far = pair
    poller.register(near.fileno())
    far.send(b"x")
    waiter = poller.readable(near.fileno())

    poller.poll()

    assert waiter.done()


async def test_the_last_look_takes_more_than_one_batch(poller: Waits) -> None:
    pairs = [socket.socketpair() for _ in range(300)]
    waiters = []
    for near, far in pairs:
        poller.register(near.fileno())
        far.send(b"x")
        waiters.append(poller.readable(near.fileno()))

    poller.poll()

    assert all(waiter.done() for waiter in waiters)
    for near, far in pairs:
        poller.forget(near.fileno())
        near.close()
        far.close()


async def test_a_timer_can_wake(poller: Waits, pair: Pair) -> None:
    near, _ = pair
    poller.register(near.fileno())
    waiter = poller.readable(near.fileno())

    poller.wake(near.fileno())
    poller.wake(near.fileno())

    assert waiter.done()


async def test_what_is_forgotten_or_cancelled_is_left_alone(poller: Waits, pair: Pair) -> None:
    near, far = pair
    poller.register(near.fileno())
    forgotten = poller.readable(near.fileno())
    poller.forget(near.fileno())
    far.send(b"x")
    poller.poll()
    assert not forgotten.done()

    cancelled = poller.readable(near.fileno())
    cancelled.cancel()
    far.send(b"y")
    poller.poll()

    assert cancelled.cancelled()
    poller.forget(near.fileno())


async def test_closing_leaves_the_loop_as_it_was(poller: Waits, pair: Pair) -> None:
    near, far = pair
    poller.register(near.fileno())
    poller.readable(near.fileno())

    poller.close()

    far.send(b"x")
    await asyncio.sleep(0)
    assert asyncio.get_running_loop().remove_reader(near.fileno()) is False
    poller.close()
