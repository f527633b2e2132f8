"""The config file, as the rest of the agent gets it: everything right, or every mistake at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from os import PathLike

from prober.config.model import Config, Loaded
from prober.config.read import Allowed, read_config

__all__ = ["Config", "Loaded", "load"]


def load(
    path: str | PathLike[str],
    env: Mapping[str, str] | None = None,
    *,
    allow_unset: bool = False,
    allow_broken: bool = False,
    only: Collection[str] | None = None,
) -> Loaded:
    """The config at `path`; `env` (default: the process's) fills in its `${…}`.

    Raises ConfigError with every problem. With `allow_unset` a reference that
    cannot be filled in is not a problem, and what depends on it is left out.
    With `allow_broken` neither is a journey that cannot be imported: it is in
    `Loaded.broken`, and its check is in the config as if nothing were wrong.
    With `only`, no script is looked into but those of the checks so named.
    """
    return read_config(path, env, Allowed(allow_unset, allow_broken, only))
