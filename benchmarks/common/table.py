"""How are figures shown?"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

ENOUGH = 0.98  # of what was due


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first column is words, all others are figures."""
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    for line in lines:
        first, *others = [
            word.ljust(width) if place == 0 else word.rjust(width)
            for place, (word, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join([first, *others]).rstrip(), flush=True)


def spread(values: Sequence[float], form: str = ".0f") -> str:
    """The median, and from where to where they go."""
    if not values:
        return "-"
    middle, least, most = (
        f"{value:{form}}" for value in (median(values), min(values), max(values))
    )
    return f"{middle} ({least}-{most})" if len(values) > 1 else middle


def of_offered(share: float) -> str:
    """What was done of what was due; marked where figures of the rest mean little."""
    return f"{share:.1%}" + ("" if share >= ENOUGH else " TOO FEW")


def quantile(values: Sequence[float], share: float) -> float:
    """Of values in any order; nan of none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def quantiles(values: Sequence[float], form: str = ".2f", scale: float = 1e3) -> str:
    """p50 / p99, by default of seconds in milliseconds."""
    return f"{quantile(values, 0.5) * scale:{form}} / {quantile(values, 0.99) * scale:{form}}"


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """How many times theirs is ours, by the medians."""
    if not theirs or not ours or not median(ours):
        return "-"
    return f"{median(theirs) / median(ours):.2f}"
