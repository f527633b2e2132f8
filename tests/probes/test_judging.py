"""Judging in processes of its own: what goes there, what it may take, and who waits for whom."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from prober.errors import ProberError
from prober.probes import judging
from prober.probes.answer import Answer
from prober.probes.expect import Expect, first_failure
from prober.probes.extract import Source
from prober.probes.judging import Judges, Unjudged
from prober.probes.look import Look, takes_long
from prober.result import Outcome
from tests.probes.looking import look_at
from tests.servers.http import reply, site

ENDLESS = "$[?$[?$[?$[?@.a]]]]"  # looks at 2,000 nodes to the power of four
ONES = b"[" + b"1," * 1999 + b"1]"
LARGE = b'{"items": [' + b"1," * 40_000 + b'1], "status": "ok"}'
TOO_LONG = "the answer took over 1 s to judge: the path is too expensive for this body"


def expecting(path: str, rule: object = "ok") -> Look:
    return Look.of(Expect.model_validate({"json": {path: rule}}))


def reading(**sources: object) -> dict[str, Source]:
    return {name: Source.model_validate(source) for name, source in sources.items()}


def answer(body: bytes) -> Answer:
    return Answer(status=200, headers=[], body=body, seconds=0.1, not_after=None, now=0.0)


@pytest.fixture
def judges() -> Iterator[Judges]:
    made = Judges(processes=1, limit=1.0)
    yield made
    made.close()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Those that judge, as they are started."""
    started: list[subprocess.Popen[bytes]] = []

    class Noted(judging._Process):
        def __init__(self) -> None:
            super().__init__()
            started.append(self._popen)

    monkeypatch.setattr(judging, "_Process", Noted)
    return started


async def healthy(judges: Judges, name: str = "healthy", status: str = "ok") -> bool:
    seen = await judges.see(name, expecting("$.status", status), answer(LARGE))
    return first_failure(seen.judged) is None


async def endless(judges: Judges) -> None:
    await judges.see("endless", expecting(ENDLESS), answer(ONES))


async def begun(judges: Judges) -> asyncio.Task[None]:
    """A judgement without end, under way."""
    task = asyncio.create_task(endless(judges))
    await asyncio.sleep(0)
    return task


def test_only_what_takes_long_leaves_the_loop() -> None:
    def limit(expect: dict[str, object]) -> int:
        one = Look.of(Expect.model_validate(expect))
        sizes = [0, *(1 << power for power in range(25))]
        return max(size for size in sizes if not takes_long(one, size))

    assert limit({"body": {"contains": "a"}}) == 2**17
    assert limit({"body": {"contains": ["a", "b"], "matches": ["c", "d"]}}) == 2**15
    assert limit({"json": {"$.a.b[0]": 1, "$": {"length": 1}}}) == 2**15
    assert limit({"json": {"$.a": {"contains": 1}}}) == 2**10
    assert limit({"json": {"$..a": 1, "$.b": 1}}) == 2**10
    assert limit({"json": {"$.*": 1}}) == 2**10
    assert limit({"json": {"$[*,*]": 1}}) == 2**9
    assert limit({"json": {"$..*": 1, "$.a.*": 1}}) == 2**9
    assert limit({"json": {"$..*..*": 1}}) == 2**5


@pytest.mark.parametrize("path", ["$[?@.a]", "$.a[0, ?search(@, 'a')]", "$..b[?@ > 1]"])
def test_a_filter_never_runs_on_the_loop(path: str) -> None:
    assert takes_long(expecting(path), 8)
    assert takes_long(Look.of(Expect(), reading(many={"json": path})), 8)


def test_values_and_extractions_are_work_too() -> None:
    def limit(**sources: object) -> int:
        sizes = [0, *(1 << power for power in range(25))]
        some = reading(**sources)
        read, extracted = Look.of(Expect(), some), Look.of(Expect(), None, some)
        found = {
            max(size for size in sizes if not takes_long(one, size)) for one in (read, extracted)
        }
        return found.pop() if len(found) == 1 else -1

    assert limit(a={"header": "X"}) == 2**17
    assert limit(a={"regex": "(a)"}) == 2**17
    assert limit(a={"regex": "(a)"}, b={"regex": "(b)"}) == 2**16
    assert limit(a={"json": "$.a"}) == 2**15
    assert limit(a={"json": "$..a"}) == 2**10


async def test_what_a_large_body_holds_is_read_in_the_process_too(judges: Judges) -> None:
    some = reading(first={"json": "$.items[0]"}, many={"regex": r'"status": "(o)k"'})

    seen = await judges.see("reader", Look.of(Expect(), some, some), answer(LARGE))

    assert len(LARGE) > 2**15
    assert (dict(seen.values), dict(seen.extracted)) == ({"first": 1.0}, {"first": 1, "many": "o"})


async def test_a_large_body_is_judged_as_on_the_spot(judges: Judges) -> None:
    assert await healthy(judges)
    assert not await healthy(judges, status="down")


