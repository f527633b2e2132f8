"""What happened during a probe, in the order of events? For people who debug one.

Times are since its beginning. Over redirects phases are sums, as in the
metrics, so that their order is that of one request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prober.probes.address import hidden
from prober.probes.modules import Module
from prober.result import Fact, Outcome, Result
from prober.units import rfc3339, show_duration

_PHASES = ("resolve", "connect", "tls", "processing", "transfer")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scrape wants to know; `timeout` is in seconds."""

    module: Module
    target: str
    hostname: str
    timeout: float
    debug: bool


def told(asked: Asked, result: Result) -> Iterator[str]:
    named = f" (hostname {asked.hostname})" if asked.hostname else ""
    yield f"{rfc3339(result.started_at)} probing {hidden(asked.target)}{named}, module {asked.module.name}"
    yield _line(0.0, f"it may take {show_duration(asked.timeout)}")
    passed = 0.0
    for phase in _phases(result):
        passed += result.phases[phase]
        yield _line(
            passed,
            f"{phase} took {show_duration(result.phases[phase])}{_facts(phase, result.facts)}",
        )
    if redirects := result.facts.get("redirects"):
        yield _line(passed, f"redirects followed: {redirects}, to {result.facts.get('final_url')}")
    for one in result.finding.assertions:
        mark = "ok" if one.ok else "WRONG"
        yield _line(result.seconds, f"{one.what}: {one.actual}; expected: {one.expected}: {mark}")
    yield _line(result.seconds, _end(result))


def _phases(result: Result) -> list[str]:
    return [
        *filter(result.phases.__contains__, _PHASES),
        *(p for p in result.phases if p not in _PHASES),
    ]


def _line(seconds: float, text: str) -> str:
    return f"  +{seconds:.6f} s  {text}"


def _facts(phase: str, facts: Mapping[str, Fact]) -> str:
    names: tuple[str, ...] = ()
    match phase:
        case "connect":
            names = ("ip",)
        case "tls":
            names = ("tls_version", "cipher", "cert_subject", "cert_not_after")
        case "processing":
            names = ("status_code", "http_version")
        case "transfer":
            names = ("content_length", "uncompressed_body_length")
    known = [f"{name} {facts[name]}" for name in names if name in facts]
    return f": {', '.join(known)}" if known else ""


def _end(result: Result) -> str:
    took = show_duration(result.seconds)
    if result.outcome is Outcome.UP:
        return f"the probe succeeded after {took}"
    if result.outcome is Outcome.UNKNOWN:
        return f"a fault of the agent's own: {result.message}"
    return f"the probe failed ({result.reason}) after {took}: {result.message}"
