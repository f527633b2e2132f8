"""Does an agent that is killed again and again lose an incident, or tell one twice without cause?

    scripts/bench kills [--count N]

Six checks fail and heal at random, and the agent is killed with -9 at random
moments, 200 times, which takes about ten minutes. What its receiver accepted is
then held against the laws of `tests/kill`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.bench import bench, note
from benchmarks.common.table import show
from tests.kill.lives import Lives, broken_laws, kill_at_random
from tests.kill.nursery import Nursery, nursery

AT_A_TIME = 20  # kills of one agent


def figures(lives: Lives) -> Counter[str]:
    told = {(one.key, one.status) for one in lives.heard}
    return Counter(
        {
            "kills": lives.now - 2,  # its last two lives end in peace
            "incidents": len({key for key, _ in told}),
            "messages": len(lives.heard),
            "told twice": len(lives.heard) - len(told),
            "never ended": sum((key, "resolved") not in told for key, _ in told),
            "laws broken": len(broken_laws(lives.heard)),
        }
    )


def kills(folder: Path, agents: Nursery, count: int, seed: int, longest: float) -> Counter[str]:
    """All that was seen; every agent begins with nothing."""
    seen: Counter[str] = Counter()
    for begun in range(0, count, AT_A_TIME):
        place = folder / f"agent-{begun}"
        place.mkdir()
        some = min(AT_A_TIME, count - begun)
        lives = asyncio.run(kill_at_random(place, agents, some, seed + begun, longest=longest))
        seen.update(figures(lives))
        note(f"{seen['kills']} kills, {seen['incidents']} incidents")
        for law in broken_laws(lives.heard):
            note(law)
    return seen


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="kills (default: %(default)d)")
    parser.add_argument(
        "--seconds", type=float, default=2.5, help="of the longest life (default: %(default)g)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of all dice (default: %(default)d)")
    given = parser.parse_args(argv)
    with bench("Killed at random moments: is anything lost?") as place, nursery() as agents:
        seen = kills(place.folder, agents, given.count, given.seed, given.seconds)
        names = ["kills", "incidents", "messages", "told twice", "never ended", "laws broken"]
        show(["", *names], [["ours", *(str(seen[name]) for name in names)]])
    sys.exit(1 if seen["laws broken"] or seen["never ended"] else 0)


if __name__ == "__main__":
    main()
