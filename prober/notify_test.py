"""Do the notifiers reach whom they should? Each is told of a test alert, and that it is over.

It needs no agent and leaves nothing behind: one try each, nothing is written down.
Commands are run only where they are named: a test may restart what is well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

import httpx

from prober.alerts.notice import Event, Notice, delivery
from prober.clock import Clock, SystemClock
from prober.config.model import Config
from prober.errors import DeliveryError, StartError
from prober.notify import AnyNotifier, Means, Told, command, post, send, takes
from prober.notify.command import CommandNotifier
from prober.stdout import say
from prober.units import rfc3339

RULE, ALERTNAME = "test", "ProberTest"
ACCEPTED = "accepted"


async def run(config: Config, names: Sequence[str], clock: Clock | None = None) -> int:
    """One line each on stdout; 0 where all have accepted both, else 1. Raises StartError."""
    chosen = _chosen(config, names)
    clock = clock or SystemClock()
    notices = _notices(config, clock.now())
    async with asyncio.TaskGroup() as tasks:
        asked = {
            name: tasks.create_task(_asked(notifier, name, notices, config, clock))
            for name, notifier in chosen.items()
        }
    answers = {name: task.result() for name, task in asked.items()}
    for name in chosen:
        say(f"{name}: {config.scrub(answers[name].said)}")
    return 0 if all(answer.well for answer in answers.values()) else 1


class Answer(NamedTuple):
    said: str
    well: bool


def _chosen(config: Config, names: Sequence[str]) -> dict[str, AnyNotifier]:
    there = ", ".join(config.notifiers)
    if not there:
        raise StartError("the config has no notifiers; write them under notifiers:")
    if not names and all(isinstance(one, CommandNotifier) for one in config.notifiers.values()):
        raise StartError(f"there are only commands, which are run where they are named: {there}")
    unknown = [name for name in dict.fromkeys(names) if name not in config.notifiers]
    if unknown:
        said = "\n".join(f"no notifier {name!r}; there are {there}" for name in unknown)
        raise StartError(said)
    others = [n for n, one in config.notifiers.items() if not isinstance(one, CommandNotifier)]
    return {name: config.notifiers[name] for name in names or others}


async def _asked(
    notifier: AnyNotifier, name: str, notices: Sequence[Notice], config: Config, clock: Clock
) -> Answer:
    """With a client of its own, that hears which statuses it is answered with."""
    heard: dict[int, None] = {}

    async def hear(response: httpx.Response) -> None:
        heard[response.status_code] = None

    async with post.client() as client:
        client.event_hooks = {"response": [hear]}
        means = Means(client=client, clock=clock, scrub=config.scrub)
        answer = await _tell(notifier, name, notices, means)
    statuses = ", ".join(map(str, heard))
    return Answer(f"{ACCEPTED} ({statuses})", True) if statuses and answer.well else answer


async def _tell(
    notifier: AnyNotifier, name: str, notices: Sequence[Notice], means: Means
) -> Answer:
    """What became of it; of what was never announced no end is told."""
    known: dict[str, str] = {}
    answers: list[str] = []
    for notice in notices:
        if notice.event not in takes(notifier):
            continue
        one = delivery(notice, name, 0)
        try:
            told = Told(notifier=notifier, deliveries=(one,), receipts=known)
            said = (await send(told, means)).get(one.id, "")
        except DeliveryError as error:
            said = str(error) if notice.event is Event.FIRING else f"its end: {error}"
            return Answer(said, well=False)
        known[notice.key] = said
        answers.append(" ".join(said.split()))
    if isinstance(notifier, CommandNotifier):
        well = all(said.startswith(command.WELL) for said in answers)
        return Answer("; ".join(answers) or "a test is none of its events", well)
    return Answer(ACCEPTED, well=True)


def _notices(config: Config, now: float) -> tuple[Notice, Notice]:
    """An alert of its own, so that no incident is mixed up with it."""
    region = config.agent.region
    firing = {
        "summary": f"TEST of the notifiers in {region}: nothing is wrong",
        "description": "sent by `prober notify test`; its end follows at once",
        "reason": "test",
        "since": rfc3339(now),
    }
    over = {**firing, "summary": f"TEST of the notifiers in {region} is over", "duration": "0 s"}
    over["description"] = "sent by `prober notify test`"
    labels = {
        **config.agent.labels,
        "alertname": ALERTNAME,
        "alert": RULE,
        "kind": "agent",
        "region": region,
        "severity": config.severities[0],
    }
    key = f"{region}//{RULE}/{uuid4().hex}"
    url = f"{config.web.external_url}/" if config.web.external_url else ""

    def notice(event: Event, annotations: dict[str, str], ends_at: float | None) -> Notice:
        return Notice(
            event=event,
            key=key,
            labels=labels,
            annotations=annotations,
            starts_at=now,
            ends_at=ends_at,
            at=now,
            url=url,
        )

    return notice(Event.FIRING, firing, None), notice(Event.RESOLVED, over, now)
