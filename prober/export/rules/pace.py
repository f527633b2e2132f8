"""How long do the rules wait? All of it follows from how often the agents are scraped."""

from __future__ import annotations

from dataclasses import dataclass

from prober.export.scene import Scene

SLOWEST = 60.0  # seconds between two evaluations, at most
# Seconds until a Prometheus that has just started scrapes anybody: it looks for targets every 5 s.
START = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds."""

    every: float  # between two evaluations
    absent: float  # until a region of which nothing is known is missed
    blind: float  # until somebody is told that no agent is scraped
    grace: float  # for which the last word of an agent counts
    patience: float  # until what pages nobody is worth a look

    @classmethod
    def of(cls, scene: Scene) -> Pace:
        scrape = scene.every
        return cls(
            every=min(scrape, SLOWEST),
            absent=max(2 * scrape, scrape + START),
            blind=max(4 * scrape, scrape + START),
            grace=4 * scrape,
            patience=10 * scrape,
        )
