from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kill.nursery import Nursery, nursery


@pytest.fixture(scope="session")
def agents() -> Iterator[Nursery]:
    with nursery() as one:
        yield one
