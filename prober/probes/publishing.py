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
from prober.journey.files import CLEAN, RECORDED, TRACE
from prober.probes.evidence import GOOD, IS_UP, Place, is_plain, remove
from prober.result import Evidence

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "prober.journey.clean")
SECONDS = 30.0  # that cleaning may take
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
        self._failed: dict[str, float] = {}  # when last
        self._portraits: dict[str, float] = {}

    def wishes(self, check: str, evidence: Literal["failure", "always", "never"]) -> Wishes:
        """Of the next run.

        To record a whole trace costs a journey a fifth of its time, so it is
        done where there is something to explain: from a failure on, and for a
        while after the last one, as a check that fails now and then is up
        between.
        """
        if evidence == "never":
            return Wishes()
        if self._in_full:
            return Wishes("full")
        now = self._clock.monotonic()
        failed = now - self._failed.get(check, -math.inf) < TRACED_FOR
        is_due = now - self._portraits.get(check, -math.inf) >= PORTRAIT_EVERY
        return Wishes("full" if failed or evidence == "always" else BEFORE, portrait=is_due)

    def of(self, remains: Remains) -> Publication:
        check = remains.place.check
        seen = self._portraits if remains.good else self._failed
        seen[check] = self._clock.monotonic()
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
        answer = self._answer(work) if rest or recorded else clean.cleaned(work)
        if answer is None and not self._given_up:
            log.warning("most evidence of %s is withheld: it was not cleaned", work.folder)
            answer = self._texts(work, len(rest) + recorded)
        if answer is None:
            return Cleaned(kept=())
        if answer.withheld:
            self._withheld(answer.withheld)
        return answer

    def _answer(self, work: Work) -> Cleaned | None:
        """None where it failed, or took too long or too much memory."""
        pipe, env = subprocess.PIPE, dict(self._remains.env)
        with subprocess.Popen(  # noqa: S603 - fixed words
            COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=env
        ) as process:
            self._process = process
            if self._given_up:
                process.kill()
            try:
                said, _ = process.communicate(work.model_dump_json().encode(), SECONDS)
                return Cleaned.model_validate_json(said)
            except (subprocess.TimeoutExpired, ValidationError, BrokenPipeError):
                process.kill()
                return None

    def _texts(self, work: Work, others: int) -> Cleaned:
        """What can be cleaned at once: what was printed, and the console."""
        source = self._remains.source
        for folder in (RECORDED, CLEAN):
            remove(source / folder)
        (source / TRACE).unlink(missing_ok=True)
        console = tuple(one for one in work.kept if one.kind == "console")
        note = "--- what was not kept ---\neverything else, which could not be cleaned in time\n"
        printed = f"{work.printed.rstrip()}\n{note}".lstrip()
        few = clean.cleaned(work.model_copy(update={"kept": console, "printed": printed}))
        return few.model_copy(update={"withheld": few.withheld + others})


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
