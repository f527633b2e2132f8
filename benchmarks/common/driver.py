"""How is an exporter asked for so many probes a second, as Prometheus would?

    python -m benchmarks.common.driver JOB REPORT    (two files; see blackbox.Job)

Each request is sent when it is due, over a connection that is idle or, where
there is none, a new one that is kept. What is due while as many as a whole
second's worth are unanswered is left out, as Prometheus leaves out a target
whose last scrape has not ended. Python's own clock for both ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httptools

from benchmarks.common.blackbox import Job

PATIENCE = 5.0  # seconds that the last answers get
UP = b"\nprobe_success 1"


class Lane(asyncio.Protocol):
    """One connection that stays open; at most one request on it at a time."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self.number, self.began = -1, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream has no other
        self._transport = transport

    def ask(self, number: int, request: bytes, began: float) -> None:
        self.number, self.began = number, began
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        body = b"".join(self._parts)
        self._parts.clear()
        self._parser = httptools.HttpResponseParser(self)
        self._driver.answered(self, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._driver.lost(self)

    def close(self) -> None:
        self._transport.close()


class Driver:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._loop = asyncio.get_running_loop()
        host = f"127.0.0.1:{job['port']}"
        lines = (
            f"HTTP/1.1\r\nHost: {host}\r\nUser-Agent: prober-bench\r\nAccept: text/plain\r\n\r\n"
        )
        self._requests = [f"GET {path} {lines}" for path in job["paths"]]
        self._most = int(job.get("rate") or job.get("burst") or job.get("closed") or 1)
        self._idle: list[Lane] = []
        self._in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False
        self.offered = self.left_out = 0
        self.answers: list[tuple[int, float, float, bool, str]] = []

    async def run(self) -> None:
        began = self._loop.time()
        self._end = began + self._job["seconds"]
        if "closed" in self._job:
            for _ in range(self._job["closed"]):
                self._fire()
            await asyncio.sleep(self._job["seconds"])
        else:
            for due in self._dues(began):
                if (wait := due - self._loop.time()) > 0:
                    await asyncio.sleep(wait)
                self._fire()
        self._over = True
        end = self._loop.time() + PATIENCE
        while self._in_flight and self._loop.time() < end:  # noqa: ASYNC110 - polled, or each answer would pay for an event
            await asyncio.sleep(0.01)
        for lane in self._idle:
            lane.close()

    def _dues(self, began: float) -> Iterator[float]:
        seconds, burst = self._job["seconds"], self._job.get("burst", 0)
        if burst:
            yield from (began + second for second in range(int(seconds)) for _ in range(burst))
            return
        rate = self._job["rate"]
        yield from (began + n / rate for n in range(int(seconds * rate)))

    def _fire(self) -> None:
        number, began = self.offered, self._loop.time()
        self.offered += 1
        if self._in_flight >= self._most:
            self.left_out += 1
            return
        self._in_flight += 1
        if self._idle:
            self._idle.pop().ask(number, self._request(number), began)
            return
        task = self._loop.create_task(self._fire_anew(number, began))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fire_anew(self, number: int, began: float) -> None:
        try:
            _, lane = await self._loop.create_connection(
                lambda: Lane(self), "127.0.0.1", self._job["port"]
            )
        except OSError:
            self._in_flight -= 1
            self.answers.append((number, began, self._loop.time(), False, ""))
            return
        lane.ask(number, self._request(number), began)

    def _request(self, number: int) -> bytes:
        request = self._requests[number % len(self._requests)]
        return request.replace("{number}", str(number)).encode()

    def answered(self, lane: Lane, body: bytes) -> None:
        kept = body.decode() if self._job.get("bodies") else ""
        self.answers.append((lane.number, lane.began, self._loop.time(), UP in body, kept))
        lane.number = -1
        self._idle.append(lane)
        self._in_flight -= 1
        if "closed" in self._job and not self._over:
            self._fire()

    def lost(self, lane: Lane) -> None:
        if lane in self._idle:
            self._idle.remove(lane)
        if lane.number >= 0:
            self.answers.append((lane.number, lane.began, self._loop.time(), False, ""))
            self._in_flight -= 1


async def _run(job: Job) -> Driver:
    driver = Driver(job)
    await driver.run()
    return driver


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_text())
    gc.disable()  # it lives for seconds, and must not stumble
    driver = asyncio.run(_run(job))
    said = {
        "offered": driver.offered,
        "left_out": driver.left_out,
        "answers": driver.answers,
    }
    Path(sys.argv[2]).write_text(json.dumps(said))


if __name__ == "__main__":
    main()
