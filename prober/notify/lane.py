"""What is still to be said of one alert to one notifier, how long it is tried, and how often."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from prober.alerts.notice import Delivery, Event
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify.answers import TurnedAway

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
GIVE_UP_AFTER = 24 * 3600.0  # seconds since the first try in this process
GIVE_UP_OLD_AFTER = 3600.0  # where a newer incident of the alert is held up
TURNED_AWAY_FOR = 600.0  # seconds of nothing but such answers


class Nap:
    """A sleep on the clock that can be cut short, also before it has begun."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limit: asyncio.Timeout | None = None
        self._woken = False

    async def __call__(self, seconds: float) -> None:
        if self._woken:
            self._woken = False
            return
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as self._limit:
                    await self._clock.sleep(seconds)
        finally:
            self._limit = None

    def wake(self) -> None:
        """Ends the nap; where there is none, the next one is over at once."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.reschedule(asyncio.get_running_loop().time())
        else:
            self._woken = True

    def forget(self) -> None:
        """No wake until now counts any more."""
        self._woken = False


@dataclass(eq=False, slots=True)
class Trip:
    """One message that was on its way; `shared` by several lanes."""

    shared: bool
    pause: float | None = None

    def agreed(self, pause: float) -> float:
        """All who failed together pause for as long as the first who asks."""
        if self.pause is None:
            self.pause = pause
        return self.pause


class Lane:
    """One alert's incidents, one after the other: a lane of each would be too many.

    An Alertmanager knows no incidents, only sets of labels: the end of one that
    is told after the beginning of the next would end that as well.

    `waiting` is said first to last, and its first is the one being tried.
    `superseded` were waiting until something newer made them needless.
    `standing` is what an Alertmanager is to be told again; `clear` is unset
    while it is being told. `refused` is a firing that was given up: other
    settings of the notifier may still help it. `trouble` is how the first of
    `waiting` failed last, and `trip` and `fails` in which message and how often.
    `receipts` are what the notifier answered, by the key of the incident.

    With `people` at the other end, what is over is told in one: how it began is
    needless once it is not told before how it ended.
    """

    def __init__(self, alert: str, notifier: str, clock: Clock) -> None:
        self.alert = alert
        self.notifier = notifier
        self.nap = Nap(clock)
        self.waiting: deque[Delivery] = deque()
        self.superseded: list[Delivery] = []
        self.task: asyncio.Task[None] | None = None
        self.standing: Delivery | None = None
        self.refused: Delivery | None = None
        self.clear = asyncio.Event()
        self.clear.set()
        self.trouble = ""
        self.orphaned = False  # the last try found no notifier of this name
        self.people = False
        self.trip: Trip | None = None
        self.fails = 0
        self.receipts: dict[str, str] = {}
        self.spent: dict[str, float] = {}  # since when one has seemed of no more use, monotonic
        self.answer = ""  # what was answered to the first of `waiting`
        self.claimed = False  # it may have happened: there is no second try
        self._clock = clock
        self._held = False  # the first of `waiting` is on its way: it stays until it is back
        self._tried: str | None = None  # whose count has begun
        self._since = 0.0
        self._turned_away_since: float | None = None

    def add(self, delivery: Delivery) -> None:
        """The same delivery twice is one; one that comes `again` only has other words for it."""
        if delivery.again:
            self._reword(replace(delivery, again=False))
        elif all(delivery.id != other.id for other in self.waiting):
            self.waiting.append(delivery)
            self._shed()

    def _reword(self, new: Delivery) -> None:
        self.waiting = deque(new if one.id == new.id else one for one in self.waiting)
        if self.standing is not None and self.standing.id == new.id:
            self.standing = new
        if self.refused is not None and self.refused.id == new.id:
            self.refused = new

    def count(self) -> None:
        """The first of `waiting` wants to be tried: the time it has for that begins."""
        if self._tried != self.waiting[0].id:
            self._tried, self._since = self.waiting[0].id, self._clock.monotonic()
            self._turned_away_since = None

    def begin(self, trip: Trip | None = None) -> Delivery:
        """The first of `waiting`, about to be tried."""
        self.count()
        self.nap.forget()
        self._held = True
        self.trip = trip
        self.answer = ""
        return self.waiting[0]

    def failed(self, error: DeliveryError) -> None:
        """How that try ended, unless it was accepted; or another's, of the same notifier."""
        if not isinstance(error, TurnedAway):
            self._turned_away_since = None
        elif self._turned_away_since is None:
            self._turned_away_since = self._clock.monotonic()

    def release(self) -> None:
        """Between two tries the first of `waiting` can be superseded like any other."""
        self._held = False
        self._shed()

    def done(self) -> None:
        """The first of `waiting` is accepted or given up."""
        self.waiting.popleft()
        self._held = self.claimed = False
        self.trouble = ""
        self.trip, self.fails = None, 0
        self._shed()

    def begin_anew(self) -> None:
        """Other settings: whatever failed before counts no more, and the pause is over."""
        if not self.claimed:
            self._tried = None
        self.nap.wake()

    def hopeless(self, error: BaseException | None) -> bool:
        """Whether `error`, and what failed before it, is reason enough to give up."""
        if self._tried is None:
            return False
        since, now = self._turned_away_since, self._clock.monotonic()
        turned_away = since is not None and now - since >= TURNED_AWAY_FOR
        return turned_away or self.left <= 0 or not (error is None or may_help(error))

    @property
    def left(self) -> float:
        """Seconds until the first of `waiting` is given up, were it only for its age."""
        key = self.waiting[0].notice.key
        held_up = any(other.notice.key != key for other in self.waiting)
        limit = GIVE_UP_OLD_AFTER if held_up else GIVE_UP_AFTER
        return self._since + limit - self._clock.monotonic()

    @property
    def ending(self) -> bool:
        """Whether the end of what is said first is waiting as well."""
        key = self.waiting[0].notice.key
        return any(one.notice.key == key and one.notice.event.is_over for one in self.waiting)

    def _shed(self) -> None:
        """Drops what is needless by something newer, unless it is on its way."""
        free = list(self.waiting)[self._held :]
        for at, one in enumerate(free[:-1]):
            if one.notice.event is Event.REMINDER or (self.people and _ended(one, free[at + 1 :])):
                self.waiting.remove(one)
                self.superseded.append(one)


