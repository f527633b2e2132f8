"""Does anything of an async journey's go on beside the task that asks?"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType
from typing import TypeVar
from weakref import WeakSet

from playwright import _impl

from prober.journey.limits import current_task

_Value = TypeVar("_Value")
_PLAYWRIGHTS = os.path.join(os.path.dirname(_impl.__file__), "")


class Tasks:
    """Those that the author's functions are, have begun, and so on from these.

    Not what Playwright begins for itself within a call of theirs; and what
    handles an event is nothing that a journey waits for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._function: asyncio.Task[BaseException | None] | None = None
        self._theirs = WeakSet[object]()
        loop.set_task_factory(self._made)

    def follow(self, function: asyncio.Task[BaseException | None]) -> None:
        """This is the author's function from now on."""
        self._function = function
        self._theirs.add(function)

    def is_alone(self) -> bool:
        """Whether it is the author's function that asks, and no task of theirs is under way."""
        function = self._function
        if function is None or current_task() is not function:
            return False
        under_way = asyncio.all_tasks()  # without those that are done
        return all(task is function or task not in self._theirs for task in under_way)

    def _made(
        self,
        loop: asyncio.AbstractEventLoop,
        code: Coroutine[object, object, _Value] | Generator[object, None, _Value],
        **options: object,
    ) -> asyncio.Task[_Value]:
        make: Callable[..., asyncio.Task[_Value]] = asyncio.Task
        task = make(code, loop=loop, **options)
        if current_task() in self._theirs and not _is_playwrights(code):
            self._theirs.add(task)
        return task


def _is_playwrights(code: object) -> bool:
    return isinstance(code, CoroutineType) and code.cr_code.co_filename.startswith(_PLAYWRIGHTS)
