"""Where does a key belong that somebody wrote in another place, or as blackbox_exporter has it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import BaseModel

from prober.check import Check
from prober.config import shape
from prober.config.tree import Path
from prober.probes import KINDS

_IP = {
    "preferred_ip_protocol": "write ip: prefer4",
    "ip_protocol_fallback": "write ip: 4 or ip: 6",
}
# By kind: what others call it, blackbox_exporter mostly, and how a check says it.
_OTHERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "http": {
            **_IP,
            "valid_status_codes": "write expect: {status: [200]}",
            "fail_if_body_matches_regexp": "write expect: {body: {not_matches: [REGEX]}}",
            "fail_if_body_not_matches_regexp": "write expect: {body: {matches: [REGEX]}}",
            "fail_if_header_matches": "write expect: {headers: {NAME: {not_matches: REGEX}}}",
            "fail_if_header_not_matches": "write expect: {headers: {NAME: {matches: REGEX}}}",
            "follow_redirects": "write redirects: 0 to follow none",
            "no_follow_redirects": "write redirects: 0 to follow none",
            "tls_config": "write tls",
            "basic_auth": "write auth: {basic: {username: …, password: …}}",
            "bearer_token": "write auth: {bearer: …}",
            "authorization": "write auth: {bearer: …}",
            "proxy_url": "write proxy",
            "body_size_limit": "write max_body",
            "enable_http2": "write http2",
        },
        "tcp": {
            **_IP,
            "query_response": "write dialogue",
            "tls_config": "write tls",
            "host": "write address: host:port",
            "port": "write address: host:port",
        },
        "journey": {
            "record_har_path": "write evidence: always under journey, which keeps a HAR",
            "record_video_dir": "write evidence: always under journey, which keeps a trace",
            "base_url": "write it under journey",
            "default_browser_type": "leave it out, journeys run in Chromium",
            "throttling": "write network: slow-4g",
        },
    }
)


def of_check(key: str) -> str | None:
    """For a key that stands in a check and is none of its own."""
    kinds = [one.kind for one in KINDS if key in shape.known(one, (one.kind,))]
    return f"write it under {' or '.join(kinds)}" if kinds else None


def of_kind(model: type[BaseModel], place: Path, key: str) -> str | None:
    """For a key at `place` in a check, below the key of its kind."""
    if not issubclass(model, Check) or not place:
        return None
    if place[0] != model.kind:
        return None
    if key in Check.model_fields and key != "name":
        return f"write it beside {model.kind}, not under it"
    if said := _OTHERS.get(model.kind, {}).get(key):
        return said
    there = next((one for one in _sections(model) if key in shape.known(model, one)), None)
    return f"write it under {'.'.join(map(str, there[1:]))}" if there else None


def _sections(model: type[Check]) -> Iterator[Path]:
    """The places below a kind that have keys of their own, the shorter ones first."""
    outer = [(model.kind, key) for key in shape.known(model, (model.kind,))]
    yield from outer
    for place in outer:
        for key in shape.known(model, place):
            yield (*place, key)
