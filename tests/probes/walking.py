"""HTTP checks in steps, as these tests have them done at a real shop."""

from __future__ import annotations

from collections.abc import Mapping

from prober.probes.http import HttpCheck
from prober.result import Result
from tests.servers.shop import Shop

Raw = dict[str, object]


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
