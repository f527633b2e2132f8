"""What is to be put right again after a journey, whatever became of it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from prober.journey.defs import place_of
from prober.journey.forgotten import Call
from prober.journey.steps import label

SECONDS = 10.0  # for all of them


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    function: Callable[..., object]
    args: tuple[object, ...]
    kwargs: dict[str, object]

    def bound(self, old: object, new: object) -> Call:
        """What to call, with `new` wherever it was to get `old`."""
        args = [new if one is old else one for one in self.args]
        kwargs = {name: new if one is old else one for name, one in self.kwargs.items()}
        called = getattr(self.function, "__name__", self.name)
        return Call(partial(self.function, *args, **kwargs), called, place_of(self.function))


class Cleanups:
    """What an author calls `cleanup`."""

    def __init__(self) -> None:
        self._tasks: list[Task] = []

    def __call__(
        self, name: str, function: Callable[..., object], /, *args: object, **kwargs: object
    ) -> None:
        self._tasks.append(Task(label("a cleanup", name), function, args, kwargs))

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def take(self) -> Task | None:
        """The last one that is still to be done."""
        return self._tasks.pop() if self._tasks else None
