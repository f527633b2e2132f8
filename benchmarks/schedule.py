"""Does the agent keep its schedule? 1,000 HTTP checks a second apart, against a local nginx.

    scripts/bench schedule [--checks N] [--seconds S]

The agent is a real one, started as its user would start it: metrics, history
and alert state included, scraped every 5 s. Prints the schedule lag (from the
agent's own histogram), whether a run was lost or doubled (from its history),
and what it cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.common.agent import agent, buckets, check, since, total, value, within
from benchmarks.common.bench import CLOCK, Bench, bench, sleep_until
from benchmarks.common.history import rhythms
from benchmarks.common.nginx import nginx
from benchmarks.common.window import Pace, observe

INTERVAL = 1.0  # seconds
LAG = "prober_schedule_lag_seconds"


def measure(place: Bench, checks: int, pace: Pace) -> None:
    with nginx(place) as target:
        config = [check(f"check-{n}", url) for n, url in enumerate(target.urls("http", checks))]
        with agent(place, config, interval=INTERVAL, timeout=INTERVAL) as ours:
            sleep_until(CLOCK.monotonic() + pace.warm_up)
            before = ours.metrics()
            window = observe(ours.process, Pace(pace.seconds, 0.0), scraped=ours.port)
            text = ours.metrics()
        every, runs = ours.runs(), ours.runs(window)
    lags, known = since(buckets(text, LAG), buckets(before, LAG)), rhythms(every, INTERVAL)
    not_up = sum(run.outcome != "up" for run in runs)
    rss = value(text, "process_resident_memory_bytes") / 1e6
    rate = len(runs) / window.seconds
    print(f"{checks} checks every 1 s for {window.seconds:.1f} s: {len(runs)} runs, {rate:.0f}/s")
    p50, p99, rest = (within(lags, share) for share in (0.5, 0.99, 0.999))
    print(f"schedule lag: p50 {p50}, p99 {p99}, p99.9 {rest}")
    skipped = total(text, "prober_runs_skipped_total")
    print(f"lost {known.lost}, doubled {known.doubled}, skipped {skipped:.0f}, not up {not_up}")
    each, share = window.cpu / max(1, len(runs)) * 1e6, window.cpu / window.seconds
    print(f"CPU {each:.0f} us a run, {share:.2f} of a core; RSS {rss:.0f} MB")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument(
        "--warm-up", type=float, default=3.0, help="seconds; first runs are spread over one"
    )
    given = parser.parse_args(argv)
    with bench("The schedule of one whole agent, checks a second apart") as place:
        measure(place, given.checks, Pace(given.seconds, given.warm_up))


if __name__ == "__main__":
    main()
