"""What goes into one message, and when does it go?

Each notifier has one `Gather`. A lane that has something to say takes a seat
and waits for how that ended. People are told at once after a quiet time; what
comes within `group_wait` of that goes together. A receiver that takes many
notices at once without being asked to wait gets what there is when its turn is.

What failed together is tried together again, and takes along what has come
meanwhile: it pauses for as long as the first of it does. A message that is
refused for good is told in halves, so that only the notice by which it was
refused is given up; one that goes on failing in company while nothing is
accepted is tried alone, since it may be what the others fail by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from logging import getLogger
from typing import TypeAlias

from prober.alerts.notice import Event
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import AnyNotifier, group_wait
from prober.notify.alertmanager import AGAIN_EVERY
from prober.notify.gate import LONGEST_REST, SOON, Gate
from prober.notify.lane import Lane, Nap, Trip
from prober.pace import Pace

TOGETHER = 0.25  # seconds that lanes which failed together get to come back together
IN_COMPANY = 3  # failures, after which a lane may be what the others fail by

log = getLogger(__name__)

# Tells what is first on each of these lanes in one message. Raises DeliveryError.
Tell: TypeAlias = Callable[[Sequence[Lane]], Awaitable[None]]
Spawn: TypeAlias = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


@dataclass(eq=False, slots=True)
class Seat:
    """A lane that waits for its message to go, and then for how it ended."""

    lane: Lane
    due: float  # monotonic
    ended: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def end(self, error: DeliveryError | None) -> None:
        if self.ended.done():
            return  # the lane was cancelled
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


class Gather:
    """All messages to one notifier; its tasks are there while anything waits."""

    def __init__(
        self,
        name: str,
        notifier: AnyNotifier,
        clock: Clock,
        *,
        tell: Tell,
        spawn: Spawn,
        pace: Pace,
    ) -> None:
        self.name = name
        self._clock = clock
        self._tell = tell
        self._spawn = spawn
        self._pace = pace
        self._notifier = notifier
        self.gate = self._new_gate()
        self._seats: list[Seat] = []
        self._quiet_at = clock.monotonic()  # from when on a notice is the first of its kind
        self._nap = Nap(clock)
        self._task: asyncio.Task[None] | None = None
        self._sends: set[asyncio.Task[None]] = set()
        self._hurried = False

    def configure(self, notifier: AnyNotifier | None) -> None:
        """Other settings are tried at once, whatever failed under those before."""
        if notifier == self._notifier:
            return
        if notifier is None:
            for seat in self._seats:
                seat.end(DeliveryError("it is no longer in the config"))
            self._seats.clear()
            self.gate.renew()  # should it come back
            return
        before, self._notifier = self._notifier.TRAITS, notifier
        self.gate.renew()
        if before != notifier.TRAITS:
            self.gate = self._new_gate()
        self._nap.wake()

    async def ride(self, lane: Lane) -> None:
        """Returns when what is first on the lane is accepted. Raises DeliveryError."""
        lane.count()
        seat = Seat(lane, self._due(lane))
        self._seats.append(seat)
        if self._task is None:
            self._task = self._spawn(self._run())
        self._nap.wake()
        try:
            await seat.ended
        finally:
            if seat in self._seats:
                self._seats.remove(seat)

    def hurry(self) -> None:
        """The agent stops: what waits goes now."""
        self._hurried = True
        self.gate.hurry()
        self._nap.wake()

    def close(self) -> None:
        """Whatever is under way is not waited for."""
        for task in (self._task, *self._sends):
            if task is not None:
                task.cancel()

    def _new_gate(self) -> Gate:
        often = not self._notifier.TRAITS.people and self._notifier.TRAITS.most > 1
        longest = AGAIN_EVERY if often else LONGEST_REST
        return Gate(self._clock, self._notifier.TRAITS, longest=longest)

    @property
    def _wait(self) -> float:
        return 0.0 if self._hurried else group_wait(self._notifier)

    @property
    def _most(self) -> int:
        """How many notices go into one message."""
        traits = self._notifier.TRAITS
        return 1 if traits.people and not group_wait(self._notifier) else traits.most

    def _due(self, lane: Lane) -> float:
        now = self._clock.monotonic()
        if not self._wait:
            return now
        if lane.trip is None:
            return max(now, self._quiet_at)
        return min(max(now, self._quiet_at), now + (TOGETHER if lane.trip.shared else 0.0))

    async def _run(self) -> None:
        try:
            while self._seats:
                left = min(seat.due for seat in self._seats) - self._clock.monotonic()
                if left > SOON and not self._hurried:
                    await self._nap(left)
                    continue
                await self._next()
        finally:
            self._task = None

    async def _next(self) -> None:
        """One message on its way, once it may be."""
        await self._pace.turn()  # after those who are in line on their way to a seat
        gate = self.gate
        await gate.enter()
        if not (seats := self._take()):
            gate.give_back()
            return
        self._quiet_at = self._clock.monotonic() + self._wait
        send = self._spawn(self._send(seats, gate))
        self._sends.add(send)
        send.add_done_callback(self._sends.discard)

    def _take(self) -> list[Seat]:
        """Whoever is due, and whom it takes along; of a dead receiver's whoever failed least."""
        latest = self._clock.monotonic() + SOON
        due = [seat for seat in self._seats if seat.due <= latest or self._hurried]
        if not due:
            return []
        failing = self.gate.breaker.failures > 0
        first = min(due, key=lambda seat: seat.lane.fails) if failing else due[0]
        taken = [first]
        if not (failing and _suspect(first)) and not _fills_a_page(first):
            others = [one for one in self._seats if one is not first and not _fills_a_page(one)]
            taken += [one for one in others if not (failing and _suspect(one))][: self._most - 1]
        for seat in taken:
            self._seats.remove(seat)
        return taken

    async def _send(self, seats: Sequence[Seat], gate: Gate) -> None:
        trip = Trip(shared=len(seats) > 1)
        for seat in seats:
            seat.lane.begin(trip)
        settings = self._notifier
        ended: dict[Lane, DeliveryError | None] = {}
        try:
            await self._say([seat.lane for seat in seats], gate, ended)
            if settings == self._notifier:
                self._learn(gate, seats, ended)
            for seat in seats:
                if ended[seat.lane] is None and not self._hurried:  # who failed stays together
                    await self._pace.turn()
                    seat.end(None)
        finally:
            gate.give_back()
            for seat in seats:
                if seat.lane in ended:
                    seat.end(ended[seat.lane])
                else:
                    seat.ended.cancel()

    async def _say(
        self, lanes: Sequence[Lane], gate: Gate, ended: dict[Lane, DeliveryError | None]
    ) -> None:
        try:
            await self._tell(lanes)
        except DeliveryError as error:
            if not error.permanent or len(lanes) == 1:
                ended.update(dict.fromkeys(lanes, error))
                return
        else:
            ended.update(dict.fromkeys(lanes))
            return
        half = len(lanes) // 2
        for some in (lanes[:half], lanes[half:]):
            await gate.token()
            await self._say(some, gate, ended)

    def _learn(
        self, gate: Gate, seats: Sequence[Seat], ended: dict[Lane, DeliveryError | None]
    ) -> None:
        """What that tells of the receiver, also those who wait for it."""
        alerts = [seat.lane.alert for seat in seats]
        errors = [error for error in ended.values() if error is not None]
        for each in errors:
            gate.leave_alone(each)
        well = len(errors) < len(ended)
        was_open = gate.breaker.is_open
        # An answer to one of them is an answer: the worst comes first only where there was none.
        error = None if well else max(errors, key=lambda one: one.permanent)
        gate.heard(alerts, error)
        if gate.breaker.is_open and error is not None:
            if not was_open:
                log.warning("%s is asked less often until it accepts: %s", self.name, error)
            self._pass_on(error, gate)
        elif was_open and well:
            log.info("%s accepts again", self.name)

    def _pass_on(self, error: DeliveryError, gate: Gate) -> None:
        """Those who wait have failed as well, though only time makes them give up."""
        for seat in list(self._seats):
            seat.lane.count()  # something newer may have taken the place of what it came for
            seat.lane.failed(error)
            if gate.is_shut or seat.lane.hopeless(error):
                self._seats.remove(seat)
                seat.end(error)


def _suspect(seat: Seat) -> bool:
    return seat.lane.fails > IN_COMPANY


def _fills_a_page(seat: Seat) -> bool:
    """Whether it goes alone: in one message with others its text would be cut."""
    waiting = seat.lane.waiting
    return bool(waiting) and waiting[0].notice.event is Event.REPORT


class Gathers:
    """One for each notifier that was ever told anything."""

    def __init__(self, clock: Clock, *, tell: Tell, spawn: Spawn, pace: Pace) -> None:
        self._clock = clock
        self._tell = tell
        self._spawn = spawn
        self._pace = pace
        self._gathers: dict[str, Gather] = {}

    def of(self, name: str, notifier: AnyNotifier) -> Gather:
        if name not in self._gathers:
            one = Gather(
                name, notifier, self._clock, tell=self._tell, spawn=self._spawn, pace=self._pace
            )
            self._gathers[name] = one
        return self._gathers[name]

    def configure(self, notifiers: Mapping[str, AnyNotifier]) -> None:
        for name, gather in self._gathers.items():
            gather.configure(notifiers.get(name))

    def hurry(self) -> None:
        for gather in self._gathers.values():
            gather.hurry()

    def close(self) -> None:
        for gather in self._gathers.values():
            gather.close()
