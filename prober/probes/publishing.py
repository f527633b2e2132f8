"""How does what a run has left become evidence that people may look at?

    the run's folder ─► cleaned, in a process of its own ─► data_dir/evidence/CHECK/RUN_ID/

Only files that the run's process has said to be complete are taken, and only
plain ones: no link leads out. Of a run that is up a picture is kept as
`CHECK/good.png`, the newest only; a run that fails gets it beside its own.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from prober.clock import Clock
from prober.journey import clean
from prober.journey.clean import Cleaned, Work
from prober.journey.events import Kept
from prober.journey.files import CLEAN, RECORDED, TRACE, UNPACKED
from prober.probes.evidence import GOOD, IS_UP, Place, is_plain, remove
from prober.result import Evidence

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "prober.journey.clean")
SECONDS, SECONDS_FOR_REST = 30.0, 10.0  # that cleaning may take; without the trace
BEFORE: Literal["none", "actions"] = "none"  # is recorded until there is a failure
TRACED_FOR = 900.0  # seconds after a failure that the whole trace is recorded
PORTRAIT_EVERY = 60.0  # seconds between two pictures of a check's good runs
_ORDER = ("screenshot", "console", "trace", "har", "dom")  # alerts link the first


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a run is to record."""

    trace: Literal["none", "actions", "full"] = "none"
    portrait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a run has left in `source`; `good`: it was up. `env` is for who cleans it."""

    place: Place
    source: Path
    kept: Sequence[Kept]
    printed: str
    secrets: Collection[str] = field(repr=False)
    good: bool
    env: Mapping[str, str] = field(repr=False)


class Publishing:
    """One per agent: knows when each check has failed, and when it was last seen in a good picture."""

    def __init__(
        self, clock: Clock, *, in_full: bool = False, withheld: Callable[[int], None]
    ) -> None:
        self._clock, self._in_full, self._withheld = clock, in_full, withheld
        self._failed: dict[str, float] = {}  # when last, without being recorded
        self._recorded: set[str] = set()  # whose last run is or was recorded whole
        self._portraits: dict[str, float] = {}

    def wishes(
        self, check: str, evidence: Literal["failure", "always", "never"], interval: float = 0.0
    ) -> Wishes:
        """Of the next run; `interval`: seconds until the one after it.

        To record a whole trace costs a journey a fifth of its time, and on
        pages of many elements a multiple of it. So it is done where there is
        something to explain: from a failure on, and for a while after it, as a
        check that fails now and then is up between. And once only: the run
        after one that was recorded and failed is not recorded, so that none
        stays down for what its recording takes.
        """
        self._recorded.discard(check)
        if evidence == "never":
            return Wishes()
        now = self._clock.monotonic()
        failed = now - self._failed.get(check, -math.inf) < max(TRACED_FOR, 2 * interval)
        if not (failed or self._in_full or evidence == "always"):
            return Wishes(BEFORE, portrait=self._is_due(check, now))
        self._recorded.add(check)
        return Wishes("full", portrait=not self._in_full and self._is_due(check, now))

    def _is_due(self, check: str, now: float) -> bool:
        return now - self._portraits.get(check, -math.inf) >= PORTRAIT_EVERY

    def of(self, remains: Remains) -> Publication:
        check, now = remains.place.check, self._clock.monotonic()
        if remains.good:
            self._portraits[check] = now
        elif check in self._recorded:
            self._failed.pop(check, None)
        else:
            self._failed[check] = now
        return Publication(remains, self._withheld)


class Publication:
    """Of one run. `made` blocks: call it in a thread; another may tell it to give up."""

    def __init__(self, remains: Remains, withheld: Callable[[int], None]) -> None:
        self._remains, self._withheld = remains, withheld
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = False

    def give_up(self) -> None:
        self._given_up = True
        if self._process is not None:
            self._process.kill()

    def made(self) -> list[Evidence]:
        """Raises OSError where it cannot be written."""
        remains, place = self._remains, self._remains.place
        named = {one.name: one for one in remains.kept if is_plain(remains.source, one.name)}
        whole = list(named.values())
        for one in (one for one in whole if one.good):
            _replace(remains.source / one.name, place.portrait)
        work = Work(
            folder=str(remains.source),
            kept=tuple(one for one in whole if not one.good),
            printed=remains.printed,
            secrets=tuple(sorted(remains.secrets)),
        )
        if remains.good and not work.kept:
            return []
        answer = self._cleaned(work)
        if not answer.kept or self._given_up:
            return []
        try:
            return self._moved(answer.kept)
        except OSError:
            remove(place.folder)  # half of a file explains nothing
            raise

    def _moved(self, kept: Sequence[Kept]) -> list[Evidence]:
        place = self._remains.place
        place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = []
        for one in sorted(kept, key=lambda one: _ORDER.index(one.kind)):
            if (place.folder / one.name).exists():
                continue  # of an attempt before
            shutil.move(self._remains.source / CLEAN / one.name, place.folder / one.name)
            found.append(Evidence(one.kind, f"{place.relative}/{one.name}"))
        if self._remains.good:
            (place.folder / IS_UP).touch()
        elif not (place.folder / GOOD).exists() and _linked(place.portrait, place.folder / GOOD):
            found.append(Evidence("screenshot", f"{place.relative}/{GOOD}"))
        return found

    def _cleaned(self, work: Work) -> Cleaned:
        """In a process of its own, unless there are only a few lines."""
        recorded = (self._remains.source / RECORDED / "trace.trace").exists()
        rest = [one for one in work.kept if one.kind != "console"]
        answer = self._answer(work, SECONDS) if rest or recorded else clean.cleaned(work)
        has_trace = recorded or any(one.kind == "trace" for one in rest)
        if answer is None and has_trace and not self._given_up:
            answer = self._without_trace(work)
        if answer is None and not self._given_up:
            place = self._remains.place
            said = "most evidence of %s is withheld: it was not cleaned (run %s)"
            log.warning(said, place.check, place.run_id)
            answer = self._texts(work, len(rest) + recorded)
        if answer is None:
            return Cleaned(kept=())
        if answer.withheld:
            self._withheld(answer.withheld)
        return answer

    def _without_trace(self, work: Work) -> Cleaned | None:
        """It is what takes long, and a picture explains more than nothing."""
        self._clear()
        kept = tuple(one for one in work.kept if one.kind != "trace")
        printed = _noted(work.printed, "the trace, which could not be cleaned in time")
        rest = work.model_copy(update={"kept": kept, "printed": printed})
        answer = self._answer(rest, SECONDS_FOR_REST)
        return answer and answer.model_copy(update={"withheld": answer.withheld + 1})

    def _clear(self) -> None:
        source = self._remains.source
        for folder in (RECORDED, CLEAN, UNPACKED):
            remove(source / folder)
        (source / TRACE).unlink(missing_ok=True)

    def _answer(self, work: Work, seconds: float) -> Cleaned | None:
        """None where it failed, or took too long or too much memory."""
        pipe, env = subprocess.PIPE, dict(self._remains.env)
        with subprocess.Popen(  # noqa: S603 - fixed words
            COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=env
        ) as process:
            self._process = process
            if self._given_up:
                process.kill()
            try:
                said, _ = process.communicate(work.model_dump_json().encode(), seconds)
                return Cleaned.model_validate_json(said)
            except (subprocess.TimeoutExpired, ValidationError, BrokenPipeError):
                process.kill()
                return None

    def _texts(self, work: Work, others: int) -> Cleaned:
        """What can be cleaned at once: what was printed, and the console."""
        self._clear()
        console = tuple(one for one in work.kept if one.kind == "console")
        printed = _noted(work.printed, "everything else, which could not be cleaned in time")
        few = clean.cleaned(work.model_copy(update={"kept": console, "printed": printed}))
        return few.model_copy(update={"withheld": few.withheld + others})


def _noted(printed: str, what: str) -> str:
    return f"{printed.rstrip()}\n--- what was not kept ---\n{what}\n".lstrip()


def _replace(source: Path, target: Path) -> None:
    """At once, as somebody may be looking at it."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = target.with_name(f".{target.name}")
    shutil.move(source, beside)
    beside.replace(target)


def _linked(source: Path, target: Path) -> bool:
    """Whether `target` is `source` now."""
    with suppress(OSError):
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except PermissionError:  # a file system that knows no links
            shutil.copyfile(source, target)
        return True
    return False
