"""What does a target that a scrape names look like right now? `/probe`, as blackbox_exporter has it.

    /probe?target=…[&module=http_2xx][&hostname=…][&debug=true]

A target that is down is an answer (`probe_success 0`). Where the fault is
ours, or nothing can be known, the scrape itself fails: `up` is 0, and no
target is blamed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from aiohttp import web

from prober.export.family import Family, number
from prober.probes.modules import Aim, Unsupported, refused
from prober.result import Outcome, Result
from prober.series import Series
from prober.web.accept import OPENMETRICS, TEXT, wants_openmetrics
from prober.web.probe_log import Asked, told
from prober.web.probing import Probing, Stopping, time_for
from prober.web.sources import SOURCES

MODULE = "http_2xx"  # where none is named
SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
NOTICED = 0.1  # seconds until a scrape that has gone is noticed

Values: TypeAlias = Sequence[tuple[str, float]]

_PLAIN = "text/plain; charset=utf-8"


class Refusal(Exception):
    """Nothing is probed: the request is not one that can be."""


async def probe(request: web.Request) -> web.Response:
    sources = request.app[SOURCES]
    try:
        asked = _asked(request, sources.probing)
        aim = _aim(asked)
        result = await _while_wanted(request, sources.probing.begin(aim))
    except Refusal as refusal:
        return _answer(f"{refusal}\n", _PLAIN, 400)
    except Stopping:
        return _answer("the agent is stopping\n", _PLAIN, 503)
    openmetrics = wants_openmetrics(request.headers.get("Accept", ""))
    if asked.debug:
        page = _page(asked, aim, result)
        return _answer(sources.probing.scrub(page), _PLAIN)
    if result.outcome is Outcome.UNKNOWN:
        return _answer(f"nothing is known of the target: {result.message}\n", _PLAIN, 500)
    text = rendered(aim.series, result, asked.timeout, openmetrics=openmetrics)
    return _answer(text, OPENMETRICS if openmetrics else TEXT)


def _asked(request: web.Request, probing: Probing) -> Asked:
    """Raises Refusal."""
    query = request.query
    name = query.get("module") or MODULE
    module = probing.modules.get(name)
    if module is None:
        raise Refusal(f"unknown module {name!r}; known: {', '.join(sorted(probing.modules))}")
    if isinstance(module.how, Unsupported):
        raise Refusal(f"module {name!r}: {module.how}")
    target, hostname = query.get("target", ""), query.get("hostname", "")
    if not target:
        raise Refusal("the parameter target is missing")
    if module.how.contradicts(hostname):
        raise Refusal(f"hostname is {hostname!r}, but module {name!r} sets another Host header")
    try:
        timeout = time_for(request.headers.get(SCRAPE_TIMEOUT), module.timeout)
    except ValueError as error:
        raise Refusal(f"{SCRAPE_TIMEOUT}: {error}") from None
    return Asked(module, target, hostname, timeout, query.get("debug") == "true")


def _aim(asked: Asked) -> Aim:
    """A target that cannot be one is down: it is what Prometheus was told to look at."""
    assert not isinstance(asked.module.how, Unsupported)  # noqa: S101 - `_asked` has refused it
    try:
        return asked.module.how.at(asked.target, asked.hostname, asked.timeout)
    except ValueError as error:
        return refused(asked.module.how, str(error), asked.timeout)


async def _while_wanted(request: web.Request, task: asyncio.Task[Result]) -> Result:
    """The result; the probe ends with the scrape that asked for it. Raises Stopping."""
    try:
        while not task.done():
            await asyncio.wait((task,), timeout=NOTICED)
            if request.transport is None or request.transport.is_closing():
                break
    finally:
        if not task.done():
            task.cancel()
    await asyncio.wait((task,))
    if task.cancelled():
        raise Stopping
    return task.result()


def rendered(
    series: tuple[Series, ...], result: Result, timeout: float, *, openmetrics: bool
) -> str:
    """The series that blackbox_exporter has for a probe, in the order of their names."""
    lines = {
        "probe_duration_seconds": _gauge("Time the probe took.", result.seconds),
        "probe_success": _gauge("1 if the probe succeeded.", float(result.outcome is Outcome.UP)),
        "probe_timeout_seconds": _gauge("Time the probe was given.", timeout),
    }
    families = [_Shown(name, *told) for name, told in lines.items()]
    families += [_Shown(one.name, one.help, one.read(result)) for one in series]
    text = "".join(
        one.text(openmetrics) for one in sorted(families, key=lambda one: one.name) if one.values
    )
    return f"{text}# EOF\n" if openmetrics else text


def _gauge(help_text: str, value: float) -> tuple[str, Values]:
    return help_text, (("", value),)


class _Shown(NamedTuple):
    """One family as it is answered."""

    name: str
    help: str
    values: Values

    def text(self, openmetrics: bool) -> str:
        lines = (
            f"{self.name}{f'{{{labels}}}' if labels else ''} {number(value)}\n"
            for labels, value in self.values
        )
        return Family(self.name, "gauge", self.help).head(openmetrics) + "".join(lines)


def _page(asked: Asked, aim: Aim, result: Result) -> str:
    """For people: what happened, what a scrape would have got, and how the module is configured."""
    failed = "nothing is known, so a scrape fails with status 500"
    unknown = result.outcome is Outcome.UNKNOWN
    metrics = rendered(aim.series, result, asked.timeout, openmetrics=False)
    parts = (
        ("Log of the probe", "\n".join(told(asked, result))),
        ("Metrics it would have returned", failed if unknown else metrics),
        (f"Module {asked.module.name}", asked.module.shown),
    )
    return "\n".join(f"{title}:\n{text.rstrip()}\n" for title, text in parts)


def _answer(text: str, content_type: str, status: int = 200) -> web.Response:
    headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
    return web.Response(body=text.encode(), status=status, headers=headers)
