"""Is there the program that a `command` runs? Here at least: the agent may run elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from prober.config.desk import Desk
from prober.notify import AnyNotifier
from prober.notify.command import CommandNotifier


def look_at_programs(desk: Desk, notifiers: Mapping[str, AnyNotifier]) -> None:
    """Only odd: a config is also looked at on machines that do not run it."""
    for name, notifier in notifiers.items():
        if not isinstance(notifier, CommandNotifier):
            continue
        program = notifier.command.argv[0]
        if shutil.which(program) is None:
            said = f"there is no program {program!r} on this machine that can be run"
            desk.report.warn(("notifiers", name, "command", "argv"), said)