def _ended(one: Delivery, later: Iterable[Delivery]) -> bool:
    """Whether the end of its incident is among what is to be said later."""
    if one.notice.event.is_over:
        return False
    return any(new.notice.key == one.notice.key and new.notice.event.is_over for new in later)


class Lanes:
    """All lanes on which there is anything, by alert and notifier."""

    def __init__(self, clock: Clock, people: Callable[[str], bool] = lambda _: False) -> None:
        self._clock = clock
        self._people = people  # whether the notifier of a name is for some
        self._lanes: dict[tuple[str, str], Lane] = {}

    def __iter__(self) -> Iterator[Lane]:
        """Those of this moment, whatever comes and goes meanwhile."""
        return iter(list(self._lanes.values()))

    def of(self, delivery: Delivery) -> Lane:
        return self.at(delivery.notice.key, delivery.notifier)

    def at(self, incident: str, notifier: str) -> Lane:
        """The lane of the incident with this key."""
        key = (alert_of(incident), notifier)
        if key not in self._lanes:
            self._lanes[key] = Lane(*key, self._clock)
        lane = self._lanes[key]
        lane.people = self._people(lane.notifier)
        return lane

    def tidy(self, lane: Lane) -> None:
        kept = lane.waiting or lane.superseded or lane.standing or lane.refused or lane.receipts
        if not kept:
            self._lanes.pop((lane.alert, lane.notifier), None)

    def pending(self, notifiers: Iterable[str]) -> dict[str, int]:
        """How many wait, by notifier; those named are there even if nothing waits for them."""
        counts = dict.fromkeys(notifiers, 0)
        for lane in self:
            if lane.waiting:
                counts[lane.notifier] = counts.get(lane.notifier, 0) + len(lane.waiting)
        return counts

    @property
    def oldest(self) -> float | None:
        return min((one.created_at for lane in self for one in lane.waiting), default=None)


def alert_of(incident: str) -> str:
    """`region/check/rule`: what the keys of all its incidents begin with."""
    return incident.rpartition("/")[0]


def shown(delivery: Delivery) -> str:
    """`firing of api-health/down to ops`."""
    labels = delivery.notice.labels
    alert = f"{labels.get('check', 'agent')}/{labels.get('alert', labels.get('alertname', ''))}"
    return f"{delivery.notice.event} of {alert} to {delivery.notifier}"


_growing = wait_random_exponential(multiplier=2, min=SHORTEST_PAUSE, max=LONGEST_PAUSE)


def pause(state: RetryCallState, longest: float = LONGEST_PAUSE) -> float:
    """Seconds until the next try: the receiver's wish, else at random from a growing range."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, DeliveryError) and error.retry_after is not None:
        return max(SHORTEST_PAUSE, error.retry_after)
    return min(_growing(state), longest)


def may_help(error: BaseException) -> bool:
    """Whether to ask again after `error`."""
    return isinstance(error, DeliveryError) and not error.permanent


async def until_accepted(
    once: Callable[[], Awaitable[None]], tries: Callable[[], AsyncRetrying]
) -> None:
    """Most are accepted at once: only for the others is that made which knows of further tries."""
    try:
        return await once()
    except DeliveryError as error:
        failed = [error]

    async def again() -> None:
        if failed:
            raise failed.pop()
        await once()

    return await tries()(again)
