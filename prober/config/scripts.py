"""What is to be said of the scripts that a config names: of each, and of what it is given?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from prober.config import listing
from prober.config.desk import Desk, Naming
from prober.config.listing import Fit, Need, Unfit
from prober.journey.needs import lacking
from prober.journey.totp import NoSeed, Seed
from prober.probes.journey_settings import Script


def look_into(desk: Desk, heard: Callable[[], None], timeout: float) -> None:
    """A mistake in one is told with its own file and line, and who names it."""
    found = listing.looked(desk.scripts, heard, timeout=timeout)
    _tell_unfit(desk, {script: one for script, one in found.items() if isinstance(one, Unfit)})
    for script, named in desk.scripts.items():
        fit = found[script]
        if isinstance(fit, Fit):
            for naming in named:
                for need, message in _lacks(desk, fit, naming):
                    desk.report.other(_shown(desk, fit.file), need.line, naming.place, message)
                for name, message in _misspelt(fit, naming):
                    desk.report.warn((*naming.options, "budgets", "steps", name), message)


def _tell_unfit(desk: Desk, unfit: Mapping[Script, Unfit]) -> None:
    first: dict[Unfit, Naming] = {}  # who names it
    for script, named in desk.scripts.items():
        if script in unfit:
            first.setdefault(unfit[script], named[0])
    for wrong, naming in first.items():
        desk.report.other(_shown(desk, wrong.file), wrong.line, naming.place, wrong.message)


def _shown(desk: Desk, file: str) -> str:
    """As it is written: from where the user stands."""
    path, base = Path(file), desk.files.base
    if path.is_relative_to(base):
        path = Path(desk.tree.file).parent / path.relative_to(base)
    return str(path)


def _misspelt(fit: Fit, naming: Naming) -> Iterator[tuple[str, str]]:
    """Steps with a budget that nobody will ever take; some may have names that are made in a run."""
    steps = (naming.values("budgets") or {}).get("steps")
    for name in steps if isinstance(steps, dict) else ():
        close = get_close_matches(name, fit.steps, 1)
        if close and name not in fit.steps:
            yield name, f"{fit.function} has no such step; did you mean {close[0]!r}?"


def _lacks(desk: Desk, fit: Fit, naming: Naming) -> Iterator[tuple[Need, str]]:
    """What the function takes for granted and this check does not give to it."""
    for need in fit.needs:
        if need.kind == "base_url":
            if not naming.has("base_url"):
                yield need, f"page.goto({need.name!r}) needs a base_url; write it under journey"
            continue
        kind = "params" if need.kind == "params" else "secrets"
        given = naming.values(kind)
        if given is None:  # a mistake of its own
            continue
        if need.name not in given:
            yield need, lacking(kind, need.name, list(given))
        elif need.kind == "totp" and not desk.tree.has_unset((*naming.options, kind, need.name)):
            value = given[need.name]
            if isinstance(value, str) and (wrong := _no_seed(value)):
                yield need, f"secrets.{need.name} {wrong}"


def _no_seed(text: str) -> str:
    try:
        Seed.of(text)
    except NoSeed as error:
        return str(error)
    return ""
