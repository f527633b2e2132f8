"""The process that judges what takes long: answers in over stdin, judgements out over stdout.

First it says which version it is. It ends when the agent is gone, and by itself
where a judgement goes on long after the agent has stopped waiting for it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from prober import __version__
from prober.probes.answer import Answer
from prober.probes.judging import LENGTH
from prober.probes.look import Look, see

_FORGOTTEN = 15  # seconds after which nobody can be waiting for a judgement
_NICE = 10  # measuring comes first


def main(source: BinaryIO, out: BinaryIO) -> None:
    """Two frames a judgement: a pickle of everything but the body, and the body."""
    os.nice(_NICE)
    signal.signal(
        signal.SIGALRM, signal.SIG_DFL
    )  # an agent that was started to ignore it passes that on
    _write(out, __version__.encode())
    while (head := _frame(source)) is not None and (body := _frame(source)) is not None:
        asked: tuple[Look, Answer] = pickle.loads(head)  # noqa: S301 - from the agent itself
        look, answer = asked
        signal.alarm(_FORGOTTEN)
        seen = see(look, replace(answer, body=body))
        signal.alarm(0)
        _write(out, pickle.dumps(seen, pickle.HIGHEST_PROTOCOL))


def _frame(source: BinaryIO) -> bytes | None:
    length = source.read(LENGTH)
    return source.read(int.from_bytes(length)) if length else None


def _write(out: BinaryIO, frame: bytes) -> None:
    out.write(len(frame).to_bytes(LENGTH))
    out.write(frame)
    out.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):  # nobody waits for it any more
        main(sys.stdin.buffer, sys.stdout.buffer)
