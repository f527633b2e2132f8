"""Does the agent keep its schedule? 1,000 HTTP checks a second apart, against a local nginx.

    scripts/bench schedule [--checks N] [--seconds S]

The agent is a real one, started as its user would start it: metrics, history
and alert state included, scraped every 5 s. Prints the schedule lag (from the
agent's own histogram), whether a run was lost or doubled (from its history),
and what it cost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sqlite3
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok, this is a small page of forty-eight bytes.."; }} }}
}}
"""
BUCKET = re.compile(r'prober_schedule_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.e+]+)')
PORT = 19700
WARM_UP = 12.0  # seconds: first runs are spread over the interval, and imports are over


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read from outside at one moment."""

    lags: dict[float, float]  # upper edge in seconds → runs
    cpu: float  # seconds
    at: float  # monotonic seconds

    def minus(self, other: Sample) -> Sample:
        return Sample(
            {edge: n - other.lags.get(edge, 0) for edge, n in self.lags.items()},
            self.cpu - other.cpu,
            self.at - other.at,
        )

    def quantile(self, share: float) -> str:
        wanted = share * max(self.lags.values())
        edge = min(edge for edge, count in self.lags.items() if count >= wanted)
        return f"<= {edge * 1000:g} ms"


async def sample(client: httpx.AsyncClient, url: str, pid: int) -> Sample:
    text = (await client.get(url + "metrics")).text
    lags = {float(edge): float(count) for edge, count in BUCKET.findall(text)}
    return Sample(lags, cpu_seconds(pid), asyncio.get_running_loop().time())


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(folder: Path, checks: int, seconds: float) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:.tools/usr/sbin")
    if nginx is None:
        sys.exit("nginx is missing; scripts/tools gets it")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=PORT))
    target = await asyncio.create_subprocess_exec(
        nginx, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"
    )
    lines = [
        "agent: {region: bench}",
        "web: {listen: '127.0.0.1:19701'}",
        "defaults: {interval: 1s, timeout: 1s}",
        "checks:",
    ]
    lines += [f"  - {{name: check-{n}, http: 'http://127.0.0.1:{PORT}/'}}" for n in range(checks)]
    (folder / "config.yaml").write_text("\n".join(lines))
    agent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "prober",
        "--log-level",
        "warning",
        "run",
        "-c",
        folder / "config.yaml",
    )
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await asyncio.sleep(WARM_UP)
            before = await sample(client, "http://127.0.0.1:19701/", agent.pid)
            for _ in range(int(seconds // 5)):
                await asyncio.sleep(5)
                after = await sample(client, "http://127.0.0.1:19701/", agent.pid)
            text = (await client.get("http://127.0.0.1:19701/metrics")).text
    finally:
        agent.terminate()
        await agent.wait()
        target.terminate()
        await target.wait()
    report(folder, checks, after.minus(before), text)


def report(folder: Path, checks: int, seen: Sample, text: str) -> None:
    runs, seconds = max(seen.lags.values()), seen.at
    skipped = sum(
        float(line.split()[-1])
        for line in text.splitlines()
        if line.startswith("prober_runs_skipped_total{")
    )
    rss = next(
        float(line.split()[-1])
        for line in text.splitlines()
        if line.startswith("process_resident_memory_bytes ")
    )
    database = sqlite3.connect(folder / "data" / "prober.db")
    steps = "select started_at - lag(started_at) over (partition by check_name order by started_at) as step from results"
    lost, doubled, not_up = (
        database.execute(query).fetchone()[0]
        for query in (
            f"select count(*) from ({steps}) where step > 1.5",  # noqa: S608  # our own text
            f"select count(*) from ({steps}) where step < 0.5",  # noqa: S608  # our own text
            "select count(*) from results where outcome != 'up'",
        )
    )
    database.close()
    print(f"{checks} checks every 1 s for {seconds:.1f} s: {runs:.0f} runs, {runs / seconds:.0f}/s")
    print(
        f"schedule lag: p50 {seen.quantile(0.5)}, p99 {seen.quantile(0.99)}, p99.9 {seen.quantile(0.999)}"
    )
    print(f"lost {lost}, doubled {doubled}, skipped {skipped:.0f}, not up {not_up}")
    print(
        f"CPU {seen.cpu / runs * 1e6:.0f} us a run, {seen.cpu / seconds:.2f} of a core; RSS {rss / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--checks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(Path(name), options.checks, options.seconds))
