"""What may be said on the command line of a benchmark?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.common.window import Pace


@dataclass(frozen=True, slots=True)
class Options:
    pace: Pace
    rounds: int
    only: str | None
    rate: int | None


def options(
    doc: str | None,
    argv: Sequence[str] | None,
    names: Sequence[str],
    *,
    seconds: float,
    rounds: int,
) -> Options:
    """`doc` is the benchmark's, `names` are those of its loads, the numbers are its defaults."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=seconds, help="of each measurement (default: %(default)g)"
    )
    parser.add_argument(
        "--warm-up", type=float, default=2.0, help="seconds before each (default: %(default)g)"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=rounds,
        help="of each program, in turns (default: %(default)d)",
    )
    parser.add_argument("--only", choices=names, help="one load instead of all")
    parser.add_argument("--rate", type=int, help="in place of every load's own number")
    given = parser.parse_args(argv)
    return Options(Pace(given.seconds, given.warm_up), given.rounds, given.only, given.rate)
