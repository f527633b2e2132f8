"""What does a program learn about the checks?

The envelope is Prometheus' own: `status`, then `data` or `error`. Every time
is RFC 3339, and what is not known is null.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from aiohttp import web
from pydantic import JsonValue

from prober.export.board import Row, present
from prober.result import Outcome, Result
from prober.units import rfc3339
from prober.web.sources import SOURCES, Sources
from prober.web.stream import Turns, send

JSON = "application/json; charset=utf-8"
STATES = frozenset(outcome.value for outcome in Outcome)


async def checks(request: web.Request) -> web.StreamResponse:
    """`/api/v1/checks[?state=…][&name=…]`; a parameter that is repeated means any of these."""
    states, names = set(request.query.getall("state", ())), set(request.query.getall("name", ()))
    if wrong := sorted(states - STATES):
        known = ", ".join(sorted(STATES))
        return refusal(400, f"state is {wrong[0]!r}, which is none of {known}")
    return await send(request, JSON, _checks(request.app[SOURCES], states, names))


async def check(request: web.Request) -> web.StreamResponse:
    """`/api/v1/checks/NAME`."""
    sources = request.app[SOURCES]
    name = request.match_info["name"]
    row = sources.board.rows.get(name)
    if row is None:
        return refusal(404, f"there is no check named {name!r}")
    return web.json_response({"status": "success", "data": describe(row, sources.clock.now())})


def refusal(status: int, error: str) -> web.Response:
    return web.json_response({"status": "error", "error": error}, status=status)


async def _checks(sources: Sources, states: set[str], names: set[str]) -> AsyncIterator[bytes]:
    turns, now = Turns(sources.clock), sources.clock.now()
    region = json.dumps(sources.region)
    yield f'{{"status":"success","data":{{"region":{region},"checks":['.encode()
    between = ""
    for row in list(sources.board.rows.values()):
        await turns.over()
        state, _ = present(row, now)
        if (not names or row.check.name in names) and (not states or state in states):
            yield (between + json.dumps(describe(row, now), separators=(",", ":"))).encode()
            between = ","
    yield b"]}}\n"


def describe(row: Row, now: float) -> dict[str, JsonValue]:
    state, since = present(row, now)
    return {
        "name": row.check.name,
        "kind": row.info.kind,
        "target": row.info.target,
        "state": state,
        "since": _moment(since),
        "interval_seconds": row.check.interval,
        "labels": dict(row.info.labels),
        "severity": row.info.severity or None,
        "consecutive_failures": row.consecutive_failures,
        "last_run_at": _moment(row.last_run_at),
        "last_success_at": _moment(row.last_success_at),
        "alerts": [
            {"alert": rule, "severity": firing.severity, "since": rfc3339(firing.since)}
            for rule, firing in row.firing.items()
        ],
        "result": row.last.to_json() if row.last else None,
        "last_error": _error(row.trouble) if row.trouble else None,
    }


def _error(result: Result) -> dict[str, JsonValue]:
    return {
        "at": rfc3339(result.started_at),
        "run_id": result.run_id,
        "outcome": result.outcome.value,
        "reason": result.reason.value if result.reason else None,
        "message": result.message,
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)
