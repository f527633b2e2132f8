"""Starts the process of a journey as the agent does, and hears what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from pydantic import JsonValue

from prober.journey.events import Ended, Event, Order, Ready, Seen, StepEnded, line, parse
from prober.journey.interrupt import LAST_WORD
from prober.probes import processes
from tests.tools import browser

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1, EXCLUDE other.localhost"
LIMIT = 40.0  # seconds after which a test gives up
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_Kind = TypeVar("_Kind")


@dataclass
class Run:
    """What one process said, and how it ended."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    code: int | None = None
    took: float = 0.0  # seconds from the deadline's signal to the last word
    output: str = ""

    def all(self, kind: type[_Kind]) -> list[_Kind]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ended(self) -> Ended:
        (ended,) = self.all(Ended)
        assert self.events[-1] is ended
        return ended

    @property
    def steps(self) -> dict[str, StepEnded]:
        return {step.name: step for step in self.all(StepEnded)}

    @property
    def visits(self) -> dict[str, Seen]:
        """The last word on each document, by the name of its page."""
        last = {seen.id: seen for seen in self.all(Seen)}
        return {seen.page: seen for seen in last.values()}

    @property
    def kept(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())


def run(
    folder: Path,
    source: str,
    *,
    function: str | None = None,
    base_url: str | None = None,
    params: Mapping[str, JsonValue] | None = None,
    secrets: Mapping[str, str] | None = None,
    hidden: tuple[str, ...] = (),
    deadline_on: str | None = None,
    meddle: Callable[[int], None] = lambda pid: None,
    executable: str | None = None,
    is_due: bool = True,
    **more: object,
) -> Run:
    """Runs a journey; SIGUSR1 comes once the text `deadline_on` is in the author's output.

    `meddle` is called with the process's id just before. `more` is for the order.
    """
    script = folder / "journey.py"
    script.write_text(source)
    it = Run(folder / "run")
    it.folder.mkdir(exist_ok=True)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "prober.journey.child", str(writing)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(writing,),
        env={"PATH": os.defpath, "HOME": str(it.folder), "TMPDIR": str(it.folder)},
        start_new_session=True,
    )
    os.close(writing)
    order = Order(
        check="shop",
        script=str(script),
        function=function,
        base_url=base_url,
        params=params or {},
        secrets=secrets or {},
        hidden=hidden,
        run_id="run-1",
        traceparent=TRACEPARENT,
        first_party=(origin(base_url),) if base_url else (),
        timeout=20,
        folder=str(it.folder),
        executable=executable or browser(),
        sandbox=False,
        arguments=(OFFLINE,),
    ).model_copy(update=more)
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.start()
    stop = threading.Thread(target=_listen, args=(process, it, deadline_on, meddle))
    stop.start()
    try:
        assert process.stdin
        process.stdin.write(line(order))
        process.stdin.flush()
        _hear(reading, process, it, is_due)
        it.code = process.wait()
    finally:
        watchdog.cancel()
        processes.end(it.folder, process.pid if process.poll() is None else None)
        process.wait()
        stop.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    return it


def origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def _hear(reading: int, process: subprocess.Popen[bytes], it: Run, is_due: bool) -> None:
    with os.fdopen(reading, "rb") as pipe:
        for said in pipe:
            event = parse(said)
            it.events.append(event)
            if isinstance(event, Ready) and process.stdin:
                if is_due:
                    process.stdin.write(b"\n")
                    process.stdin.flush()
                else:
                    process.stdin.close()
            if isinstance(event, Ended):
                it.took = perf_counter() - it.took if it.took else 0.0


def _listen(
    process: subprocess.Popen[bytes],
    it: Run,
    deadline_on: str | None,
    meddle: Callable[[int], None],
) -> None:
    for said in process.stdout or ():
        it.output += said.decode()
        if deadline_on is not None and deadline_on in it.output:
            deadline_on = None
            meddle(process.pid)
            it.took = perf_counter()
            process.send_signal(signal.SIGUSR1)


def children(pid: int) -> dict[int, str]:
    """All that descends from a process, with their commands."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    commands: dict[int, str] = {}
    for one in found - {pid}:
        with suppress(OSError):
            commands[one] = Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return commands


__all__ = ["LAST_WORD", "Run", "children", "run"]
