"""What does the author of a journey import?

    from prober.journey import journey

    @journey
    def sign_in(page, step, secrets): ...

The rest are types, for those who annotate: `step: Step`, `cleanup: Cleanup`,
`page_name: PageName`, `totp: Totp`; `page`, `api` (an `APIRequestContext`) and
the other names of Playwright have its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import FunctionType
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

_Journey = TypeVar("_Journey", bound=Callable[..., object])
_Arguments = ParamSpec("_Arguments")

MARKED: list[object] = []  # what `journey` was written over, in the order of the files
LATER = {  # names that there are not yet, and what does instead
    "undo": "there is no undo yet; use cleanup(name, function, ...)",
    "created": "there is no created yet; use cleanup(name, function, ...)",
}


class StepBlock(AbstractContextManager[None], AbstractAsyncContextManager[None], Protocol):
    """What `step` gives: a block for `with`, and in an async journey for `async with`."""


class Step(Protocol):
    """`with step("sign in"):` times what it holds. After a failure in a soft one the journey goes on, and is down at its end.

    One that is not done within `timeout` seconds has failed.
    """

    def __call__(
        self, name: str, soft: bool = False, *, timeout: float | None = None
    ) -> StepBlock: ...


class Cleanup(Protocol):
    """`cleanup("sign out", sign_out, page)` calls `sign_out(page)` at the end, whatever happened.

    The last one first, all of them in 10 s. Where `page` is dead by then, the
    function gets a fresh one of the same context in its place.
    """

    def __call__(
        self,
        name: str,
        function: Callable[_Arguments, object],
        /,
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> None: ...


class PageName(Protocol):
    """`page_name("checkout")` says what the page that is open now is called in the vitals."""

    def __call__(self, name: str) -> None: ...


class Totp(Protocol):
    """`totp("otp")` is the one-time code of now, from the seed that `secrets` has under that name."""

    def __call__(self, name: str) -> str: ...


def journey(function: _Journey) -> _Journey:
    """Marks the function that is the journey; it gets what it names as its arguments."""
    if not isinstance(function, FunctionType):
        raise TypeError(f"@journey stands over a function, not over {_kind(function)}")
    MARKED.append(function)
    return function


if not TYPE_CHECKING:  # for a type checker these names do not exist at all

    def __getattr__(name: str) -> object:
        if name in LATER:
            raise ImportError(LATER[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else repr(value)


__all__ = ["LATER", "MARKED", "Cleanup", "PageName", "Step", "StepBlock", "Totp", "journey"]
