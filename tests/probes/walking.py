"""How these tests run an HTTP check in steps: as the agent does, at a real shop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from prober.clock import SystemClock
from prober.probes import Means
from prober.probes.browsers import Browsers, Setup
from prober.probes.http import HttpCheck
from prober.pulse import Pulse
from prober.result import Result
from prober.runner import Runner
from prober.secret import Scrubber
from prober.wire.network import Network
from tests.servers.shop import Shop

Raw = dict[str, object]


async def run(check: HttpCheck) -> Result:
    """As the agent runs it."""
    clock = SystemClock()
    network, pulse = Network(clock), Pulse(clock, lambda lag: None)
    beating = asyncio.create_task(pulse.run())
    means = Means(network, Browsers(clock, Setup(data_dir=Path("nowhere"))))
    try:
        runner = Runner(
            region="here",
            clock=clock,
            means=means,
            pulse=pulse,
            scrub=Scrubber(),
        )
        return await asyncio.wait_for(runner.run(check), 10)
    finally:
        beating.cancel()
        network.close()


def check_of(
    *steps: Mapping[str, object], timeout: float = 5.0, beside: Raw | None = None
) -> HttpCheck:
    return HttpCheck.model_validate(
        {"name": "shop", "timeout": timeout, "http": {"steps": list(steps)} | (beside or {})}
    )


def sign_in(it: Shop, **more: object) -> Raw:
    extract = {"token": "$.access_token", "user": "$.user.id", "csrf": {"header": "X-Csrf"}}
    body = {"user": "u", "password": "pw-123456"}
    return {"name": "sign in", "url": it.url("/login"), "method": "POST", "json": body} | {
        "extract": extract
    } | more  # fmt: skip


def order(it: Shop, **more: object) -> Raw:
    body = {"for": "{{user}}", "note": "of {{ user }} with {{csrf}}", "sku": 1}
    return {"name": "order", "url": it.url("/orders"), "method": "POST", "json": body} | {
        "headers": {"Authorization": "Bearer {{token}}"}
    } | more  # fmt: skip


def look(it: Shop, **more: object) -> Raw:
    headers = {"Authorization": "Bearer {{token}}"}
    return {"name": "list orders", "url": it.url("/orders"), "headers": headers} | more


def sign_out(it: Shop, **more: object) -> Raw:
    auth = {"bearer": "{{token}}"}
    return {"name": "sign out", "url": it.url("/logout"), "auth": auth, "always": True} | more


def told(result: Result) -> list[tuple[str, bool]]:
    return [(step.name, step.ok) for step in result.steps]
