"""Does one agent carry 10,000 checks at 30 s, and does a scrape of it disturb what it measures?

    scripts/bench scale [--checks N] [--interval S] [--seconds S]

A whole agent: most checks HTTP with expectations and labels, some HTTPS, some
tcp, all against one nginx, scraped every 5 s as Prometheus does it. What is
shown comes from its metrics (schedule and loop lag, commits), from its history
(latencies, runs lost and doubled, how late each run began beside the check's
other runs, and how soon a result was on disk) and from /proc.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.common.agent import Agent, again, agent, buckets, since, total, within
from benchmarks.common.bench import CLOCK, Bench, bench, note, sleep_until
from benchmarks.common.history import Run, Spans, rhythms, watched
from benchmarks.common.nginx import Nginx, nginx
from benchmarks.common.table import quantile, quantiles, show
from benchmarks.common.web import Scrape, scrape
from benchmarks.common.window import SCRAPE_EVERY, Window
from prober.schedule import Start

TIMEOUT = 10.0  # seconds, of a check
PATIENCE = 60.0  # seconds, for the scrapes at both ends, which must be had
COMMIT = "prober_store_commit_seconds"

HTTP = """  - name: http-{n}
    severity: high
    labels: {{team: team-{team}, route: /service/{n}}}
    http:
      url: {url}
      expect: {{status: 200, body: {{contains: small page}}, headers: {{Content-Type: {{contains: text}}}}, duration: 5s}}"""
HTTPS = """  - name: https-{n}
    labels: {{team: team-{team}}}
    http: {{url: '{url}', expect: {{status: 200, certificate: {{valid_for: 1d}}}}}}"""
TCP = "  - {{name: tcp-{n}, tcp: '{address}'}}"


def mixed(target: Nginx, count: int) -> list[str]:
    """Of twenty checks one is tcp, two are HTTPS (one of each certificate), the rest is HTTP."""
    plain, ecdsa, rsa = (target.urls(scheme, count) for scheme in ("http", "ecdsa", "rsa"))
    said = []
    for n in range(count):
        match n % 20:
            case 0:
                address = plain[n].removeprefix("http://").rstrip("/")
                said.append(TCP.format(n=n, address=address))
            case 7 | 14:
                url = (ecdsa if n % 20 == 7 else rsa)[n]
                said.append(HTTPS.format(n=n, team=n % 13, url=url))
            case _:
                said.append(HTTP.format(n=n, team=n % 13, url=plain[n]))
    return said


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read while the agent ran; the first and the last scrape bound the window."""

    window: Window
    scrapes: list[Scrape]
    rss: int  # bytes, the most that was seen
    waits: list[float]  # seconds from the end of a run until it was on disk

    @property
    def before(self) -> str:
        return self.scrapes[0].text

    @property
    def last(self) -> Scrape:
        return self.scrapes[-1]

    @property
    def spans(self) -> Spans:
        ahead = self.window.ahead
        return Spans(
            [one.began + ahead for one in self.scrapes], [one.ended + ahead for one in self.scrapes]
        )


def observed(ours: Agent, seconds: float) -> Seen:
    """From now on, with a scrape at both ends."""
    ahead = CLOCK.now() - CLOCK.monotonic()
    scrapes, rss = [scrape(ours.port, PATIENCE)], ours.process.rss()
    began, cpu = CLOCK.monotonic(), ours.process.cpu()
    with watched(ours.database) as arrivals:
        while (due := scrapes[-1].began + SCRAPE_EVERY) < began + seconds:
            sleep_until(due)
            scrapes.append(scrape(ours.port))
            rss = max(rss, ours.process.rss())
        sleep_until(began + seconds)
        cpu, ended = ours.process.cpu() - cpu, CLOCK.monotonic()
        scrapes.append(scrape(ours.port, PATIENCE))
    return Seen(Window(began, ended, cpu, ahead), scrapes, rss, arrivals.waits)


