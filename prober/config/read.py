"""From a path to a whole config: read, compose, build; all mistakes in one error."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from prober.config import listing, scripts, source
from prober.config.build import build
from prober.config.compose import Composer
from prober.config.desk import Desk
from prober.config.fill import Files, Filler
from prober.config.hidden import Hidden
from prober.config.include import Reading
from prober.config.model import Loaded
from prober.config.report import Report
from prober.config.tree import Tree
from prober.config.values import Values
from prober.errors import ConfigError
from prober.secret import Scrubber


@dataclass(frozen=True, slots=True)
class Allowed:
    """Mistakes that are none this time: a reference that is not set, a journey that cannot run.

    With `only`, nobody looks into the scripts of other checks than these.
    """

    unset: bool = False
    broken: bool = False
    only: Collection[str] | None = None


def read_config(
    path: str | PathLike[str],
    env: Mapping[str, str] | None,
    allowed: Allowed,
    heard: Callable[[], None] = lambda: None,
) -> Loaded:
    """As `load`; `heard` is called at every script that has been looked into."""
    with _no_collection():
        return _read(str(path), os.environ if env is None else env, allowed, heard)


def _read(
    shown: str, env: Mapping[str, str], allowed: Allowed, heard: Callable[[], None]
) -> Loaded:
    path = Path(shown).absolute()
    data, text = source.read(path, shown)
    files, found, tree = Files(path.parent), Hidden(), Tree(shown)
    files.hashes[str(path)] = hashlib.sha256(data).hexdigest()
    composer = Composer(tree, Values(tree, Filler(env, files), found, allowed.unset))
    try:
        composer.compose(source.events(text, shown))
    except ConfigError as error:
        raise _scrubbed(error, composer, found) from None
    others = Reading(tree, files, env, found, allowed.unset).read()
    scrub = Scrubber(found.values)
    report = Report(tree, scrub)
    report.add([*composer.problems, *others.problems], [*composer.warnings, *others.warnings])
    desk = Desk(tree, report, files, env, allowed.only, others=others)
    config = build(desk, scrub)
    timeout = listing.TIMEOUT_AT_START if allowed.broken else listing.TIMEOUT
    scripts.look_into(desk, heard, timeout)
    if report.problems or (report.elsewhere and not allowed.broken):
        raise ConfigError([*report.problems, *report.elsewhere])
    return Loaded(config, report.warnings, report.elsewhere)


def _scrubbed(error: ConfigError, composer: Composer, found: Hidden) -> ConfigError:
    """The reading ended early; what was found until then is said all the same."""
    report = Report(Tree(error.problems[0].file), Scrubber(found.values))
    report.add([*composer.problems, *error.problems], ())
    return ConfigError(report.problems)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing made here is garbage: collecting on the way takes three times as long as reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
