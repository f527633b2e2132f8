"""How far did a journey come, step by step?"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from prober.clock import SystemClock
from prober.journey.either import driven
from prober.journey.events import Event, StepBegun, StepEnded
from prober.journey.handlers import Handlers
from prober.journey.interrupt import Interrupt
from prober.journey.limits import Limit, current_task
from prober.journey.own_time import OwnTime
from prober.journey.tried import Tried
from prober.journey.verdict import Verdict, failed
from prober.journey.where import cut

NAME = 100  # characters of a step's or a page's name


def label(of: str, name: object) -> str:
    """What an author calls something. Raises ValueError for what nobody could read."""
    text = cut(str(name), NAME)
    if not text.strip():
        raise ValueError(f"{of} needs a name, not {text!r}")
    return text


def allowed(timeout: float | None) -> float | None:
    """The seconds of a step, if it has any. Raises ValueError."""
    is_number = isinstance(timeout, int | float)
    if timeout is not None and not (is_number and 0 < timeout < math.inf):
        raise ValueError(f"the timeout of a step is in seconds, more than 0; not {timeout!r}")
    return timeout


def behind(steps: Sequence[str], begun: Collection[str]) -> tuple[str, ...]:
    """Of these, in the order of the source, those behind all that have begun.

    One before these was not come to for another reason: it stands in a branch.
    """
    names = list(dict.fromkeys(cut(name, NAME) for name in steps))
    last = max((at for at, name in enumerate(names) if name in begun), default=-1)
    return tuple(names[last + 1 :])


@dataclass(slots=True, eq=False)
class Running:
    """A step that is under way."""

    name: str
    began: float  # both of them of the journey's own time
    ended: float | None = None


class Film(Protocol):
    """Where the steps are to be found again: the trace."""

    async def group(self, name: str) -> None: ...

    async def ungroup(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Steps:
    """What an author calls `step`, and which failure belongs to which step.

    `tell` says what an exception is worth; `seen` says what the pages have told
    by now, without asking them: that would take longer than most steps.
    """

    say: Callable[[Event], None]
    clock: SystemClock
    tell: Callable[[BaseException, str | None], str]
    seen: Callable[[], None]
    film: Film
    url: Callable[[], str | None]
    own_time: OwnTime
    is_async: bool
    has_limits: bool
    handlers: Handlers
    interrupt: Interrupt
    soft: Verdict | None = None  # on the first failure that did not end the journey
    groups: int = 0  # of the trace that are open
    _begun: list[str] = field(default_factory=list)
    _open: list[Running] = field(default_factory=list)
    _left: list[tuple[BaseException, str]] = field(default_factory=list)

    def __call__(self, name: str, soft: bool = False, *, timeout: float | None = None) -> Block:
        return Block(self, label("a step", name), soft, allowed(timeout))

    def unreached(self, steps: Sequence[str]) -> tuple[str, ...]:
        return behind(steps, self._begun)

    def limit(self, name: str, seconds: float) -> Limit:
        task = current_task() if self.is_async else None
        limit = Limit(name, seconds, self.clock.monotonic() + seconds, task)
        self.interrupt.limit(limit)
        return limit

    def of(self, error: BaseException | None) -> str | None:
        """The innermost step that this exception left, or the one that is open."""
        left = (name for one, name in self._left if one is error)
        return next(left, self._open[-1].name if self._open else None)

    async def filmed(self, call: Coroutine[object, None, None]) -> None:
        """What an event handler has raised may come through here; that is known (handlers.py)."""
        with self.own_time.waiting(), Tried() as tried:
            await call
        if tried.error is not None and not isinstance(tried.error, Exception):
            raise tried.error

    def begin(self, name: str) -> Running:
        running = Running(name, self.own_time.seconds)
        self._open.append(running)
        self._begun.append(name)
        self.say(StepBegun(name=name))
        return running

    def end(self, running: Running, error: BaseException | None, *, soft: bool = False) -> None:
        """Once: a step of a journey that was given up may end a second time.

        `soft`: the journey goes on. What comes after its deadline comes of that.
        """
        if running not in self._open:
            return
        seconds = self.seconds(running)
        self._open.remove(running)
        if error is not None:
            self._left.append((error, running.name))
            self.handlers.tell(error)
        message = "" if error is None else self.tell(error, self.of(error))
        verdict = None
        if soft and error is not None and not self.interrupt.is_late:
            verdict = failed(error, message)
        self.soft = self.soft or verdict
        self.say(
            StepEnded(
                name=running.name,
                ok=error is None,
                seconds=seconds,
                url=self.url(),
                message=message,
                soft=verdict.reason if verdict else None,
            )
        )

    def give_up(self, error: BaseException) -> None:
        """Ends what is still open, the innermost first."""
        for running in reversed(self._open.copy()):
            self.end(running, error)

    def seconds(self, running: Running) -> float:
        if running.ended is None:
            running.ended = self.own_time.seconds
        return running.ended - running.began


class Block:
    """One `with step(…)`, or `async with step(…)`."""

    def __init__(self, steps: Steps, name: str, soft: bool, timeout: float | None) -> None:
        self._steps, self._name, self._soft, self._timeout = steps, name, soft, timeout
        self._running: Running | None = None
        self._limit: Limit | None = None
        self._groups = steps.groups  # of the trace, around this one

    def __enter__(self) -> None:
        if not self._steps.is_async:
            driven(self._filmed())
        self._begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        fault = self._lifted(error)
        with Tried() as closing:
            if not self._steps.is_async:
                driven(self._closed(fault))
        return self._left(error, fault, closing.error)

    async def __aenter__(self) -> None:
        await self._filmed()
        self._begin()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        fault = self._lifted(error)
        with Tried() as closing:
            await self._closed(fault)
        return self._left(error, fault, closing.error)

    def _begin(self) -> None:
        if self._timeout is not None and self._steps.has_limits:
            self._limit = self._steps.limit(self._name, self._timeout)
        self._running = self._steps.begin(self._name)

    async def _filmed(self) -> None:
        self._groups = self._steps.groups
        self._steps.groups += 1
        await self._steps.filmed(self._steps.film.group(self._name))

    def _lifted(self, error: BaseException | None) -> BaseException | None:
        """What the block was left with; its own limit, where that is over, is a failure."""
        limit, interrupt = self._limit, self._steps.interrupt
        if limit is None:
            return error
        behind = interrupt.behind(error)
        interrupt.lift(limit)
        if not limit.struck or interrupt.struck or not (error is None or behind is limit):
            return error  # what else it was left with says more
        return limit.told(error.__traceback__ if error else None, self._name)

    async def _closed(self, fault: BaseException | None) -> None:
        """What the step took is known before anything else is done."""
        if self._running is not None:
            self._steps.seconds(self._running)
        if fault is None or isinstance(fault, Exception):
            while self._groups < self._steps.groups:  # those within it, which were struck, too
                self._steps.groups -= 1
                await self._steps.filmed(self._steps.film.ungroup())
            self._steps.seen()

    def _left(
        self, error: BaseException | None, fault: BaseException | None, later: BaseException | None
    ) -> bool:
        """`later` came in between, while the trace was told of the end.

        Of an event handler of the author's, most often; what another one has
        raised may not have come through at all.
        """
        if later is not None and not isinstance(later, Exception):
            self._end_for_another(later)
            raise later  # its end is told with the line where that leaves the step
        fault = fault or later or self._steps.handlers.first()
        self._end_for_another(fault)
        goes_on = self._soft and isinstance(fault, Exception)
        if self._running is not None:
            self._steps.end(self._running, fault, soft=goes_on)
        if goes_on:
            return True
        if fault is not None and fault is not error:
            raise fault
        return False

    def _end_for_another(self, error: BaseException | None) -> None:
        """Where that is the strike of a step around this one: both end with the same failure."""
        behind = self._steps.interrupt.behind(error)
        if behind is not None and error is not None and self._running is not None:
            self._steps.end(self._running, behind.told(error.__traceback__, self._name))
