"""How does a command say something on stdout, and what if nobody can take it?"""

from __future__ import annotations

import os
import sys

from prober.errors import ProberError


def say(text: str) -> None:
    """A line (or several), written at once. Raises ProberError; BrokenPipeError where the reader left."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        silence()
        raise
    except OSError as error:
        silence()
        why = (error.strerror or str(error)).lower()
        raise ProberError(f"stdout cannot be written: {why}") from None


def silence() -> None:
    """What is left in the buffer goes nowhere: the interpreter would complain of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
