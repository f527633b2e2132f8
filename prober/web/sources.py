"""What are the answers made of?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from prober import __version__
from prober.clock import Clock
from prober.export.board import Board
from prober.export.metrics import Metrics
from prober.web.probing import Probing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All that the handlers may ask; whatever is text in here has been scrubbed.

    `healthy`: the schedule turns. `ready`: from the first schedule until the
    drain. `reload` returns what changed, one text each, or raises a
    ProberError whose lines are all the reasons. `before_scrape` sets what is
    only measured when somebody scrapes. `notices` is what the page
    should say about the agent itself; `severities` the config's words, worst
    first.
    """

    board: Board
    metrics: Metrics
    clock: Clock
    region: str
    external_url: str | None
    data_dir: Path
    healthy: Callable[[], bool]
    ready: Callable[[], bool]
    reload: Callable[[], Awaitable[Sequence[str]]]
    probing: Probing
    version: str = __version__
    before_scrape: Callable[[], None] = lambda: None
    notices: Callable[[], Sequence[str]] = tuple
    severities: Callable[[], Sequence[str]] = tuple


SOURCES = web.AppKey("sources", Sources)
