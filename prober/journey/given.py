"""What does a journey get for each name that it asks for?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from playwright import async_api, sync_api
from pydantic import JsonValue

from prober.errors import ProberError
from prober.journey import Cleanup, PageName, Step, Totp
from prober.journey.browser import LONGEST_WAIT, Opened
from prober.journey.either import ApiRequest, Playwright, settled
from prober.journey.events import Order
from prober.journey.needs import lacking

_Value = TypeVar("_Value")
_ACCESS = (  # of what the check's `context` says
    *("extra_http_headers", "http_credentials", "ignore_https_errors"),
    *("client_certificates", "proxy"),
)


class NotGiven(KeyError):
    """A key that the check does not give to the journey."""

    def __str__(self) -> str:
        return str(self.args[0])


class Gift(dict[str, _Value]):
    """`params` or `secrets`: a dict that says what it has where a key is not there."""

    def __init__(self, kind: str, values: Mapping[str, _Value]) -> None:
        super().__init__(values)
        self._kind = kind

    def __missing__(self, key: str) -> _Value:
        raise NotGiven(lacking(self._kind, str(key), list(self)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    order: Order
    opened: Opened
    api: ApiRequest | None
    step: Step
    cleanup: Cleanup
    page_name: PageName
    totp: Totp


def given(parts: Parts) -> dict[str, object]:
    """What a journey may ask for."""
    order, opened = parts.order, parts.opened
    params: Gift[JsonValue] = Gift("params", order.params)
    return {
        "page": opened.page,
        "context": opened.context,
        "browser": opened.browser,
        "browser_name": "chromium",
        "base_url": order.base_url,
        "step": parts.step,
        "params": params,
        "secrets": Gift("secrets", order.secrets),
        "cleanup": parts.cleanup,
        "run_id": order.run_id,
        "page_name": parts.page_name,
        "totp": parts.totp,
        "api": parts.api,
    }


async def api_of(playwright: Playwright | None, order: Order, opened: Opened) -> ApiRequest:
    """Requests without the page: of the same user agent and access, with cookies of their own."""
    if playwright is None:
        raise ProberError("there is no Playwright yet")
    make: Callable[..., object] = playwright.request.new_context  # of either API
    api = await settled(
        make(
            base_url=order.base_url,
            user_agent=str(await settled(opened.page.evaluate("navigator.userAgent"))),
            timeout=0 if order.debug else min(order.timeout, LONGEST_WAIT) * 1000,
            **{name: order.context[name] for name in _ACCESS if name in order.context},
        )
    )
    if isinstance(api, sync_api.APIRequestContext | async_api.APIRequestContext):
        if opened.first_party is not None:
            opened.first_party.stamp(api)
        return api
    raise ProberError("Playwright gave no context for requests")
