"""Objectives load, and what is odd about one is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.config.difference import difference
from prober.config.schema import schema
from tests.config.loading import loaded, warned

HEAD = """
agent: {region: eu, notify: never}
regions: [eu, us]
checks:
  - {name: a, tcp: "h:1", labels: {team: x}}
  - {name: b, tcp: "h:1", interval: 60s, timeout: 3s}
  - {name: c, tcp: "h:1", interval: 20h}
"""


def promised(more: str) -> str:
    return f"{HEAD}slos: [{more}]\n"


def test_objectives_are_in_the_config_in_their_order(tmp_path: Path) -> None:
    text = promised(
        "{name: up, availability: 99.9%},"
        "{name: fast, match: {labels: {team: x}}, latency: {under: 700ms, ratio: 0.95}, window: 7d}"
    )

    up, fast = loaded(tmp_path, text).config.slos

    assert (up.name, up.latency, up.window) == ("up", None, 30 * 86400)
    assert up.objective == pytest.approx(0.999)
    assert fast.latency
    assert (fast.latency.ratio, fast.window) == (0.95, 7 * 86400)
    assert fast.latency.under == pytest.approx(0.7)
    assert fast.match.labels == {"team": ("x",)}


@pytest.mark.parametrize("empty", ["", "slos:", "slos: []"])
def test_without_any_there_are_none(tmp_path: Path, empty: str) -> None:
    assert loaded(tmp_path, HEAD + empty).config.slos == ()


async def test_a_changed_objective_touches_no_check(tmp_path: Path) -> None:
    old = loaded(tmp_path, promised("{name: up, availability: 99.9%}")).config
    new = loaded(tmp_path, promised("{name: up, availability: 99.5%}")).config

    found = await difference(old, new)

    assert (found.changed, found.others) == ((), ("slos",))


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        ("match: {checks: gone}, availability: 99%", "slos[0].match.checks: 'gone' can never match; there is none"),
        ("match: {regions: ap}, availability: 99%", "slos[0].match.regions: 'ap' can never match; there is none"),
        ("match: {labels: {team: y}}, availability: 99%", "slos[0].match: no check has all of this; nothing is promised of any"),
        ("match: {checks: b}, latency: {under: 5s, ratio: 95%}", "slos[0].latency.under: 5 s is longer than the timeout of b: no run can break it"),
        ("match: {checks: a}, window: 90d, availability: 50%", "slos[0]: nobody is told when its budget burns, but shown what is left of it: a; too few runs, or too large a budget"),
        ("match: {checks: [a, c]}, availability: 99%", "slos[0]: nobody is told when its budget burns, but shown what is left of it: c; too few runs, or too large a budget"),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_is_a_warning(tmp_path: Path, more: str, warning: str) -> None:
    text = promised(f"{{name: up, {more}}}")

    assert [one.partition(": ")[2] for one in warned(tmp_path, text)] == [warning]


def test_what_is_promised_of_another_region_is_meant(tmp_path: Path) -> None:
    text = promised("{name: up, match: {checks: a, regions: us}, availability: 99%}")

    assert warned(tmp_path, text) == []


def test_many_latencies_of_one_check_are_a_warning(tmp_path: Path) -> None:
    each = "{{name: s{0}, match: {{checks: a}}, latency: {{under: {0}ms, ratio: 95%}}}}"
    five = ",".join(each.format(ms) for ms in (100, 110, 120, 130, 140, 150))
    six = ",".join((five, each.format(160)))

    assert warned(tmp_path, promised(five)) == []
    [said] = warned(tmp_path, promised(six))
    assert said.endswith("slos: 6 different latencies are promised of a: each is a series more")


def test_an_editor_knows_them() -> None:
    definitions = schema()["$defs"]
    assert isinstance(definitions, dict)

    slo, latency = definitions["Slo"], definitions["Latency"]

    assert slo["required"] == ["name"]
    assert sorted(latency["required"]) == ["ratio", "under"]
    for one in (slo, latency):
        assert all(field.get("description") for field in one["properties"].values())
