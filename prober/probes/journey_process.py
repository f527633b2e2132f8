"""The process of one journey, seen from the agent: what it is told, what it says, how it ends.

Its three pipes are read on the loop, a little at a time: a script that prints
without end is held up by its own pipe, not the agent by the script.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from prober.clock import Clock
from prober.journey.events import LONGEST, Order, line
from prober.probes.journey_story import Story
from prober.probes.pipes import PIECE, Lines, Output, Tap
from prober.wire.failure import OwnFault

POLL = 0.05  # seconds between two looks whether the process has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What it takes to start the process."""

    command: Sequence[str]  # the number of the pipe for events comes after it
    order: Order
    env: Mapping[str, str]
    folder: Path
    echo: Callable[[bytes], None] | None = None  # gets what it prints, as it comes


class JourneyProcess:
    """Started when made; tells `story`. Raises OwnFault where no process can be started."""

    def __init__(self, start: Start, clock: Clock, story: Story) -> None:
        self.story = story
        self.output = Output()
        self._echo = start.echo
        self._clock = clock
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._popen, events = _started(start)
        self._in = _unblocked(self._popen.stdin)
        lines = Lines(self._hear, self._garbled, LONGEST)
        self._taps = [
            Tap(events, lines.feed, self._closed),
            Tap(_unblocked(self._popen.stdout), self._print, lambda: None),
        ]
        self._to_write = bytearray(line(start.order))
        self._write()
        self._poll_handle: asyncio.Handle = self._loop.call_later(POLL, self._poll)
        self.is_silent = False  # it has closed its end of the pipe for events

    @property
    def code(self) -> int | None:
        return self._popen.returncode

    @property
    def pid(self) -> int | None:
        """None once it has been waited for: then the number may be another's."""
        return self._popen.pid if self._popen.returncode is None else None

    async def until(self, moment: float, holds: Callable[[], bool]) -> bool:
        """Whether it holds; returns at `moment` at the latest, and when the process has ended."""
        timer = self._loop.call_at(moment, self._news.set)
        try:
            while not holds() and self.code is None and self._clock.monotonic() < moment:
                self._news.clear()
                await self._news.wait()
        finally:
            timer.cancel()
        if not holds():
            self.catch_up()  # we may be late, and it on time
        return holds()

    def wake(self) -> None:
        """Has who waits in `until` look again."""
        self._news.set()

    def catch_up(self) -> None:
        """Takes what it has said by now."""
        for tap in self._taps:
            tap.drain()

    def go(self) -> None:
        """The journey is due."""
        self._to_write += b"\n"
        self._write()

    def time_is_up(self) -> None:
        self._popen.send_signal(signal.SIGUSR1)

    def leave_alone(self) -> None:
        """From now on its pid stays its own, even if it dies, until `close`."""
        self._poll_handle.cancel()

    def close(self) -> None:
        """It is dead, or not ours to wait for any longer: takes what it left in its pipes."""
        self._poll_handle.cancel()
        self._popen.poll()
        self.catch_up()
        for tap in self._taps:
            tap.close()
        self._taps.clear()  # they know us
        self._close_in()

    def _poll(self) -> None:
        if self._popen.poll() is not None:
            self.catch_up()
            self._news.set()
        else:
            self._poll_handle = self._loop.call_later(POLL, self._poll)

    def _hear(self, said: bytes) -> None:
        self.story.hear(said, self._clock.monotonic())
        self._news.set()

    def _print(self, data: bytes) -> None:
        self.output.feed(data)
        if self._echo is not None:
            self._echo(data)

    def _garbled(self) -> None:
        if not self.story.is_over:
            self.story.fault = f"said a line of over {LONGEST >> 20} MiB"
        self._news.set()

    def _closed(self) -> None:
        self.is_silent = True
        self._news.set()

    def _write(self) -> None:
        if self._in.closed:
            return
        self._loop.remove_writer(self._in)
        try:
            while self._to_write:
                del self._to_write[: os.write(self._in.fileno(), self._to_write[:PIECE])]
        except BlockingIOError:
            self._loop.add_writer(self._in, self._write)
        except OSError:  # it has ended, which is noticed elsewhere
            self._close_in()

    def _close_in(self) -> None:
        if not self._in.closed:
            self._loop.remove_writer(self._in)
            with suppress(OSError):
                self._in.close()


def _started(start: Start) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """On the loop, as its parent has to live as long as the agent: it dies with that thread.

    It takes half a millisecond: nothing is copied, since no code of ours runs in between.
    """
    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise _no_process(error) from error
    try:
        popen = subprocess.Popen(  # noqa: S603 - our own module
            [*start.command, str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            bufsize=0,
            cwd=start.folder,
            env=dict(start.env),
            start_new_session=True,  # a Ctrl-C at the terminal is for the agent
        )
    except OSError as error:
        os.close(reading)
        raise _no_process(error) from error
    finally:
        os.close(writing)
    return popen, _unblocked(os.fdopen(reading, "rb", buffering=0))


def _no_process(error: OSError) -> OwnFault:
    return OwnFault(f"no process for the journey: {(error.strerror or str(error)).lower()}")


def _unblocked(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - it was asked for
    os.set_blocking(pipe.fileno(), False)
    return pipe
