"""`python -m tests.kill.program` makes agents that kill themselves, each where it is told to.

To import all that one needs takes longer than most of them live, so it is done
once, and each is a fork. An order is a line of JSON; the answers are the pid of
the agent, and how it ended once it has.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import NoReturn

import prober.agent
import prober.cli
from tests.kill.points import install


def answer_orders() -> None:
    for line in sys.stdin:
        folder, point = json.loads(line)
        pid = os.fork()
        if pid == 0:
            live(folder, point)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def live(folder: str, point: str) -> NoReturn:
    os.chdir(folder)
    log = os.open("agent.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, its in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, its)
    sys.argv = ["prober", "run", "-c", "config.yaml"]
    code: object = 1
    try:
        install(point)
        prober.cli.main()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        if (fault := sys.exc_info()[1]) is not None:
            traceback.print_exception(fault)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    assert prober.agent.__name__ == "prober.agent"  # imported for those to come
    answer_orders()
