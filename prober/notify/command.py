"""How is a command run that is to repair what fails, and what is kept of it?

It is run at most once for an incident and an event, and so never again: what it
said and its exit code are the answer to its delivery, whatever they are. It has
no shell and nothing of the notice in its arguments; the notice is on its stdin.

Beyond so many times an hour it is not run. The end of what it was run for does not
count and is always run; the end of what it was not run for is not.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from logging import getLogger
from typing import Annotated, ClassVar, Literal, TypeAlias
from weakref import WeakKeyDictionary

import httpx
from pydantic import AfterValidator, Field

from prober.alerts.notice import PLAIN, Delivery, Event, Notice
from prober.check import Model
from prober.errors import DeliveryError
from prober.notify.traits import Means, Traits
from prober.secret import CUT
from prober.units import Count, Duration, rfc3339, show_duration

KEPT = 4096  # bytes of what it says, the last of them
HEARD = 4 * KEPT  # of which a secret may have begun before
HOUR = 3600.0
INHERITED = ("PATH", "HOME", "LANG")
NOT_RUN = "not run"
WELL = "exit 0"  # how the answer of one that went well begins
LEAVE_WITHIN = 1.0  # seconds, for what a command leaves behind to let go of its output
# What can be said of an incident; the values of Event.
Word: TypeAlias = Literal["firing", "reminder", "resolved", "escalated", "flapping", "acknowledged"]

log = getLogger(__name__)


def _runnable(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or not argv[0].strip():
        raise ValueError("no command; write it as [systemctl, restart, api]")
    if any("\0" in word for word in argv):
        raise ValueError("no argument can have a zero byte")
    return argv


def _some(events: tuple[Word, ...]) -> tuple[Word, ...]:
    if not events:
        raise ValueError("no event; write one at least, such as firing")
    return events


class CommandSettings(Model):
    argv: Annotated[tuple[str, ...], AfterValidator(_runnable)]
    events: Annotated[tuple[Word, ...], AfterValidator(_some)] = ("firing",)
    max_per_hour: Annotated[Count, Field(gt=0)] = 3
    timeout: Annotated[Duration, Field(gt=0)] = 60.0


class CommandNotifier(Model):
    kind: ClassVar[str] = "command"
    TRAITS: ClassVar[Traits] = Traits(
        people=False, at_once=1, claims=True, events=PLAIN | {Event.ACKNOWLEDGED}
    )

    command: CommandSettings


# By client and notifier: when it was run lately, on the clock that nobody sets.
_runs: WeakKeyDictionary[httpx.AsyncClient, dict[str, deque[float]]] = WeakKeyDictionary()


class NotRun(DeliveryError):
    """By its own settings: that is nobody's failure, and nothing that was accepted."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{NOT_RUN}: {why}", permanent=True)


async def send(
    notifier: CommandNotifier, delivery: Delivery, means: Means, receipts: Mapping[str, str]
) -> Mapping[str, str]:
    """What came of it; `receipts` has what came of it before, by incident key.

    Raises NotRun, and DeliveryError where it cannot be run at all; both are permanent.
    """
    settings, notice = notifier.command, delivery.notice
    if notice.event not in settings.events:
        raise NotRun(f"{notice.event} is none of its events")
    before = receipts.get(notice.key, "") if notice.event.is_over else ""
    if before.startswith(NOT_RUN):
        raise NotRun("nor was it for what is over")
    if not before and not _may_run(settings, delivery.notifier, means):
        raise NotRun(f"{settings.max_per_hour} in the last hour")
    answer = await _run(settings, delivery.notice, means.scrub)
    if not answer.startswith(WELL):
        log.warning("%s for %s: %s", settings.argv[0], delivery.notice.key, answer)
    return {delivery.id: answer}


def _may_run(settings: CommandSettings, notifier: str, means: Means) -> bool:
    now = means.clock.monotonic()
    runs = _runs.setdefault(means.client, {}).setdefault(notifier, deque())
    while runs and now - runs[0] >= HOUR:
        runs.popleft()
    if len(runs) >= settings.max_per_hour:
        return False
    runs.append(now)
    return True


async def _run(settings: CommandSettings, notice: Notice, scrub: Callable[[str], str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *settings.argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            env=environment(notice),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        said = f"{settings.argv[0]} cannot be run: {error}"
        raise DeliveryError(said, permanent=True) from error
    heard = bytearray()
    try:
        async with asyncio.timeout(settings.timeout):
            reading = asyncio.create_task(_listen(process, heard))
            try:
                await _tell(process, notice)
                code = await process.wait()
                await asyncio.wait([reading], timeout=LEAVE_WITHIN)
            finally:
                reading.cancel()
    except TimeoutError:
        return _answer(f"killed after {show_duration(settings.timeout)}", heard, scrub)
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()
    return _answer(f"exit {code}" if code >= 0 else f"ended by signal {-code}", heard, scrub)


async def _tell(process: Process, notice: Notice) -> None:
    """One that does not want to hear may end before it has."""
    assert process.stdin is not None  # noqa: S101 - a pipe, as asked for
    times = {
        "starts_at": rfc3339(notice.starts_at),
        "ends_at": None if notice.ends_at is None else rfc3339(notice.ends_at),
        "at": rfc3339(notice.at),
    }
    told = {**notice.to_json(), **times, "id": notice.id}
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(told).encode() + b"\n")
        await process.stdin.drain()
    process.stdin.close()


async def _listen(process: Process, heard: bytearray) -> None:
    """All of it, lest it blocks; the end is kept."""
    assert process.stdout is not None  # noqa: S101
    while piece := await process.stdout.read(1 << 16):
        heard += piece
        del heard[:-HEARD]


def _kill(process: Process) -> None:
    """With all that it started and that did not leave its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _answer(begin: str, heard: bytearray, scrub: Callable[[str], str]) -> str:
    """Cut once the secrets are out: the end of one would not be known for what it is."""
    whole = scrub(heard.decode(errors="replace"))
    said = whole.encode(errors="replace")[-KEPT:].decode(errors="ignore").strip()
    cut = CUT if len(heard) >= HEARD or len(whole.encode(errors="replace")) > KEPT else ""
    return f"{begin}: {cut}{said}" if said else begin


def environment(notice: Notice) -> dict[str, str]:
    """Nothing of ours that may be secret; what the notice is about by name."""
    labels = notice.labels
    told = {
        "PROBER_EVENT": notice.event.value,
        "PROBER_INCIDENT": notice.id,
        "PROBER_CHECK": labels.get("check", ""),
        "PROBER_ALERT": labels.get("alert", ""),
        "PROBER_SEVERITY": labels.get("severity", ""),
        "PROBER_REGION": labels.get("region", ""),
    }
    ours = {name: os.environ[name] for name in INHERITED if name in os.environ}
    clean = {
        name: text.replace("\0", "").encode(errors="replace").decode()
        for name, text in told.items()
    }
    return ours | clean