def tell(seen: Seen, runs: Sequence[Run], every: Sequence[Run], interval: float) -> None:
    """`runs` ended in the window, `every` one since the start is needed to tell who was late."""
    window, after = seen.window, seen.last.text
    known = rhythms(every, interval)
    lags, loop = (
        since(buckets(after, name), buckets(seen.before, name))
        for name in ("prober_schedule_lag_seconds", "prober_loop_lag_seconds")
    )
    commits = since(buckets(after, COMMIT), buckets(seen.before, COMMIT))
    skipped = total(after, "prober_runs_skipped_total")
    outcomes = Counter(run.outcome for run in runs)
    series = sum(not line.startswith("#") for line in after.splitlines())
    took = [one.seconds * 1e3 for one in seen.scrapes]
    unanswered = sum(not one.body for one in seen.scrapes)
    rows = [
        ["runs", f"{len(runs):,}, {len(runs) / window.seconds:.0f}/s on average"],
        ["outcomes", ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items()))],
        ["lost, doubled, skipped", f"{known.lost}, {known.doubled}, {skipped:.0f}"],
        ["CPU", f"{window.cpu / window.seconds:.2f} of a core, {window.cpu / max(1, len(runs)) * 1e6:.0f} us/run"],
        ["RSS", f"{seen.rss / 1e6:.0f} MB"],
        ["schedule lag p50, p99, p99.9", ", ".join(within(lags, q) for q in (0.5, 0.99, 0.999))],
        ["loop lag p50, p99, p99.9", ", ".join(within(loop, q) for q in (0.5, 0.99, 0.999))],
        ["scrapes, not answered in time", f"{len(took)}, {unanswered}"],
        ["scrape ms, median and worst", f"{median(took):.0f}, {max(took):.0f}"],
        ["scrape", f"{series:,} series, {len(after) / 1e6:.1f} MB, {len(seen.last.body) / 1e6:.2f} MB sent"],
        ["commit p50, p99", ", ".join(within(commits, q) for q in (0.5, 0.99)) if commits else "not in the metrics"],
        ["on disk after p50/p99 ms", quantiles(seen.waits, ".0f")],
    ]  # fmt: skip
    show(["the agent", ""], rows)
    print()
    beside(runs, known.late, seen.spans)


def beside(runs: Sequence[Run], late: dict[Run, float], spans: Spans) -> None:
    """Runs that were under way while somebody scraped, beside all others."""
    head = ["under way in a scrape", "runs", "others", "p50/p99 ms", "others'", "p99 more by ms"]
    rows = []
    for kind in ("http", "https", "tcp"):
        own = [run for run in runs if run.check.startswith(f"{kind}-") and run.outcome == "up"]
        rows.append(compared(f"latency, {kind}", own, [run.seconds for run in own], spans))
    rows.append(compared("begun late, all", runs, [late[run] for run in runs], spans))
    show(head, rows)


def compared(name: str, runs: Sequence[Run], values: Sequence[float], spans: Spans) -> list[str]:
    during: list[float] = []
    apart: list[float] = []
    for run, value in zip(runs, values, strict=True):
        (during if spans.touch(run) else apart).append(value)
    more = quantile(during, 0.99) - quantile(apart, 0.99)
    return [
        name,
        f"{len(during):,}",
        f"{len(apart):,}",
        quantiles(during),
        quantiles(apart),
        f"{more * 1e3:+.2f}",
    ]


def first_runs(checks: int, interval: float) -> float:
    """Seconds after a start within which an agent has run each check once, and a bit."""
    return min(Start(0.0, checks).spread, interval) + min(2.0, interval / 5)


def measure(place: Bench, checks: int, interval: float, seconds: float) -> None:
    with nginx(place) as target:
        env = {"SSL_CERT_FILE": str(target.ca_file)}
        config = mixed(target, checks)
        timeout = min(TIMEOUT, interval)
        note("starting")
        with agent(place, config, interval=interval, timeout=timeout, env=env) as ours:
            note(f"measuring for {seconds:g} s")
            sleep_until(CLOCK.monotonic() + first_runs(checks, interval))
            first = scrape(ours.port, PATIENCE)  # all is new to it, and that is only once
            sleep_until(CLOCK.monotonic() + 1.0)
            seen = observed(ours, seconds)
        every = ours.runs()
        note("starting once more")
        with again(place, ours, env) as later:
            cold, warm = ours.startup, later.startup
    runs = ours.runs(seen.window)
    print(f"{checks:,} checks every {interval:g} s; ready {cold:.1f} s after the start, {warm:.1f} s with a history of {len(every):,} runs; the first scrape took {first.seconds * 1e3:.0f} ms\n")  # fmt: skip
    tell(seen, runs, every, interval)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checks", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=30.0, help="seconds")
    parser.add_argument(
        "--seconds", type=float, default=90.0, help="a multiple of the interval (default: 90)"
    )
    given = parser.parse_args(argv)
    with bench("One whole agent with many checks of every kind") as place:
        measure(place, given.checks, given.interval, given.seconds)


if __name__ == "__main__":
    main()
