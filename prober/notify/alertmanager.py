"""What an Alertmanager is told, how often again, and when a cluster of them has accepted.

A firing alert says that it ends 15 minutes from now and is sent again every
minute, so that it ends by itself when the agent is gone for good; a resolved
one is sent again for 15 minutes, since an Alertmanager may forget. Each
member of a cluster is told; one that accepts is enough. A member that has just
failed is left out for a moment, so that it does not hold up the others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from logging import getLogger
from typing import Annotated, ClassVar
from weakref import WeakKeyDictionary

import httpx
from pydantic import Field, JsonValue

from prober.alerts.notice import Delivery, Notice
from prober.check import Model
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import post
from prober.notify.post import Post, TurnedAway, Url
from prober.notify.traits import Traits
from prober.units import Duration, rfc3339

AHEAD = 15 * 60.0  # how far a firing alert's end lies ahead
AGAIN_EVERY = 60.0
RESOLVED_FOR = 15 * 60.0  # how long a resolved alert is sent again
BATCH = 256  # alerts in one request
LEFT_OUT_FOR = 15.0  # seconds

log = getLogger(__name__)


class AlertmanagerSettings(Model):
    urls: Annotated[tuple[Url, ...], Field(min_length=1)]
    timeout: Annotated[Duration, Field(gt=0)] = 10.0


class AlertmanagerNotifier(Model):
    kind: ClassVar[str] = "alertmanager"
    TRAITS: ClassVar[Traits] = Traits(people=False, most=BATCH)

    alertmanager: AlertmanagerSettings


# When a member last failed (monotonic), and how, by client: two agents in a process are two.
_failed: WeakKeyDictionary[httpx.AsyncClient, dict[Url, tuple[float, str]]] = WeakKeyDictionary()


async def send(
    notifier: AlertmanagerNotifier, delivery: Delivery, client: httpx.AsyncClient, clock: Clock
) -> None:
    """Returns when a member of the cluster has accepted. Raises DeliveryError."""
    await send_all(notifier, [delivery], client, clock)


async def send_all(
    notifier: AlertmanagerNotifier,
    deliveries: Sequence[Delivery],
    client: httpx.AsyncClient,
    clock: Clock,
) -> None:
    """The same for several alerts (at most `BATCH`) in one request."""
    raw = json.dumps([alert(delivery.notice, clock.now()) for delivery in deliveries]).encode()
    failed = _failed.setdefault(client, {})
    urls = notifier.alertmanager.urls
    earliest = clock.monotonic() - LEFT_OUT_FOR
    resting = [url for url in urls if url in failed and failed[url][0] > earliest]
    errors: list[DeliveryError] = []

    for members in ([url for url in urls if url not in resting], resting):
        posts = [_post(url, raw, notifier.alertmanager.timeout) for url in members]
        answers = await _tell(posts, client, clock)
        accepted = any(answer is None for answer in answers)
        known_at = clock.monotonic()  # a timeout may be longer than the rest that follows it
        for url, answer in zip(members, answers, strict=True):
            _remember(failed, url, answer, known_at, quiet=not accepted)
        if accepted:
            return
        errors += [answer for answer in answers if answer is not None]
    raise _together(errors)


def _post(url: Url, raw: bytes, timeout: float) -> Post:
    return Post(url=url, under="/api/v2/alerts", body=raw, headers={}, timeout=timeout)


async def _tell(
    posts: Sequence[Post], client: httpx.AsyncClient, clock: Clock
) -> list[DeliveryError | None]:
    """All at once, and all are waited for: a straggler must not overtake what is sent next."""

    async def tell(one: Post) -> DeliveryError | None:
        try:
            await post.send(one, client, clock)
        except DeliveryError as error:
            return error
        return None

    async with asyncio.TaskGroup() as tasks:
        told = [tasks.create_task(tell(one)) for one in posts]
    return [task.result() for task in told]


def _remember(
    failed: dict[Url, tuple[float, str]],
    url: Url,
    answer: DeliveryError | None,
    now: float,
    *,
    quiet: bool,
) -> None:
    """Says once that a member fails while another accepts, and once that it is back."""
    _, before = failed.pop(url, (now, ""))
    if answer is None:
        if before:
            log.info("%s accepts alerts again", url)
        return
    how = post.without_answer(str(answer))
    if how != before and not quiet:
        log.warning("%s; another Alertmanager of the cluster accepted", answer)
    failed[url] = (now, before if quiet else how)


def _together(errors: Sequence[DeliveryError]) -> DeliveryError:
    """As hopeful as the most hopeful of them."""
    wishes = [error.retry_after for error in errors if error.retry_after is not None]
    message = "; ".join(str(error) for error in errors)
    wish = min(wishes, default=None)
    hopeful = [error for error in errors if not error.permanent]
    if hopeful and all(isinstance(error, TurnedAway) for error in hopeful):
        return TurnedAway(message, retry_after=wish)
    return DeliveryError(message, permanent=not hopeful, retry_after=wish)


def alert(notice: Notice, now: float) -> dict[str, JsonValue]:
    """One alert of `POST /api/v2/alerts`: labels are its identity, annotations the rest."""
    if notice.event.is_over:
        ends_at = notice.at if notice.ends_at is None else notice.ends_at
    else:
        ends_at = now + AHEAD
    told: dict[str, JsonValue] = {
        "labels": {name: value for name, value in notice.labels.items() if value},
        "annotations": {name: value for name, value in notice.annotations.items() if value},
        "startsAt": rfc3339(notice.starts_at),
        # An end before the beginning, as a clock that was set back gives it, is refused.
        "endsAt": rfc3339(max(ends_at, notice.starts_at)),
    }
    return {**told, "generatorURL": notice.url} if notice.url else told


def keep_telling(notice: Notice, now: float) -> bool:
    """Whether an accepted alert is to be sent again."""
    if not notice.event.is_over:
        return True
    return now - notice.at < RESOLVED_FOR
