"""What Alertmanagers are told again, and until when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from prober.alerts.notice import Delivery, Event
from prober.clock import Clock
from prober.notify import AnyNotifier, alertmanager
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.lane import Lane

ON_ITS_WAY = 60.0  # seconds that an end may take from what made it to its lane


class Standing:
    """Decides for each lane what stands; `burns` knows whether the incident of a key fires now.

    A firing stands while its incident burns, and for no other reason: a
    resolution may never be made (its notifier was not in the config then). A
    notifier that is gone may come back, so what it was told stands on.
    """

    def __init__(
        self, notifiers: Mapping[str, AnyNotifier], clock: Clock, burns: Callable[[str], bool]
    ) -> None:
        self.notifiers = notifiers
        self._clock = clock
        self._burns = burns

    def burns(self, delivery: Delivery) -> bool:
        """Whether it says that something fires, and that does."""
        return delivery.notice.event.says_firing and self._burns(delivery.notice.key)

    def resume(self, lane: Lane, delivery: Delivery) -> None:
        """Said before this process began: what burns outranks the end of what burnt before."""
        if lane.standing is None or not self.burns(lane.standing) or self.burns(delivery):
            self._put(lane, delivery)

    def accepted(self, lane: Lane, delivery: Delivery) -> None:
        lane.refused = None
        if lane.answer:
            lane.receipts[delivery.notice.key] = lane.answer
        known = lane.standing  # after a restart the same firing may stand in newer words already
        self._put(lane, known if known is not None and known.id == delivery.id else delivery)

    def given_up(self, lane: Lane, delivery: Delivery, *, permanent: bool) -> None:
        """An Alertmanager that was out is told all the same, one that cannot take it is not."""
        if not self.burns(delivery):
            lane.standing = lane.refused = None
        elif isinstance(self.notifiers.get(lane.notifier), AlertmanagerNotifier) and not permanent:
            lane.standing, lane.refused = delivery, None
        else:
            lane.refused = delivery
            if lane.standing is not None and _same(lane.standing, delivery):
                lane.standing = None

    def sweep(self, lane: Lane) -> None:
        """Drops what is over."""
        self._forget_receipts(lane)
        if lane.standing is not None and not self._stands(lane.standing):
            lane.standing = None
        if lane.refused is not None and not self.burns(lane.refused):
            lane.refused = None

    def _forget_receipts(self, lane: Lane) -> None:
        """Not at once: the end that is to be told with one may just be on its way to the disk."""
        waiting, now = {one.notice.key for one in lane.waiting}, self._clock.monotonic()
        for key in [*lane.receipts]:
            if key in waiting or self._burns(key):
                lane.spent.pop(key, None)
            elif now - lane.spent.setdefault(key, now) >= ON_ITS_WAY:
                del lane.receipts[key], lane.spent[key]

    def _put(self, lane: Lane, delivery: Delivery) -> None:
        lane.standing = delivery if self._stands(delivery) else None

    def _stands(self, delivery: Delivery) -> bool:
        notifier = self.notifiers.get(delivery.notifier)
        if notifier is not None and not isinstance(notifier, AlertmanagerNotifier):
            return False
        if delivery.notice.event.is_over:
            return alertmanager.keep_telling(delivery.notice, self._clock.now())
        return self.burns(delivery)


def _same(standing: Delivery, firing: Delivery) -> bool:
    """Of what stands after a restart nobody knows which notice it was; a reminder is another."""
    is_firing = firing.notice.event is Event.FIRING
    return standing == firing or (is_firing and standing.notice.key == firing.notice.key)


def batches(lanes: Iterable[Lane], notifier: str) -> Iterator[Sequence[Lane]]:
    """The lanes of a notifier on which something stands, so many as go into one request."""
    ours = [lane for lane in lanes if lane.notifier == notifier and lane.standing]
    for first in range(0, len(ours), alertmanager.BATCH):
        yield ours[first : first + alertmanager.BATCH]


@contextmanager
def held_up(lanes: Sequence[Lane]) -> Iterator[None]:
    """What is newer waits while what stands is being told, lest it be overtaken."""
    for lane in lanes:
        lane.clear.clear()
    try:
        yield
    finally:
        for lane in lanes:
            lane.clear.set()
