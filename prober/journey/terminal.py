"""What does a journey get that asks for a terminal, which its process does not have?"""

from __future__ import annotations

from typing import NoReturn


class NoTerminal(RuntimeError):
    pass


def no_debugger(*_: object, **__: object) -> NoReturn:
    """In the place of the debugger that `breakpoint()` starts."""
    raise NoTerminal(
        "breakpoint() has no terminal here; write page.pause()"
        " and run it with prober check NAME --debug"
    )
