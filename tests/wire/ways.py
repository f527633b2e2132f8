"""How tests of the wire ask a server: bounded, and closed afterwards."""

from __future__ import annotations

import asyncio

import pytest

from prober.result import Attempt, Reason
from prober.wire.failure import Failure
from prober.wire.http1 import Limits, Request, Response, exchange
from prober.wire.network import Endpoint, Network

GET = Request("GET", "/", (("Host", "x"),))
DEFAULT = Limits()
BOUND = 8.0  # seconds; nothing here should take one


def new_attempt() -> Attempt:
    return Attempt(run_id="r", traceparent="t")


async def fetch(
    net: Network,
    to: Endpoint | int,
    request: Request = GET,
    limits: Limits = DEFAULT,
    attempt: Attempt | None = None,
) -> Response:
    to = Endpoint("127.0.0.1", to) if isinstance(to, int) else to
    async with asyncio.timeout(BOUND):
        connection = await net.connect(to, attempt or new_attempt())
        try:
            return await exchange(connection, request, limits)
        finally:
            connection.close()


async def fetch_failure(
    net: Network,
    to: Endpoint | int,
    request: Request = GET,
    limits: Limits = DEFAULT,
    attempt: Attempt | None = None,
) -> tuple[Reason, str]:
    with pytest.raises(Failure) as failure:
        await fetch(net, to, request, limits, attempt)
    return failure.value.reason, str(failure.value)
