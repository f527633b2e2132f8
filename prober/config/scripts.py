"""What is to be said of the scripts that a config names: of each, and of what it is given?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prober.config import listing
from prober.config.desk import Desk, Naming
from prober.config.listing import Fit, Need, Unfit
from prober.config.reach import lacking_step
from prober.config.tree import Path as Place
from prober.journey.needs import lacking
from prober.journey.totp import NoSeed, Seed
from prober.probes.journey_settings import Script


def look_into(desk: Desk, heard: Callable[[], None], timeout: float) -> None:
    """A mistake in one is told with its own file and line, and who names it."""
    found = listing.looked(desk.scripts, heard, timeout=timeout)
    fits: dict[Place, Fit] = {}  # by the place of the check
    _tell_unfit(desk, {script: one for script, one in found.items() if isinstance(one, Unfit)})
    for script, named in desk.scripts.items():
        one = found[script]
        fit = one if isinstance(one, Fit) else one.would_be
        if fit is None:
            continue
        for naming in named:
            for need, message in _lacks(desk, fit, naming):
                desk.report.other(_shown(desk, fit.file), need.line, naming.place, message)
            if fit is one:
                fits[naming.options[:-1]] = fit
                _warn(desk, fit, naming)
    desk.reach.warn(desk.report, fits)


def _warn(desk: Desk, fit: Fit, naming: Naming) -> None:
    for name, message in _misspelt(fit, naming):
        desk.report.warn((*naming.options, "budgets", "steps", name), message)
    if fit.naps and naming.holds_requests:
        desk.report.warn(naming.place, _napping(fit, _shown(desk, fit.file)))


def _tell_unfit(desk: Desk, unfit: Mapping[Script, Unfit]) -> None:
    first: dict[Unfit, Naming] = {}  # who names it
    for script, named in desk.scripts.items():
        if script in unfit:
            for wrong in (unfit[script], *unfit[script].besides):
                first.setdefault(wrong._replace(besides=(), would_be=None), named[0])
    for wrong, naming in first.items():
        desk.report.other(_shown(desk, wrong.file), wrong.line, naming.place, wrong.message)


def _shown(desk: Desk, file: str) -> str:
    """As it is written: from where the user stands."""
    path, base = Path(file), desk.files.base
    if path.is_relative_to(base):
        path = Path(desk.tree.file).parent / path.relative_to(base)
    return str(path)


def _napping(fit: Fit, file: str) -> str:
    said = f"{fit.function} calls time.sleep() ({file}:{fit.naps[0]})"
    right = f"use {'await ' if fit.is_async else ''}page.wait_for_timeout()"
    return f"{said}, which holds up the page's own requests too; {right}"


def _misspelt(fit: Fit, naming: Naming) -> Iterator[tuple[str, str]]:
    """Steps with a budget that nobody will ever take."""
    steps = (naming.values("budgets") or {}).get("steps")
    for name in steps if isinstance(steps, dict) else ():
        if said := lacking_step(fit, name):
            yield name, said


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
