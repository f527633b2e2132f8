"""What does a client want? The headers Accept and Accept-Encoding, read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 is asked for by name and not liked less than plain text."""
    openmetrics = plain = 0.0
    for name, options in _items(accept):
        if name == "application/openmetrics-text" and options.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, _weight(options))
        elif name == "text/plain":
            plain = max(plain, _weight(options))
    return openmetrics > 0 and openmetrics >= plain


def quality(header: str, wanted: str) -> float:
    """How much `wanted` is liked, from 0 to 1; 0 where it is not named, nor `*`."""
    weights = {name: _weight(options) for name, options in _items(header)}
    return weights.get(wanted, weights.get("*", 0.0))


def _items(header: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for item in header.lower().split(","):
        name, *rest = (part.strip() for part in item.split(";"))
        pairs = (part.partition("=") for part in rest)
        yield name, {key.strip(): value.strip(' "') for key, _, value in pairs}


def _weight(options: Mapping[str, str]) -> float:
    try:
        return float(options.get("q", "1"))
    except ValueError:
        return 0.0
