"""Shared by the tests of config: write a text to a file and load it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from prober.config import Loaded, load
from prober.errors import ConfigError

NOTHING_SET: Mapping[str, str] = {}


def loaded(
    folder: Path, text: str, env: Mapping[str, str] = NOTHING_SET, *, allow_unset: bool = False
) -> Loaded:
    path = folder / "config.yaml"
    path.write_text(text)
    return load(path, env, allow_unset=allow_unset)


def refused(
    folder: Path, text: str, env: Mapping[str, str] = NOTHING_SET, *, allow_unset: bool = False
) -> list[str]:
    """The problems, without the folder."""
    with pytest.raises(ConfigError) as error:
        loaded(folder, text, env, allow_unset=allow_unset)
    return [str(problem).replace(f"{folder}/", "") for problem in error.value.problems]


def warned(folder: Path, text: str, env: Mapping[str, str] = NOTHING_SET) -> list[str]:
    warnings = loaded(folder, text, env).warnings
    return [str(warning).replace(f"{folder}/", "") for warning in warnings]
