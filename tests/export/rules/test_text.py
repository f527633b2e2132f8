from __future__ import annotations

from pathlib import Path

import yaml

from prober import __version__
from prober.export.rules import text
from prober.export.rules.made import Alert, Generated, Group, Inhibition, Record
from tests.export.rules.fleet import scene
from tests.promtool import check_rules

MADE = Generated(
    groups=(
        Group(
            "g",
            0.5,
            (
                Record("a:b:c", "up\nor down", {"x": 'quoted "é"'}),
                Alert(alert="A", expr="up == 0", lasting=90.0, keep=0.25, labels={"a": "no"}),
                Alert(alert="B", expr="up == 1"),
            ),
        ),
    ),
    inhibitions=(Inhibition(('a="b"',), ('c=~"d|e"',), ("f",)), Inhibition(("x=y",), ("z=w",))),
    notes=("one\x07 note\nin two lines",),
)


def test_the_file_is_what_was_made_and_says_of_what() -> None:
    written = text.rules(MADE, scene(source="a\nb.yaml"))

    assert written.splitlines()[:4] == [
        f"# Prometheus' rules, made by `prober rules` {__version__} from a b.yaml;",
        "# edit that and make them anew: what is changed here is lost.",
        "# Regions: eu, us, ap",
        "# Note: one note in two lines",
    ]
    assert yaml.safe_load(written) == {
        "groups": [
            {
                "name": "g",
                "interval": "500ms",
                "rules": [
                    {"record": "a:b:c", "expr": "up\nor down", "labels": {"x": 'quoted "é"'}},
                    {
                        "alert": "A",
                        "expr": "up == 0",
                        "for": "1m30s",
                        "keep_firing_for": "250ms",
                        "labels": {"a": "no"},
                    },
                    {"alert": "B", "expr": "up == 1"},
                ],
            }
        ]
    }


def test_an_expression_stands_as_it_is_read() -> None:
    lines = text.rules(MADE, scene()).splitlines()
    first = lines.index("    expr: |-")

    assert lines[first + 1 : first + 3] == ["      up", "      or down"]


def test_prometheus_takes_it(tmp_path: Path) -> None:
    written = text.rules(MADE, scene())
    check_rules(tmp_path, written)

    assert "\x07" not in written


def test_inhibitions_are_a_block_of_alertmanagers_config() -> None:
    written = text.inhibitions(MADE, scene())

    assert written.startswith("# Alertmanager's inhibitions, made by")
    assert yaml.safe_load(written) == {
        "inhibit_rules": [
            {"source_matchers": ['a="b"'], "target_matchers": ['c=~"d|e"'], "equal": ["f"]},
            {"source_matchers": ["x=y"], "target_matchers": ["z=w"]},
        ]
    }
