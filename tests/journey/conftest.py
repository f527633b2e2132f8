from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from prober.journey import MARKED


@pytest.fixture(autouse=True)
def nothing_stays_imported() -> Iterator[None]:
    path, modules, marked = list(sys.path), set(sys.modules), list(MARKED)
    yield
    sys.path[:], MARKED[:] = path, marked
    for name in set(sys.modules) - modules:
        del sys.modules[name]