async def test_one_process_judges_many_answers(
    judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await healthy(judges)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    assert await healthy(judges)


async def test_a_judgement_over_its_limit_is_ended(judges: Judges) -> None:
    with pytest.raises(Unjudged) as said:
        await endless(judges)

    assert str(said.value) == TOO_LONG
    assert await healthy(judges)


async def test_an_expensive_check_keeps_no_other_waiting(judges: Judges) -> None:
    with pytest.raises(Unjudged):
        await endless(judges)
    assert await healthy(judges)
    again = await begun(judges)

    assert [await healthy(judges, str(number)) for number in range(5)] == [True] * 5
    assert not again.done()
    with pytest.raises(Unjudged):
        await again


async def test_a_check_is_not_judged_twice_at_a_time(judges: Judges) -> None:
    first = await begun(judges)

    with pytest.raises(Unjudged, match="the answer of an earlier run is still being judged"):
        await endless(judges)
    first.cancel()
    await asyncio.wait([first])
    with pytest.raises(Unjudged, match="too expensive"):
        await endless(judges)


async def test_who_waits_too_long_for_a_turn_is_told(judges: Judges) -> None:
    under_way = await begun(judges)

    with pytest.raises(Unjudged, match=r"no process was free to judge the answer within 1 s"):
        await healthy(judges)
    with pytest.raises(Unjudged):
        await under_way
    assert await healthy(judges)


async def test_turns_are_taken_in_order_and_given_back_by_who_leaves(judges: Judges) -> None:
    await healthy(judges)
    tasks = [asyncio.create_task(healthy(judges, str(number))) for number in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.wait(tasks)

    assert tasks[1].cancelled()
    assert [tasks[n].result() for n in (0, 2, 3)] == [True] * 3
    assert await healthy(judges)


async def test_a_turn_that_comes_to_one_who_just_left_is_not_lost(judges: Judges) -> None:
    lane = judges._lane
    async with lane._turn():
        waiting = asyncio.create_task(healthy(judges))
        await asyncio.sleep(0)
    waiting.cancel()  # its turn has come, but it does not know yet
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert await healthy(judges)


async def test_a_cancelled_judgement_is_over_at_once_and_its_process_gone(
    processes: list[subprocess.Popen[bytes]],
) -> None:
    judges = Judges(processes=1, limit=30)
    await healthy(judges)
    task = await begun(judges)
    await asyncio.sleep(0.05)
    task.cancel()
    began = asyncio.get_running_loop().time()
    await asyncio.wait([task])

    assert task.cancelled()
    assert asyncio.get_running_loop().time() - began < 5  # of the 30 that it had
    assert [one.returncode for one in processes] == [-signal.SIGKILL]


async def test_a_process_that_was_killed_meanwhile_is_replaced(
    judges: Judges, processes: list[subprocess.Popen[bytes]]
) -> None:
    assert await healthy(judges)
    processes[0].kill()
    assert await asyncio.to_thread(os.waitid, os.P_PID, processes[0].pid, os.WEXITED | os.WNOWAIT)

    assert await healthy(judges)


async def test_a_process_that_ends_while_it_judges_is_our_fault(
    judges: Judges, processes: list[subprocess.Popen[bytes]]
) -> None:
    assert await healthy(judges)
    task = await begun(judges)
    await asyncio.sleep(0.05)
    processes[0].kill()

    with pytest.raises(Unjudged, match="the process that judged the answer ended early"):
        await task
    assert await healthy(judges)


async def test_where_no_process_can_be_had_it_is_our_fault(
    judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(ProberError, match="no process to judge the answer in: No such file"):
        await healthy(judges)


async def test_a_program_that_was_replaced_is_not_asked(
    judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "__version__", "0.0.0")

    with pytest.raises(Unjudged, match="the program was replaced since the agent started"):
        await healthy(judges)


async def test_a_judgement_that_takes_too_long_is_unknown(
    judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "JUDGES", judges)
    async with site({"/": reply(200, ONES)}) as shop:
        seen = await look_at(shop.url(), expect={"json": {ENDLESS: 1}})

    assert seen.finding.outcome is Outcome.UNKNOWN
    assert seen.why == ("internal", TOO_LONG)
    assert seen.attempt.during == "expect"


def test_the_end_of_the_program_waits_for_no_judgement() -> None:
    program = f"""
import asyncio
from tests.probes.test_judging import *
async def main():
    task = asyncio.create_task(judging.JUDGES.see("a", expecting({ENDLESS!r}), answer(ONES)))
    await healthy(judging.JUDGES)
    print("now", flush=True)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        began = time.perf_counter()
        assert process.wait() == 0
        assert time.perf_counter() - began < 3  # of the 5 that a judgement may take


@pytest.mark.parametrize(("path", "ends"), [("$.status", 0), (ENDLESS, -signal.SIGALRM)])
def test_a_process_whose_agent_is_gone_ends_by_itself(path: str, ends: int) -> None:
    program = """
import sys
from prober.probes import judge
judge._FORGOTTEN = 1
judge.main(sys.stdin.buffer, sys.stdout.buffer)
"""
    head = pickle.dumps((expecting(path), answer(b"")))
    frames = b"".join(len(frame).to_bytes(8) + frame for frame in (head, ONES))
    run = subprocess.run([sys.executable, "-c", program], input=frames, check=False, timeout=20)

    assert run.returncode == ends
