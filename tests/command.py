"""The `prober` command in this very process: what it prints, and its exit code.

A process of its own takes a second to import everything. Where the process
matters (its signals, its pipes, its end), tests start one.
"""

from __future__ import annotations

import io
import logging
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from prober import cli

HEEDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def prober(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    out: TextIO | None = None,
) -> Done:
    """Runs it in `folder`; `env` is added to the environment, `out` is instead of what is returned."""
    said, err = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        stack.enter_context(_put_back(env or {}))
        stack.enter_context(redirect_stdout(out or said))
        stack.enter_context(redirect_stderr(err))
        ended = stack.enter_context(pytest.raises(SystemExit))
        cli.main(arguments)
    code = ended.value.code
    assert isinstance(code, int)
    return Done(code, said.getvalue(), err.getvalue())


@contextmanager
def _put_back(env: Mapping[str, str]) -> Iterator[None]:
    """What a command changes of its process, and need not care about since that ends with it."""
    root = logging.getLogger()
    known = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    levels = [(one, one.level) for one in (root, *known)]
    handlers, root.handlers = root.handlers, []
    heard = [(number, signal.getsignal(number)) for number in HEEDED]
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            yield
    finally:
        root.handlers = handlers
        for one, level in levels:
            one.setLevel(level)
        for number, handler in heard:
            signal.signal(number, handler)
