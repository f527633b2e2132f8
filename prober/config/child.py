"""How is a big config loaded without holding up the loop that probes? In a process of its own.

The child sends frames over its stdout, each with its length in 8 bytes before
it: first which program it is, in plain bytes; an empty one for every script
that was looked into; then pickles: the problems; if there are none,
everything but the checks and how many batches of checks follow; then these.
The parent turns to its other work between two.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import pickle
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import prober
from prober.config.model import Loaded
from prober.config.read import Allowed, read_config
from prober.config.shard import own
from prober.errors import ConfigError, Problem
from prober.probes import AnyCheck

TIMEOUT = 60.0  # seconds to read it, or from one script of its journeys to the next
BATCH = 100  # checks that are unpickled in one go: about 5 ms on a busy machine
_LENGTH = 8  # bytes
_WORKING = b""


def _program() -> bytes:
    """Tells this program from what may have been installed over it while it ran.

    A pickle of other classes may well be readable, and put every value into
    the wrong field.
    """
    digest = hashlib.sha256(sys.version.encode())
    package = Path(prober.__file__).parent
    for file in sorted(package.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


PROGRAM = _program()  # as it was when it was imported


async def load_in_child(
    path: str | PathLike[str], env: Mapping[str, str], *, timeout: float = TIMEOUT
) -> Loaded:
    """As `load`, with the agent's own checks alone. Raises ConfigError also where the child came to nothing."""
    shown = str(path)
    try:
        async with asyncio.timeout(timeout) as limit, _child(shown, env) as stream:
            return await _received(stream, shown, lambda: _put_off(limit, timeout))
    except TimeoutError:
        raise _came_to_nothing(shown, f"not read within {timeout:g} s") from None
    except OSError as error:
        said = f"no process to read it in: {(error.strerror or str(error)).lower()}"
        raise _came_to_nothing(shown, said) from error
    except asyncio.IncompleteReadError as error:
        raise _came_to_nothing(shown, "the process that reads it ended early") from error


@asynccontextmanager
async def _child(shown: str, env: Mapping[str, str]) -> AsyncIterator[asyncio.StreamReader]:
    """What the child says; it is gone at the end, whatever happened, and its files with it."""
    with TemporaryDirectory(prefix="prober-reload-", ignore_cleanup_errors=True) as folder:
        async with _process(shown, env, folder) as stream:
            yield stream


@asynccontextmanager
async def _process(
    shown: str, env: Mapping[str, str], folder: str
) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prober.config.child", shown, folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=dict(env),
        start_new_session=True,  # a Ctrl-C at the terminal is for the agent
    )
    stream = process.stdout or asyncio.StreamReader()
    try:
        yield stream
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # whoever looks into a script for it too
        await stream.read()  # to the end, so that the pipe is closed
        await process.wait()


def _put_off(limit: asyncio.Timeout, timeout: float) -> None:
    limit.reschedule(asyncio.get_running_loop().time() + timeout)


async def _received(
    stream: asyncio.StreamReader, shown: str, still_there: Callable[[], None]
) -> Loaded:
    if await _frame(stream) != PROGRAM:
        said = "the program was replaced since the agent started; restart the agent"
        raise ConfigError([Problem(shown, 0, "", said)])
    while (frame := await _frame(stream)) == _WORKING:
        still_there()
    problems: tuple[Problem, ...] = pickle.loads(frame)  # noqa: S301 - our own child
    if problems:
        raise ConfigError(problems)
    head: tuple[Loaded, int] = pickle.loads(await _frame(stream))  # noqa: S301 - our own child
    loaded, batches = head
    checks: list[AnyCheck] = []
    with _not_for_the_collector():
        for _ in range(batches):
            checks += pickle.loads(await _frame(stream))  # noqa: S301 - our own child
            await asyncio.sleep(0)
    config = loaded.config.model_copy(update={"checks": tuple(checks)})
    return loaded._replace(config=config)


@contextmanager
def _not_for_the_collector() -> Iterator[None]:
    """Keeps what is made here out of full collections, for good.

    10,000 checks live until the next reload and hold no cycles; looking
    through them would stall the loop by 100 ms again and again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _frame(stream: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await stream.readexactly(_LENGTH))
    return await stream.readexactly(length)


def _came_to_nothing(shown: str, said: str) -> ConfigError:
    return ConfigError([Problem(shown, 0, "", f"{said}; try again")])


def main(arguments: Sequence[str], out: BinaryIO) -> None:
    """The child: loads the config that is named first, and says what came of it.

    The second argument is its folder for temporary files: not TMPDIR, which
    the config may refer to.
    """
    gc.disable()  # it ends before there is garbage worth the search
    shown, tempfile.tempdir = arguments
    _write(out, PROGRAM)
    try:
        loaded = read_config(shown, os.environ, Allowed(), lambda: _write(out, _WORKING))
    except ConfigError as error:
        _send(out, error.problems)
        return
    except Exception as error:  # noqa: BLE001 - the child's top level: the parent says what happened
        said = f"cannot be read for a fault of ours: {type(error).__name__}"
        _send(out, (Problem(shown, 0, "", said),))
        return
    config = own(loaded.config)
    starts = range(0, len(config.checks), BATCH)
    _send(out, ())
    _send(out, (loaded._replace(config=config.model_copy(update={"checks": ()})), len(starts)))
    for start in starts:
        _send(out, config.checks[start : start + BATCH])


def _send(out: BinaryIO, value: object) -> None:
    _write(out, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def _write(out: BinaryIO, frame: bytes) -> None:
    out.write(len(frame).to_bytes(_LENGTH))
    out.write(frame)
    out.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # nobody waits for it any more
        main(sys.argv[1:], sys.stdout.buffer)
