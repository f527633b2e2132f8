"""The real shop on a free port, and somebody who visits it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.demo.visiting import Guest, visiting


@pytest_asyncio.fixture
async def guest() -> AsyncIterator[Guest]:
    async with visiting() as guest:
        yield guest
