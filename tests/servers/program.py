"""A real program beside the test, for as long as it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def program(folder: Path, *command: str) -> AsyncIterator[None]:
    """Runs in `folder`; what it says is in programs.log there. Whether it is ready is to be asked."""
    with (folder / "programs.log").open("a") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
