"""What is a run as spans, in OpenTelemetry's own format (OTLP/HTTP, JSON)?

One trace a run: a span of the run, which has the ids that the run sent in its
`traceparent`, so that what the target traced hangs below it; and below it a
span for each phase and each step. Pure: no clock, no network. The same run is
the same spans, however often it is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Annotated, NamedTuple

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from prober import __version__
from prober.check import Model
from prober.headers import header_text
from prober.result import Outcome, Result
from prober.secret import Secret
from prober.units import Duration, Ratio

PATH = "/v1/traces"  # where OTLP/HTTP takes spans, below a collector's address
_INTERNAL, _CLIENT = 1, 3  # kinds of span
_ERROR = 2  # a status
_TRACEPARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_OURS = frozenset({"content-type", "content-encoding", "content-length", "transfer-encoding"})
# Facts under OpenTelemetry's names.
_FACTS = {
    "status_code": "http.response.status_code",
    "ip": "network.peer.address",
    "final_url": "url.full",
}


def _endpoint(value: str) -> str:
    try:
        url = httpx.URL(value)
        is_web = url.scheme in ("http", "https") and bool(url.host)
        whole = is_web and (url.port is None or 0 < url.port < 65536)
    except (httpx.InvalidURL, ValueError):
        whole = False
    if not whole or " " in value or url.query or url.fragment or url.userinfo:
        raise ValueError(f"{value!r} is not a collector's address; write http://collector:4318")
    return value.rstrip("/")


def _headers(value: object) -> object:
    """Refuses what HTTP cannot carry; which value it is stays unsaid."""
    if not isinstance(value, Mapping):
        return value
    made = {}
    for name, text in value.items():
        plain = header_text(str(name), text)
        if str(name).lower() in _OURS:
            raise ValueError(f"{name} says how spans are packed; leave it out")
        made[name] = Secret(plain)
    return made


class OtlpSettings(Model):
    """Where spans are sent, and of how many runs that are up; of all others they always are."""

    endpoint: Annotated[str, AfterValidator(_endpoint)]  # ends without a slash
    headers: Annotated[Mapping[str, Secret], BeforeValidator(_headers)] = {}
    sample: Ratio = 0.1
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 10.0  # of one request

    @property
    def url(self) -> str:
        return self.endpoint if self.endpoint.endswith(PATH) else self.endpoint + PATH


class Ran(NamedTuple):
    """A run, and about when it was over, in Unix seconds: only the last of its attempts says how long."""

    result: Result
    ended: float


class _Part(NamedTuple):
    """A phase or a step; `failed` is None where it is well, else what is said of it."""

    name: str
    began: float
    ended: float
    attributes: Mapping[str, str | None]
    failed: str | None = None


def resource(region: str, shard: str) -> Mapping[str, str]:
    """Who sends: of one region and shard there is one agent."""
    return {
        "service.name": "prober",
        "service.version": __version__,
        "service.instance.id": " ".join(filter(None, (region, shard))),
    }


def text(run: Ran) -> str:
    """A part of a request; "" of a run without spans."""
    return _written(spans(*run))[1:-1]


def request(texts: Iterable[str], sender: Mapping[str, str]) -> bytes:
    """The body of one request, of what `text` made of each run."""
    scope: JsonValue = {"name": "prober", "version": __version__}
    whole: JsonValue = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(sender)},
                "scopeSpans": [{"scope": scope, "spans": []}],
            }
        ]
    }
    before, nothing, after = _written(whole).rpartition("[]")
    inside = ",".join(filter(None, texts)).join(nothing)
    return f"{before}{inside}{after}".encode(errors="replace")


def _written(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def spans(result: Result, ended: float) -> list[JsonValue]:
    """That of the run first; none where it has no ids of its own."""
    ids = _TRACEPARENT.fullmatch(result.traceparent)
    if ids is None:
        return []
    trace, run = ids.groups()
    began, seconds = result.started_at, max(0.0, result.seconds)
    last = began if result.attempts < 2 else max(began, ended - seconds)  # the last attempt's
    parts = [*_phases(result, last), *_steps(result, last)]
    whole = _Part(
        name=result.check,
        began=began,
        ended=max(last + seconds, *(part.ended for part in parts), began),
        attributes={},
        failed=None if result.outcome is Outcome.UP else result.message,
    )
    said = [_span(whole, trace, run) | {"kind": _CLIENT, "attributes": _of_run(result)}]
    for number, part in enumerate(parts):
        own = blake2b(f"{run}/{number}".encode(), digest_size=8).hexdigest()
        said.append(_span(part, trace, own) | {"parentSpanId": run})
    return [*said]


def _phases(result: Result, began: float) -> Iterator[_Part]:
    """One after the other: of each is known how long it took, over all redirects and steps."""
    for phase, seconds in result.phases.items():
        yield _Part(phase, began, began + seconds, {"prober.phase": phase})
        began += seconds


def _steps(result: Result, began: float) -> Iterator[_Part]:
    """Where each began, if that is known, else one after the other."""
    following = began
    for step in result.steps:
        at = following if step.began is None else began + step.began
        following = at + max(0.0, step.seconds)
        about = {"prober.step": step.name, "url.full": step.url}
        yield _Part(step.name, at, following, about, None if step.ok else step.message)


def _span(part: _Part, trace: str, own: str) -> dict[str, JsonValue]:
    span: dict[str, JsonValue] = {
        "traceId": trace,
        "spanId": own,
        "name": part.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(part.began),
        "endTimeUnixNano": _nanoseconds(part.ended),
        "attributes": _attributes(part.attributes),
    }
    if part.failed is not None:
        span["status"] = {"code": _ERROR, "message": part.failed}
    return span


def _of_run(result: Result) -> list[JsonValue]:
    about: dict[str, str | int | bool | None] = {
        "prober.check": result.check,
        "prober.kind": result.kind,
        "prober.region": result.region,
        "prober.run_id": result.run_id,
        "prober.outcome": result.outcome.value,
        "prober.reason": result.reason.value if result.reason else None,
        "prober.attempts": result.attempts,
        "prober.maintenance": bool(result.maintenance),
        "user_agent.synthetic.type": "test",
    }
    for name, known in _FACTS.items():
        fact = result.facts.get(name)
        about[known] = fact if isinstance(fact, str | int) else None
    labels = {f"prober.label.{name}": text for name, text in result.labels.items()}
    return _attributes({**about, **labels})


def _attributes(values: Mapping[str, str | int | bool | None]) -> list[JsonValue]:
    """Without those that are None."""
    return [
        {"key": name, "value": _value(value)} for name, value in values.items() if value is not None
    ]


def _value(value: str | int | bool) -> dict[str, JsonValue]:
    if isinstance(value, str):
        return {"stringValue": value}
    # JSON's numbers are too small for 64 bits, so a whole number is a text.
    return {"boolValue": value} if isinstance(value, bool) else {"intValue": str(value)}


def _nanoseconds(moment: float) -> str:
    return str(round(moment * 1e9))
