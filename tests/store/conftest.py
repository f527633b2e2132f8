from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain

import pytest

from prober.store import file


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty file of today's schema, in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in chain(*file.MIGRATIONS):
            connection.execute(statement)
        yield connection
