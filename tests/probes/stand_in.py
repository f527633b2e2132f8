"""A journey's process that does what its order says, good or bad: `params["acts"]`, in this order.

It knows nothing of ours but what goes over its pipes, and starts at once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

Order = Mapping[str, object]
IDLE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def say(fd: int, event: object) -> None:
    write(fd, json.dumps(event).encode() + b"\n")


def write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def grandchild(*, stopped: bool, env: Mapping[str, str] | None = None) -> int:
    """In a session of its own, as a browser's helpers are."""
    process = subprocess.Popen([sys.executable, "-c", IDLE], start_new_session=True, env=env)
    if stopped:
        process.send_signal(signal.SIGSTOP)
    process.returncode = 0  # nobody waits for it
    return process.pid


def at_deadline(fd: int, events: object) -> None:
    def come_to_an_end(number: int, frame: object) -> None:
        assert isinstance(events, list)
        for event in events:
            say(fd, event)
        os._exit(0)

    signal.signal(signal.SIGUSR1, come_to_an_end)


def at_second_deadline(fd: int, events: object) -> None:
    """The first signal came just before it slept, so that it did not wake."""
    signal.signal(signal.SIGUSR1, lambda number, frame: at_deadline(fd, events))


def spin() -> None:
    while True:
        pass


def kill_once(mark: str, number: int) -> None:
    """The first time, not when there is that file."""
    if not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), number)


def hold(size: int) -> bytes:
    """Has it for as long as the process lives."""
    held.append(b"x" * size)
    return held[-1]


held: list[bytes] = []


def file(folder: object, name: str, text: str) -> None:
    with open(f"{folder}/{name}", "w") as out:
        out.write(text)


def acts(fd: int, order: Order) -> Mapping[str, Callable[..., object]]:
    return {
        "say": lambda event: say(fd, event),
        "raw": lambda text: write(fd, text.encode()),
        "long": lambda size: write(fd, b"x" * size),
        "go": lambda: sys.stdin.readline() or os._exit(7),
        "print": lambda text: print(text, flush=True),
        "warn": lambda text: print(text, file=sys.stderr, flush=True),
        "flood": lambda: [print("y" * 1000) for _ in range(10**9)],
        "sleep": time.sleep,
        "spin": spin,
        "exit": os._exit,
        "kill": lambda number: os.kill(os.getpid(), number),
        "once": kill_once,
        "hold": hold,
        "ignore": lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
        "at deadline": lambda events: at_deadline(fd, events),
        "at second deadline": lambda events: at_second_deadline(fd, events),
        "grandchild": lambda: file(order["folder"], "pid", str(grandchild(stopped=False))),
        "stopped grandchild": lambda: print(grandchild(stopped=True), flush=True),
        "orphan": lambda: print(grandchild(stopped=True, env={}), flush=True),
        "file": lambda name, text: file(order["folder"], name, text),
        "folder": lambda name: os.makedirs(f"{order['folder']}/{name}/more"),
        "link": lambda name, target: os.symlink(target, f"{order['folder']}/{name}"),
        "close": lambda: os.close(fd),
        "tell": lambda: tell(fd),
        "lock": lambda: os.chmod(folder_in(order), 0o500),
        "order": lambda: print(json.dumps(order), flush=True),
    }


def folder_in(order: Order) -> str:
    inner = f"{order['folder']}/inner"
    os.makedirs(f"{inner}/more")
    return inner


def tell(fd: int) -> None:
    """Prints what it was given besides its order."""
    files = sorted(int(name) for name in os.listdir("/proc/self/fd"))
    given = {
        "env": dict(os.environ),
        "argv": sys.argv[1:],
        "cwd": os.getcwd(),
        "files": [name for name in files if name != fd and os.path.exists(f"/proc/self/fd/{name}")],
        "session": os.getsid(0) == os.getpid(),
    }
    print(json.dumps(given), flush=True)


def main() -> None:
    fd = int(sys.argv[1])
    os.set_inheritable(fd, False)
    order = json.loads(sys.stdin.readline())
    known = acts(fd, order)
    for name, *arguments in order["params"]["acts"]:
        known[name](*arguments)


if __name__ == "__main__":
    main()
