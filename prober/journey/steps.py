"""How far did a journey come, step by step?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType

from prober.clock import SystemClock
from prober.journey.either import driven
from prober.journey.events import Event, StepBegun, StepEnded
from prober.journey.handlers import Handlers
from prober.journey.tried import Tried
from prober.journey.where import cut

NAME = 100  # characters of a step's or a page's name


def label(of: str, name: object) -> str:
    """What an author calls something. Raises ValueError for what nobody could read."""
    text = cut(str(name), NAME)
    if not text.strip():
        raise ValueError(f"{of} needs a name, not {text!r}")
    return text


@dataclass(slots=True, eq=False)
class Running:
    """A step that is under way."""

    name: str
    began: float
    ours: float  # seconds that were ours before it
    ended: float | None = None  # less what was ours by then


@dataclass(slots=True, kw_only=True)
class Steps:
    """What an author calls `step`, and which failure belongs to which step.

    `tell` says what an exception is worth; `pull` fetches the vitals of what
    is open, and `ours` are the seconds that this took: no part of any step.
    """

    say: Callable[[Event], None]
    clock: SystemClock
    tell: Callable[[BaseException, str | None], str]
    pull: Callable[[], Coroutine[object, None, None]]
    url: Callable[[], str | None]
    ours: Callable[[], float]
    is_async: bool
    handlers: Handlers
    soft: BaseException | None = None  # the first that did not end the journey
    _open: list[Running] = field(default_factory=list)
    _left: list[tuple[BaseException, str]] = field(default_factory=list)

    def __call__(self, name: str, soft: bool = False) -> Block:
        return Block(self, label("a step", name), soft)

    def of(self, error: BaseException | None) -> str | None:
        """The innermost step that this exception left, or the one that is open."""
        left = (name for one, name in self._left if one is error)
        return next(left, self._open[-1].name if self._open else None)

    def begin(self, name: str) -> Running:
        running = Running(name, self.clock.monotonic(), self.ours())
        self._open.append(running)
        self.say(StepBegun(name=name))
        return running

    def end(self, running: Running, error: BaseException | None) -> None:
        """Once: a step of a journey that was given up may end a second time."""
        if running not in self._open:
            return
        seconds = self.seconds(running)
        self._open.remove(running)
        if error is not None:
            self._left.append((error, running.name))
            self.handlers.tell(error)
        self.say(
            StepEnded(
                name=running.name,
                ok=error is None,
                seconds=max(0.0, seconds),
                url=self.url(),
                message="" if error is None else self.tell(error, self.of(error)),
            )
        )

    def give_up(self, error: BaseException) -> None:
        """Ends what is still open, the innermost first."""
        for running in reversed(self._open.copy()):
            self.end(running, error)

    def seconds(self, running: Running) -> float:
        if running.ended is None:
            running.ended = self.clock.monotonic() - self.ours()
        return running.ended - running.began + running.ours


class Block:
    """One `with step(…)`, or `async with step(…)`."""

    def __init__(self, steps: Steps, name: str, soft: bool) -> None:
        self._steps, self._name, self._soft = steps, name, soft
        self._running: Running | None = None

    def __enter__(self) -> None:
        self._running = self._steps.begin(self._name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        with Tried() as pull:
            if not self._steps.is_async:
                driven(self._pulled(error))
        return self._left(error, pull.error)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        with Tried() as pull:
            await self._pulled(error)
        return self._left(error, pull.error)

    async def _pulled(self, error: BaseException | None) -> None:
        """What the step is worth is known before anything is measured."""
        if self._running is not None:
            self._steps.seconds(self._running)
        if error is None or isinstance(error, Exception):
            await self._steps.pull()

    def _left(self, error: BaseException | None, later: BaseException | None) -> bool:
        """`later` came in between, while the vitals were fetched.

        Of an event handler of the author's, most often; what another one has
        raised may not have come through at all.
        """
        if later is not None and not isinstance(later, Exception):
            raise later  # its end is told with the line where that leaves the step
        fault = error or later or self._steps.handlers.first()
        if self._running is not None:
            self._steps.end(self._running, fault)
        if self._soft and isinstance(fault, Exception):
            self._steps.soft = self._steps.soft or fault
            return True
        if fault is not None and fault is not error:
            raise fault
        return False
