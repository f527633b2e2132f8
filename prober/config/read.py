"""From a path to a whole config: read, compose, build; all mistakes in one error."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from prober.config import source
from prober.config.build import build
from prober.config.compose import Composer
from prober.config.desk import Desk
from prober.config.fill import Files, Filler
from prober.config.hidden import Hidden
from prober.config.model import Loaded
from prober.config.report import Report
from prober.config.tree import Tree
from prober.config.values import Values
from prober.errors import ConfigError
from prober.secret import Scrubber


def read_config(
    path: str | PathLike[str], env: Mapping[str, str] | None, *, allow_unset: bool
) -> Loaded:
    with _no_collection():
        return _read(str(path), os.environ if env is None else env, allow_unset=allow_unset)


def _read(shown: str, env: Mapping[str, str], *, allow_unset: bool) -> Loaded:
    path = Path(shown).absolute()
    data, text = source.read(path, shown)
    files, found, tree = Files(path.parent), Hidden(), Tree(shown)
    files.hashes[str(path)] = hashlib.sha256(data).hexdigest()
    composer = Composer(tree, Values(tree, Filler(env, files), found, allow_unset))
    try:
        composer.compose(source.events(text, shown))
    except ConfigError as error:
        raise _scrubbed(error, composer, found) from None
    scrub = Scrubber(found.values)
    report = Report(tree, scrub)
    report.add(composer.problems, composer.warnings)
    config = build(Desk(tree, report, files, env), scrub)
    if report.problems:
        raise ConfigError(report.problems)
    return Loaded(config, report.warnings)


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
