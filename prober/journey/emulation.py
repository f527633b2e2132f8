"""As what does a journey's browser present itself, and how slow is its network?

Throttling is asked for in each page's own session: not in frames of another
origin that have a process of their own, nor in workers. `route()` and headers
of ours would change what pages may do and keep, so that there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from prober.errors import ProberError
from prober.journey.arrivals import Arrivals
from prober.journey.either import CDPSession, Context, done
from prober.journey.events import Order

AGENT = "prober-synthetic"  # the token in the user agent
WIDTH, HEIGHT = 1280, 720
Devices: TypeAlias = Mapping[str, Mapping[str, object]]
_NOT_CONTEXT = ("default_browser_type",)  # ours is Chromium
_KBIT = 1000 / 8  # bytes


class Conditions(NamedTuple):
    down: int  # kbit/s
    up: int
    latency: int  # milliseconds that each request waits


NETWORKS: Mapping[str, Conditions] = MappingProxyType(
    {
        "slow-3g": Conditions(400, 400, 400),
        "fast-3g": Conditions(1600, 750, 300),
        "slow-4g": Conditions(1600, 750, 150),
        "fast-4g": Conditions(9000, 1500, 60),
    }
)


def options(order: Order, devices: Devices, own_agent: str) -> dict[str, object]:
    """For new_context. What the order says comes before its device, and that before ours.

    `own_agent` is how the browser calls itself.
    """
    given: dict[str, object] = {**_device(order, devices), **order.context}
    if given.get("no_viewport"):
        given.pop("viewport", None)
    elif "viewport" not in given:
        given["viewport"] = {"width": WIDTH, "height": HEIGHT}
    if order.base_url is not None:
        given["base_url"] = order.base_url
    given["user_agent"] = f"{given.get('user_agent', own_agent)} {AGENT}"
    return given


def _device(order: Order, devices: Devices) -> dict[str, object]:
    if order.device is None:
        return {}
    if order.device not in devices:
        raise ProberError(f"{order.device!r} is no device that Playwright knows")
    return {key: one for key, one in devices[order.device].items() if key not in _NOT_CONTEXT}


class Throttle:
    """Makes the network of all pages of a context as slow as `conditions`."""

    def __init__(self, conditions: Conditions, *, is_async: bool) -> None:
        self._told = {
            "offline": False,
            "latency": conditions.latency,
            "downloadThroughput": conditions.down * _KBIT,
            "uploadThroughput": conditions.up * _KBIT,
        }
        self._arrivals = Arrivals(self._slow, is_async=is_async)

    def attach(self, context: Context) -> None:
        self._arrivals.attach(context)

    async def _slow(self, session: CDPSession) -> None:
        await done(session.send("Network.enable"))
        await done(session.send("Network.emulateNetworkConditions", self._told))
