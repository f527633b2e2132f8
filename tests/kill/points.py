"""Where an agent can be killed on a notice's way, each of them a place in one of our own functions."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from prober.alerts.notice import Delivery, Event
from prober.notify import Means, Told, send, telling
from prober.notify.command import CommandNotifier
from prober.notify.lane import Lane
from prober.notify.telling import Telling
from prober.notify.webhook import WebhookNotifier
from prober.settle import Settle
from prober.store.batch import Batch
from prober.store.database import Store

UNANSWERED = 0.3  # seconds that a request is on its way before the agent dies of it


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit("a process that was killed goes nowhere")


def before_commit(event: Event) -> None:
    """What fired is known, and not yet safe."""
    commit = Store.commit

    async def dying(self: Store, batch: Batch) -> tuple[str, ...]:
        if _says(event, batch.deliveries):
            die()
        return await commit(self, batch)

    _put(Store, "commit", dying)


def after_commit(event: Event) -> None:
    """It is safe, and nobody has it in hand."""
    commit = Store.commit

    async def dying(self: Store, batch: Batch) -> tuple[str, ...]:
        dropped = await commit(self, batch)
        if _says(event, batch.deliveries):
            die()
        return dropped

    _put(Store, "commit", dying)


def before_post(event: Event) -> None:
    """It was handed on, and its turn has come."""
    tell = Telling.tell

    async def dying(self: Telling, lanes: Sequence[Lane]) -> None:
        if _says(event, [lane.waiting[0] for lane in lanes]):
            die()
        await tell(self, lanes)

    _put(Telling, "tell", dying)


def posted(event: Event) -> None:
    """It is on its way, and the receiver has not answered."""

    async def dying(told: Told, means: Means) -> Mapping[str, str]:
        if _says(event, told.deliveries):
            asyncio.get_running_loop().call_later(UNANSWERED, die)
        return await send(told, means)

    _put(telling, "send", dying)


def answered(event: Event) -> None:
    """The receiver has accepted it, and only the receiver knows."""

    async def dying(told: Told, means: Means) -> Mapping[str, str]:
        answers = await send(told, means)
        if _says(event, told.deliveries):
            die()
        return answers

    _put(telling, "send", dying)


def queued(event: Event) -> None:
    """That it is delivered is to be written."""
    mark = Settle.mark

    async def dying(self: Settle, id_: str, status: str, error: str = "", answer: str = "") -> None:
        await mark(self, id_, status, error, answer)
        if f"/{event.value}/" in id_:
            die()

    _put(Settle, "mark", dying)


def marked(event: Event) -> None:
    """That it is delivered is written."""
    commit = Store.commit

    async def dying(self: Store, batch: Batch) -> tuple[str, ...]:
        dropped = await commit(self, batch)
        if any(f"/{event.value}/" in mark.id for mark in batch.marks):
            die()
        return dropped

    _put(Store, "commit", dying)


def claimed(event: Event) -> None:
    """It is written that a command is run, and it is not."""

    async def dying(told: Told, means: Means) -> Mapping[str, str]:
        if isinstance(told.notifier, CommandNotifier) and _says(event, told.deliveries):
            die()
        return await send(told, means)

    _put(telling, "send", dying)


POINTS: Mapping[str, Callable[[Event], None]] = {
    "before-commit": before_commit,
    "after-commit": after_commit,
    "before-post": before_post,
    "posted": posted,
    "answered": answered,
    "queued": queued,
    "marked": marked,
}
# An answer that nobody wrote down is asked for again.
REPEATED = frozenset({"answered", "queued"})
OF_COMMANDS = {"claimed": claimed}


def install(point: str) -> None:
    """`firing:answered`: the agent that runs in this process dies there. `nowhere` is no point.

    With `machine:` before it, webhooks are read by nobody: they are told everything.
    """
    if point.startswith("machine:"):
        point = point.removeprefix("machine:")
        _put(WebhookNotifier, "TRAITS", replace(WebhookNotifier.TRAITS, people=False, most=1))
    if point != "nowhere":
        event, _, place = point.partition(":")
        {**POINTS, **OF_COMMANDS}[place](Event(event))


def _put(where: object, name: str, what: object) -> None:
    setattr(where, name, what)


def _says(event: Event, deliveries: object) -> bool:
    assert isinstance(deliveries, list | tuple)
    return any(isinstance(one, Delivery) and one.notice.event is event for one in deliveries)
