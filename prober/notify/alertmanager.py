"""What an Alertmanager is told, how often again, and when a cluster of them has accepted.

A firing alert says that it ends 15 minutes from now and is sent again every
minute, so that it ends by itself when the agent is gone for good; a resolved
one is sent again for 15 minutes, since an Alertmanager may forget. Each
member of a cluster is told; one that accepts is enough. A member that has just
failed is left out for a moment, so that it does not hold up the others; one that
asked to be left alone for so long is, while there is another to ask.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from typing import Annotated, ClassVar
from weakref import WeakKeyDictionary

import httpx
from pydantic import AfterValidator, Field, JsonValue

from prober.alerts.notice import MOVED, Delivery, Notice
from prober.check import Model
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import answers, post
from prober.notify.answers import Busy, TurnedAway
from prober.notify.post import Post, Url
from prober.notify.traits import Traits
from prober.units import Duration, rfc3339

AHEAD = 15 * 60.0  # how far a firing alert's end lies ahead
AGAIN_EVERY = 60.0
RESOLVED_FOR = 15 * 60.0  # how long a resolved alert is sent again
BATCH = 256  # alerts in one request
LEFT_OUT_FOR = 15.0  # seconds

_OF_ITS_API = re.compile(r"/api(/v[12](/alerts)?)?/?$")

log = getLogger(__name__)


def _of_itself(urls: tuple[Url, ...]) -> tuple[Url, ...]:
    for url in urls:
        if found := _OF_ITS_API.search(url.reveal().path):
            own = "the URL is the Alertmanager's own, without the path of its API"
            raise ValueError(f"{url} ends in {found[0]}; {own}")
    return urls


class AlertmanagerSettings(Model):
    urls: Annotated[tuple[Url, ...], Field(min_length=1), AfterValidator(_of_itself)]
    timeout: Annotated[Duration, Field(gt=0)] = 10.0


class AlertmanagerNotifier(Model):
    kind: ClassVar[str] = "alertmanager"
    TRAITS: ClassVar[Traits] = Traits(people=False, most=BATCH)

    alertmanager: AlertmanagerSettings


@dataclass(frozen=True, slots=True)
class _Failed:
    """How a member failed that was told last, and for how long it rests."""

    how: str
    rests_until: float  # monotonic
    asked: bool  # for that rest


# By client: two agents in a process are two.
_failed: WeakKeyDictionary[httpx.AsyncClient, dict[Url, _Failed]] = WeakKeyDictionary()


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
    asked, turns = _in_turn(notifier.alertmanager.urls, failed, clock.monotonic())
    errors: list[DeliveryError] = [
        DeliveryError(f"{url} asked to be left alone", retry_after=left)
        for url, left in asked.items()
    ]
    for members in turns:
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


def _in_turn(
    urls: Sequence[Url], failed: Mapping[Url, _Failed], now: float
) -> tuple[Mapping[Url, float], tuple[Sequence[Url], ...]]:
    """Whom not to tell (and for how long), and whom first, and whom if none of those accepts."""
    left = {url: failed[url].rests_until - now if url in failed else 0.0 for url in urls}
    asked = {url: left[url] for url in urls if left[url] > 0 and failed[url].asked}
    if len(asked) == len(left):
        return {}, (urls,)
    ready = [url for url in urls if left[url] <= 0]
    return asked, (ready, [url for url in urls if left[url] > 0 and url not in asked])


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
    failed: dict[Url, _Failed],
    url: Url,
    answer: DeliveryError | None,
    now: float,
    *,
    quiet: bool,
) -> None:
    """Says once that a member fails while another accepts, and once that it is back."""
    known = failed.pop(url, None)
    before = known.how if known else ""
    if answer is None:
        if before:
            log.info("%s accepts alerts again", url)
        return
    how = answers.without_answer(str(answer))
    if how != before and not quiet:
        log.warning("%s; another Alertmanager of the cluster accepted", answer)
    wish = answer.retry_after if isinstance(answer, Busy) else None
    failed[url] = _Failed(
        how=before if quiet else how,
        rests_until=now + (LEFT_OUT_FOR if wish is None else wish),
        asked=wish is not None,
    )


def _together(errors: Sequence[DeliveryError]) -> DeliveryError:
    """As hopeful as the most hopeful of them; one that has no wish may be asked at any time."""
    message = "; ".join(str(error) for error in errors)
    hopeful = [error for error in errors if not error.permanent]
    wishes = [error.retry_after for error in hopeful if error.retry_after is not None]
    wish = min(wishes) if wishes and len(wishes) == len(hopeful) else None
    if all(isinstance(error, Busy) for error in errors):
        return Busy(message, retry_after=wish)
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
    """Whether an accepted alert is to be sent again.

    Not the end of one whose check another agent has by now: to an Alertmanager
    that agent's would be the same, and over every minute.
    """
    if not notice.event.is_over:
        return True
    if notice.annotations.get("description") == MOVED:
        return False
    return now - notice.at < RESOLVED_FOR
