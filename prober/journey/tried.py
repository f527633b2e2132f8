"""What came of code that is not ours?"""

from __future__ import annotations

from types import TracebackType


class Tried:
    """A block that may raise anything at all: an exception is then a value, in `error`.

    An author's code may end with any exception there is, SystemExit and
    KeyboardInterrupt included, and none of them may end what has to be said
    about it.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Tried:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True
