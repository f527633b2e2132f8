"""How one message is sent: what it says, what is claimed before, and whose fault a failure is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from logging import getLogger
from typing import Protocol, TypeAlias, TypeVar

from prober.alerts.notice import Delivery
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import AnyNotifier, Means, Told, alertmanager, post, send
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.lane import Lane
from prober.notify.news import News

log = getLogger(__name__)

INTERRUPTED = (
    "interrupted: not run again"  # what becomes of what was claimed by an agent that ended
)

T = TypeVar("T")
# Writes down that a delivery is about to be told once; False where that cannot be done.
Claim: TypeAlias = Callable[[str], Awaitable[bool]]
# Hears how each try ended: the notifier's name, and "accepted", "retried", "dead" or "not_run".
Counted: TypeAlias = Callable[[str, str], None]


class Mark(Protocol):
    """Writes down what became of a delivery: delivered, dead, superseded or not_run. Never raises."""

    def __call__(
        self, delivery_id: str, status: str, error: str = "", answer: str = "", /
    ) -> Awaitable[None]: ...


async def anything(_: str) -> bool:
    """A claim that needs no writing down."""
    return True


class Orphaned(DeliveryError):
    """There is no notifier to tell it, which is no receiver's fault."""


class Telling:
    """`close` ends the client that all of an agent's notifiers share."""

    def __init__(
        self,
        notifiers: Mapping[str, AnyNotifier],
        clock: Clock,
        *,
        claim: Claim,
        news: News,
        scrub: Callable[[str], str] = str,
    ) -> None:
        self.notifiers = notifiers
        self._clock = clock
        self._claim = claim
        self._news = news
        self._client = post.client()
        self._means = Means(client=self._client, clock=clock, scrub=scrub)

    async def close(self) -> None:
        await self._client.aclose()

    def people(self, name: str) -> bool:
        """Whether the notifier of this name is there and read by some."""
        notifier = self.notifiers.get(name)
        return notifier is not None and notifier.TRAITS.people

    async def tell(self, lanes: Sequence[Lane]) -> None:
        """What is first on each of the lanes, which are of one notifier, in one message.

        Raises DeliveryError; what was claimed is then lost.
        """
        name = lanes[0].notifier
        if (notifier := self.notifiers.get(name)) is None:
            raise Orphaned("no notifier has this name any more")
        told = Told(
            notifier=notifier,
            deliveries=tuple(lane.waiting[0] for lane in lanes),
            receipts={key: said for lane in lanes for key, said in lane.receipts.items()},
        )
        once = notifier.TRAITS.claims
        for lane in lanes if once else ():
            await self._claim_first(lane)
        try:
            answers = await self._sent(send(told, self._means), name, lanes[0])
        except DeliveryError as error:
            if once and not error.permanent:
                raise DeliveryError(str(error), permanent=True) from error
            raise
        for lane, delivery in zip(lanes, told.deliveries, strict=True):
            lane.answer = answers.get(delivery.id, "")

    async def again(
        self, name: str, notifier: AlertmanagerNotifier, standing: Sequence[Delivery]
    ) -> None:
        """What an Alertmanager was told before. Raises DeliveryError."""
        told = alertmanager.send_all(notifier, standing, self._client, self._clock)
        await self._sent(told, name)

    async def _claim_first(self, lane: Lane) -> None:
        if not await self._claim(lane.waiting[0].id):
            raise DeliveryError("not while the store is gone: nobody would know that it was done")
        lane.claimed = True

    async def _sent(self, told: Awaitable[T], notifier: str, lane: Lane | None = None) -> T:
        try:
            answers = await told
        except DeliveryError:
            raise
        except Exception as error:  # a notifier's own fault must not end delivery
            failure = f"a fault of the agent's own: {type(error).__name__}"
            if self._news.first_heard(failure, notifier, lane):
                log.exception("telling %s failed", notifier)
            raise DeliveryError(failure) from error
        self._news.well(notifier)
        return answers
