"""What runs in the process of one journey? `python -P -m prober.journey.child FD`.

It reads the Order from stdin, gets the browser ready and says so, waits for
the line that says that the journey is due, conducts it and ends. What it has
to say goes to the pipe FD; see events.py.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

from prober.clock import SystemClock
from prober.journey.conduct import Conduct
from prober.journey.engine import AsyncEngine, SyncEngine
from prober.journey.events import Ended, Order
from prober.journey.find import Unfit, find
from prober.journey.interrupt import Interrupt
from prober.journey.parent import die_with_parent
from prober.journey.report import Report
from prober.journey.terminal import no_debugger
from prober.journey.verdict import no_script
from prober.journey.where import Authors, Place
from prober.secret import Scrubber

_OOM_SCORE = Path("/proc/self/oom_score_adj")


def main(pipe: int) -> None:
    die_with_parent()
    _die_first()
    sys.dont_write_bytecode = True  # the script's folder is the author's
    sys.breakpointhook = no_debugger
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is for the agent
    os.environ["PW_TEST_SCREENSHOT_NO_FONTS_READY"] = (
        "1"  # a font that never comes costs no picture
    )
    os.set_inheritable(pipe, False)
    interrupt = Interrupt(SystemClock())
    orders = _taken_stdin()
    first = orders.readline()
    if not first:
        return
    order = Order.model_validate_json(first)
    report = Report(pipe, Scrubber(order.hidden_texts))
    try:
        found = find(Path(order.script), order.function)
    except Unfit as unfit:
        where = Authors(Path(order.script)).short(Place(unfit.file, unfit.line))
        verdict = no_script(f"{where}: {unfit.message}")
        report.say(Ended(outcome=verdict.outcome, reason=verdict.reason, message=verdict.message))
        _leave()
    engine = AsyncEngine(interrupt) if found.is_async else SyncEngine(interrupt)
    conduct = Conduct(
        order=order,
        found=found,
        engine=engine,
        interrupt=interrupt,
        report=report,
        clock=SystemClock(),
        due=lambda: bool(orders.readline()),
        leave=_leave,
    )
    engine.run(conduct.run())


def _die_first() -> None:
    """Where memory runs out, the system is to end a journey and not the agent."""
    with suppress(OSError):  # only Linux knows that
        _OOM_SCORE.write_text("300")  # what Chromium gives its own renderers at least


def _taken_stdin() -> BinaryIO:
    """What the agent writes, out of reach of an author's `input()`."""
    taken = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return taken


def _leave() -> NoReturn:
    """Ends at once: an author's threads may run for ever, and the browser ends with its driver."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
