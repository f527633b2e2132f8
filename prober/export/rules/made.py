"""What are the rules made of, before they are text? Prometheus' own words for it.

https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Record:
    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`lasting` is its `for`, `keep` its `keep_firing_for`, in seconds."""

    alert: str
    expr: str
    lasting: float = 0.0
    keep: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after another, every `every` seconds."""

    name: str
    every: float
    rules: tuple[Record | Alert, ...]


class Inhibition(NamedTuple):
    """While something matches `source`, nobody is told of what matches `target` and is `equal`."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    equal: tuple[str, ...] = ()


class Generated(NamedTuple):
    """`notes` are what whoever loads the rules has to know, a sentence each."""

    groups: tuple[Group, ...]
    inhibitions: tuple[Inhibition, ...]
    notes: tuple[str, ...]
