"""Can the scripts that a config names be imported, and is there a journey in each?

Asked of a process of its own for every script: importing runs what somebody
has written, which may do anything, take for ever, or end the process.
"""

from __future__ import annotations

import os
import selectors
import site
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import IO, Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from prober.clock import SystemClock
from prober.probes.journey_settings import Script
from prober.probes.processes import end

TIMEOUT = 20.0  # seconds for one script
TIMEOUT_AT_START = 5.0  # the same where an agent's other checks wait for it
LARGEST = 1 << 16  # bytes of an answer
COMMAND = (sys.executable, "-P", "-m", "prober.journey.listing")
_PASSED_ON = ("PATH", "LANG", "TZ")  # of our environment; no secret of the agent's
_PASSED_FROM = ("LC_", "PLAYWRIGHT_")


class Need(BaseModel):
    """What the function takes for granted, at a line of its file."""

    kind: Literal["params", "secrets", "totp", "base_url"]
    name: str
    line: int


class Fit(BaseModel):
    """The journey that a script has: a function, and what can be said of it without running it."""

    function: str
    is_async: bool
    file: str  # where it is defined
    line: int
    arguments: tuple[str, ...]
    steps: tuple[str, ...]  # with a literal name
    no_more_steps: bool = False  # than these, in any run
    needs: tuple[Need, ...]
    naps: tuple[int, ...] = ()  # lines of the function that block Python


class Unfit(NamedTuple):
    """Why a script cannot be run, at a line of `file`; 0 is the whole of it.

    `besides` is what else is wrong, and `would_be` what there is without that, where it is known.
    """

    file: str
    line: int
    message: str
    besides: tuple[Unfit, ...] = ()
    would_be: Fit | None = None


class _Problem(BaseModel):
    file: str
    line: int | None = None
    message: str


class _Answer(BaseModel):
    problems: Annotated[tuple[_Problem, ...], Field(min_length=1)]
    would_be: Fit | None = None


_ANSWER: TypeAdapter[Fit | _Answer] = TypeAdapter(Fit | _Answer)


def looked(
    scripts: Collection[Script],
    heard: Callable[[], None] = lambda: None,
    *,
    command: tuple[str, ...] = COMMAND,
    timeout: float = TIMEOUT,
) -> dict[Script, Fit | Unfit]:
    """What there is in each; `heard` is called at every answer."""
    if not scripts:
        return {}
    pool = ThreadPoolExecutor(_processors(), thread_name_prefix="listing")
    begun = _Begun()
    try:
        asked = {pool.submit(_ask, script, command, timeout, begun): script for script in scripts}
        found = {}
        for answer in as_completed(asked):
            heard()
            found[asked[answer]] = answer.result()
        return found
    finally:
        begun.end()  # nobody waits for an answer any more: those who ask shall not either
        pool.shutdown(cancel_futures=True)


def _processors() -> int:
    if sys.platform == "linux":  # where a container may have a part of them only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Begun:
    """The processes under way, of which none is begun after the end."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._is_over = False

    def begin(self, command: Sequence[str], folder: str) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_over:
                raise OSError("we are about to end")
            process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(os.environ, folder),
            )
            self._processes.add(process)
            return process

    def over(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.discard(process)

    def end(self) -> None:
        with self._lock:
            self._is_over = True
            for process in self._processes:
                process.kill()


def _ask(script: Script, command: tuple[str, ...], timeout: float, begun: _Begun) -> Fit | Unfit:
    """One process, from its start to the end of everything that it has started."""
    named = [script.function] if script.function else []
    with TemporaryDirectory(prefix="prober-listing-", ignore_cleanup_errors=True) as folder:
        try:
            process = begun.begin([*command, script.path, *named], folder)
        except OSError as error:
            said = f"no process to import it in: {(error.strerror or str(error)).lower()}"
            return Unfit(script.path, 0, f"{said}; try again")
        with process:
            try:
                return _heard(process, script, timeout)
            finally:
                end(Path(folder), process.pid if process.returncode is None else None)
                begun.over(process)


def _environment(ours: Mapping[str, str], folder: str) -> dict[str, str]:
    """As a journey has it when it runs."""
    passed_on = {n: v for n, v in ours.items() if n in _PASSED_ON or n.startswith(_PASSED_FROM)}
    own = {"HOME": folder, "TMPDIR": folder, "PYTHONUSERBASE": site.getuserbase()}
    return {"PATH": os.defpath} | passed_on | own


def _heard(process: subprocess.Popen[bytes], script: Script, timeout: float) -> Fit | Unfit:
    """What the process says of `script`, or what its silence says."""
    deadline = SystemClock().monotonic() + timeout
    try:
        answer = _ANSWER.validate_json(_line(process.stdout, deadline))
        if isinstance(answer, Fit):
            return answer
        first, *others = (Unfit(one.file, one.line or 0, one.message) for one in answer.problems)
        return first._replace(besides=tuple(others), would_be=answer.would_be)
    except ValidationError:
        pass
    except TimeoutError:
        said = f"could not be read within {timeout:g} s; does it do work when it is imported?"
        return Unfit(script.path, 0, said)
    if process.stdout:
        process.stdout.close()  # nobody listens any more, whatever it goes on to say
    try:
        code = process.wait(max(0.0, deadline - SystemClock().monotonic()))
    except subprocess.TimeoutExpired:
        how = "no answer"
    else:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
    said = f"the process that imports it came to nothing, {how}; does it end the process itself?"
    return Unfit(script.path, 0, said)


def _line(stream: IO[bytes] | None, deadline: float) -> bytes:
    """The first line there is, or what there is instead. Raises TimeoutError."""
    data, clock = b"", SystemClock()
    with selectors.DefaultSelector() as selector:
        selector.register(stream or -1, selectors.EVENT_READ)
        while b"\n" not in data and len(data) < LARGEST:
            left = deadline - clock.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            chunk = os.read(stream.fileno() if stream else -1, LARGEST)
            if not chunk:
                break
            data += chunk
    return data.partition(b"\n")[0]
