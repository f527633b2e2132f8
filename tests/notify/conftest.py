"""What tests of all notifiers need."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from prober.notify import post


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with post.client() as one:
        yield one
