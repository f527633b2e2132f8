"""Debian's blackbox_exporter, set up to do no more than we do, and what drives it.

Redirects, HTTP/2 and IPv6 are off and its connections to the driver stay
open: what is left is one fresh probe per request, at its cheapest.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

from benchmarks.common.bench import Bench, free_ports
from benchmarks.common.process import ROOT, Process, program, running
from benchmarks.common.web import wait_for

_CONFIG = """modules:
  plain:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      follow_redirects: false
      enable_http2: false
      body_size_limit: 10MB
"""


@dataclass(frozen=True, slots=True)
class Blackbox:
    process: Process
    port: int


class Job(TypedDict, total=False):
    """What a driver is to do: `rate` a second, `burst` once a second, or `closed` in flight."""

    port: int
    paths: list[str]  # asked for in turn; {number} in one becomes the request's number
    seconds: float
    rate: float
    burst: int
    closed: int
    bodies: bool  # whether to keep what is answered


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a driver: which of all, when (monotonic), and what came."""

    number: int
    began: float
    ended: float
    up: bool
    body: str


@dataclass(frozen=True, slots=True)
class Driven:
    offered: int
    left_out: int  # not even asked, since all of the last second were still unanswered
    answers: list[Asked]


@contextmanager
def blackbox(bench: Bench, ca_file: Path | None = None) -> Iterator[Blackbox]:
    folder, port = bench.room("blackbox"), free_ports(1)[0]
    (folder / "blackbox.yml").write_text(_CONFIG)
    argv = [
        program("prometheus-blackbox-exporter", "blackbox_exporter"),
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    env = {"SSL_CERT_FILE": str(ca_file)} if ca_file else {}
    if bench.cores.apart:
        env["GOMAXPROCS"] = "1"
    with running(argv, folder=folder, cores=bench.cores.measured, env=env) as process:
        wait_for(port, process)
        yield Blackbox(process, port)


def paths(urls: Sequence[str]) -> list[str]:
    return [f"/probe?module=plain&target={quote(url, safe='{}')}" for url in urls]


@contextmanager
def driving(bench: Bench, job: Job) -> Iterator[Path]:
    """A driver at work beside the block; its report is in the file when the block is over."""
    folder = bench.room("driver")
    order, report = folder / "job.json", folder / "report.json"
    order.write_text(json.dumps(job))
    argv: list[str | Path] = [sys.executable, "-m", "benchmarks.common.driver", order, report]
    env = {"PYTHONPATH": str(ROOT)}
    with running(argv, folder=folder, cores=bench.cores.others, env=env) as process:
        yield report
        process.wait(job["seconds"] + 30)


def driven(report: Path) -> Driven:
    said = json.loads(report.read_text())
    return Driven(said["offered"], said["left_out"], [Asked(*row) for row in said["answers"]])


def figure(body: str, series: str) -> float:
    """One value out of an answer; nan where it is not there."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", body, re.MULTILINE)
    return float(found.group(1)) if found else float("nan")
