"""How are the rules written into the files that Prometheus and Alertmanager read?"""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from yaml import ScalarNode

try:
    from yaml import CSafeDumper as _Dumper
except ImportError:  # PyYAML built without libyaml: the same, slower
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment] # either has what is asked of it

from prober import __version__
from prober.export.rules.made import Alert, Generated, Group, Inhibition, Record
from prober.export.rules.promql import duration
from prober.export.scene import Scene

_WIDE = 1_000_000_000  # characters a line may have: none is broken but where it has a break


class _Blocks(_Dumper):
    """Texts of several lines stand as they are read."""


def _text(dumper: _Blocks, text: str) -> ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Blocks.add_representer(str, _text)


def rules(made: Generated, scene: Scene) -> str:
    """A rules file of Prometheus, which says in its head what it was made of."""
    groups = [_group(group) for group in made.groups]
    return _head(made, scene, "Prometheus' rules") + _written({"groups": groups})


def inhibitions(made: Generated, scene: Scene) -> str:
    """The block `inhibit_rules:` of Alertmanager's config."""
    block = [_inhibition(one) for one in made.inhibitions]
    return _head(made, scene, "Alertmanager's inhibitions") + _written({"inhibit_rules": block})


def _head(made: Generated, scene: Scene, what: str) -> str:
    lines = [
        f"{what}, made by `prober rules` {__version__} from {_line(scene.source)};",
        "edit that and make them anew: what is changed here is lost.",
        f"Regions: {', '.join(map(_line, scene.regions))}",
        *(f"Note: {_line(note)}" for note in made.notes),
    ]
    return "".join(f"# {line}\n" for line in lines)


def _line(text: str) -> str:
    """Without what would end a comment, or must not be in one."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _written(document: Mapping[str, object]) -> str:
    return yaml.dump(document, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=_WIDE)


def _group(group: Group) -> Mapping[str, object]:
    made = [_record(one) if isinstance(one, Record) else _alert(one) for one in group.rules]
    return {"name": group.name, "interval": duration(group.every), "rules": made}


def _record(one: Record) -> Mapping[str, object]:
    return _given({"record": one.record, "expr": one.expr, "labels": dict(one.labels)})


def _alert(one: Alert) -> Mapping[str, object]:
    return _given(
        {
            "alert": one.alert,
            "expr": one.expr,
            "for": one.lasting and duration(one.lasting),
            "keep_firing_for": one.keep and duration(one.keep),
            "labels": dict(one.labels),
            "annotations": dict(one.annotations),
        }
    )


def _given(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Those that say something."""
    return {name: value for name, value in fields.items() if value}


def _inhibition(one: Inhibition) -> Mapping[str, object]:
    return _given(
        {
            "source_matchers": list(one.source),
            "target_matchers": list(one.target),
            "equal": list(one.equal),
        }
    )
