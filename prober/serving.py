"""What may whoever asks over HTTP see of the agent, and set off in it?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from prober.alerts.reach import reaches
from prober.config.plan import plan
from prober.parts import Parts
from prober.web.app import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What only the agent itself knows of its schedule."""

    healthy: Callable[[], bool]
    ready: Callable[[], bool]
    reload: Callable[[], Awaitable[Sequence[str]]]


def sources(parts: Parts, doors: Doors) -> Sources:
    return Sources(
        board=parts.board,
        metrics=parts.metrics,
        clock=parts.clock,
        region=parts.config.agent.region,
        shard=str(parts.config.agent.shard or ""),
        external_url=parts.config.web.external_url,
        data_dir=parts.config.agent.data_dir,
        healthy=doors.healthy,
        ready=doors.ready,
        reload=doors.reload,
        probing=parts.probing,
        before_scrape=parts.before_scrape,
        notices=parts.notices,
        severities=lambda: parts.config.severities,
        decide=parts.decide,
        incidents=parts.store.incidents,
        incident=parts.store.story,
        audit=parts.store.audit,
        states=lambda: parts.settle.states,
        mutes=lambda: parts.settle.mutes,
        reaches=lambda mute: reaches(mute, plan(parts.config)),
        tells=lambda: parts.config.notifies,
        scrub=lambda text: parts.config.scrub(text),
    )
