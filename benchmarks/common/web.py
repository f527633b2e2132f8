"""How is one of our servers asked something, and when is it there?"""

from __future__ import annotations

import gzip
import http.client
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from benchmarks.common.bench import CLOCK, note, sleep_until
from benchmarks.common.process import Process

START_WITHIN = 60.0  # seconds
SCRAPE_TIMEOUT = 10.0  # seconds, Prometheus' own

# As Prometheus asks.
SCRAPE = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5",
    "Accept-Encoding": "gzip",
}


@dataclass(frozen=True, slots=True)
class Scrape:
    """`began` and `ended` are monotonic seconds; `body` is as it came, empty if not in time."""

    began: float
    ended: float
    body: bytes
    packed: bool

    @property
    def text(self) -> str:
        return (gzip.decompress(self.body) if self.packed else self.body).decode()

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def wait_for(port: int, process: Process) -> None:
    """Until somebody listens there."""
    _until(lambda: _listens(port), process)


def wait_until_ready(port: int, process: Process) -> None:
    """Until an agent says that its schedule turns."""
    _until(lambda: _is_ready(port), process)


def get(port: int, path: str, timeout: float = 30.0) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def scrape(port: int, timeout: float = SCRAPE_TIMEOUT) -> Scrape:
    """Timed until the last byte, or until Prometheus would have given up."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        began = CLOCK.monotonic()
        body, packed = b"", False
        try:
            connection.request("GET", "/metrics", headers=SCRAPE)
            answer = connection.getresponse()
            packed = answer.headers.get("Content-Encoding") == "gzip"
            body = answer.read()
        except TimeoutError:
            note(f"a scrape was not answered within {timeout:g} s")
        return Scrape(began, CLOCK.monotonic(), body, packed)


def _until(holds: Callable[[], bool], process: Process) -> None:
    end = CLOCK.monotonic() + START_WITHIN
    while not holds():
        if process.has_ended or CLOCK.monotonic() > end:
            sys.exit(f"{process.name} did not start: {process.said}")
        sleep_until(CLOCK.monotonic() + 0.02)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _is_ready(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == http.client.OK
    except OSError:
        return False
