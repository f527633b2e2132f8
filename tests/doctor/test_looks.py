from __future__ import annotations

import asyncio
import errno
from pathlib import Path

from prober.doctor.looks import Level, Look, Machine, Seen, blocking, looked
from tests.doctor.machine import machine


async def test_a_look_that_hangs_is_given_up_and_fails(tmp_path: Path) -> None:
    async def hang(_: Machine) -> Seen:
        await asyncio.Event().wait()
        return Seen.ok("never")

    seen = await looked(Look("disk", hang, limit=0.05), machine(tmp_path))

    assert (seen.level, seen.found) == (Level.FAIL, "no answer within 50 ms")


async def test_a_look_that_the_system_refuses_fails_and_says_why(tmp_path: Path) -> None:
    def refused(_: Machine) -> Seen:
        raise OSError(errno.EMFILE, "Too many open files")

    seen = await looked(Look("disk", blocking(refused)), machine(tmp_path))

    assert seen.level is Level.FAIL
    assert seen.line("disk") == (
        "FAIL disk: cannot be looked at: too many open files;"
        " raise the limit of open files, ulimit -n"
    )


def test_what_is_said_is_a_line_or_an_object() -> None:
    warned = Seen.warn("it is off", "turn it on")

    assert warned.line("sandbox") == "warn sandbox: it is off; turn it on"
    assert Seen.ok("free").line("ports") == "ok   ports: free"
    assert warned.to_json("sandbox") == {
        "name": "sandbox",
        "level": "warn",
        "found": "it is off",
        "do": "turn it on",
    }
    assert Seen.fail("gone", "").to_json("x") == {
        "name": "x",
        "level": "fail",
        "found": "gone",
        "do": None,
    }
