"""What does a config mean for Prometheus, Alertmanager and Grafana? Their own files, made of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from prober.errors import StartError
from prober.stdout import say

if TYPE_CHECKING:  # a generic at type checking only
    from prober.export.scene import Scene

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

Make: TypeAlias = Callable[
    ["Commands", str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser
]
RULES, INHIBITIONS = "prober-rules.yml", "prober-inhibit.yml"
DASHBOARDS = Path("dashboards")


def add_commands(commands: Commands, make: Make) -> None:
    """`make` makes one that knows of the config."""
    rules = make(commands, "rules", _rules, "Prometheus rules of all regions, from the config")
    about = "the inhibition rules for Alertmanager instead"
    rules.add_argument("--alertmanager", action="store_true", help=about)
    about = f"write {RULES} and {INHIBITIONS} there instead"
    rules.add_argument("-o", dest="folder", type=Path, metavar="DIR", help=about)
    about = "Grafana dashboards of what the agents export"
    dashboards = make(commands, "dashboards", _dashboards, about)
    about = "where they are written; default: %(default)s"
    dashboards.add_argument(
        "-o", dest="folder", type=Path, default=DASHBOARDS, metavar="DIR", help=about
    )


def _rules(options: argparse.Namespace) -> int:
    from prober.export.rules import text
    from prober.export.rules.whole import generated

    scene = _scene(options)
    made = generated(scene)
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    rules, inhibitions = text.rules(made, scene), text.inhibitions(made, scene)
    if options.folder is not None:
        _write(options.folder, {RULES: rules, INHIBITIONS: inhibitions})
    else:
        say((inhibitions if options.alertmanager else rules).rstrip("\n"))
    return 0


def _dashboards(options: argparse.Namespace) -> int:
    from prober.export.dashboards.whole import dashboards

    made = dashboards(_scene(options))
    files = {name: json.dumps(one, indent=2) + "\n" for name, one in made.items()}
    _write(options.folder, files)
    say(f"{len(files)} dashboards are in {options.folder}")
    return 0


def _scene(options: argparse.Namespace) -> Scene:
    from prober import config
    from prober.config.scene import scene

    # A check with a variable that is not set may be no check at all, and nobody would be told of it.
    loaded = config.load(options.config, os.environ, allow_broken=True)
    return scene(loaded.config, options.config.name)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Raises StartError where they cannot be written; what is there is never half a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            fresh = folder / f".{name}.new"
            try:
                fresh.write_text(text, encoding="utf-8")
                fresh.replace(folder / name)
            finally:
                fresh.unlink(missing_ok=True)
    except OSError as error:
        raise StartError(f"cannot write to {folder}: {error.strerror or error}") from None
