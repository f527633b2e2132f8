"""What becomes of a result: history, alert states, and what is to be said to whom.

`put` decides at once, in memory, and writes nothing. `run` writes what has
gathered in one transaction, and only then hands new deliveries on. Where the
store is gone, or does not answer, they are handed on from memory, each once,
and everything is written when it is back: a full disk must not silence the
pager, nor must one that stalls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from prober.alerts.decisions import Decision, Mute
from prober.alerts.faults import may_wait
from prober.alerts.hold import FREE, Holding
from prober.alerts.incidents import Incidents
from prober.alerts.notice import Delivery, Ended, Notice
from prober.alerts.past import Ran
from prober.alerts.pasts import Back
from prober.alerts.plan import Plan, Watched
from prober.alerts.state import AlertState, Key
from prober.clock import Clock, quiet_turn
from prober.result import Outcome, Result
from prober.saving import GROUP, Counters, Saving
from prober.store.database import Store
from prober.store.history import CheckState
from prober.store.outbox import CLAIMED, Mark

__all__ = ["GROUP", "Counters", "Plan", "Settle", "Watched"]

NOT_KEPT = "the store is gone: it holds until the agent stops"


def nobody(check: str) -> None:
    """Asks for no run."""


class Settle:
    """Everything that is not awaited returns at once; none of it may be called from a thread.

    `hand` is given deliveries once they are safe (or the store is gone);
    `alerted` hears (check, rule, severity, firing) as incidents begin and end,
    `ended` how they ended;
    `ask` is asked for a run of a check now, beside its schedule.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        hand: Callable[[Sequence[Delivery]], None],
        alerted: Callable[[str, str, str, bool], None],
        counters: Counters,
        ended: Callable[[Key, AlertState, Ended], None] = lambda *_: None,
        ask: Callable[[str], None] = nobody,
        holding: Holding = FREE,
        last_good: Callable[[str], float | None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._ask = ask
        self._incidents = Incidents(alerted, ended=ended, holding=holding, last_good=last_good)
        self._saying = self._incidents.saying
        self._saving = Saving(
            store=store, clock=clock, hand=hand, counters=counters, incidents=self._incidents
        )
        self._backlog = self._saving.backlog

    @property
    def states(self) -> Mapping[Key, AlertState]:
        """By (check, rule); one that is not there is quiet."""
        return self._incidents.states

    @property
    def held(self) -> frozenset[Key]:
        """The alerts that fire and of which nobody has been told."""
        return frozenset(self._incidents.book.held())

    @property
    def mutes(self) -> Mapping[str, Mute]:
        """By id, what people decided; also what is yet to begin."""
        return self._incidents.deciding.known

    def load(
        self,
        states: Mapping[Key, AlertState],
        undelivered: Sequence[Delivery] = (),
        since: Mapping[str, CheckState] | None = None,
        *,
        mutes: Iterable[Mute] = (),
        verdicts: Mapping[str, Outcome] | None = None,
    ) -> None:
        """What an earlier life left, once, before `configure`; nothing is handed on.

        `verdicts` are the last that are up or down, of checks that others depend on.
        """
        known = tuple(mutes)
        self._incidents.load(states, known, verdicts)
        self._backlog.load(undelivered, since or {}, known)

    def configure(self, plan: Plan) -> None:
        """A new config. What burns goes on burning; what lost its check or rule is resolved.

        Where very much burns some of that is left to `run`, which does it in slices.
        """
        self._incidents.configure(plan, self._clock.now())
        self._backlog.watch(plan.checks)
        self._take_news()

    @property
    def faulty(self) -> Mapping[str, str]:
        """The checks on which the agent gets no verdict, and why: ProberAgentFault fires for them."""
        return self._incidents.faulty

    def standing(self) -> list[Delivery]:
        """The firings of all that burns, to whom they were told and by the ids they had then."""
        return self._incidents.standing()

    def burns(self, key: str) -> bool:
        """Whether the incident with this key (`Notice.key`) fires now, or its end is yet to be told."""
        return key in self._incidents.book.burning

    def put(self, result: Result) -> None:
        """Settle one result; called a thousand times a second on the loop that probes."""
        self._backlog.add(result)
        if self._incidents.put(result, self._clock.now()):
            self._look_at_news()
        if self._saving.save_at is None:
            self._saving.due_in(GROUP)

    def wait(self) -> None:
        """Before `configure`: what looks back says nothing until it has its earlier runs."""
        self._incidents.watching.wait()

    def looks_back(self, check: str) -> Back | None:
        """Which of its earlier runs `remember` has to be given; None for none."""
        return self._incidents.watching.looks_back(check)

    def wait_no_more(self) -> None:
        """There are no more runs to be remembered, or they cannot be read."""
        self._incidents.watching.wait_no_more()

    def remember(self, check: str, runs: Sequence[Ran], *, was_up: bool = False) -> None:
        """The runs of a check before this life, the oldest first, for the rules that look back.

        `was_up`: it has not run in this life, and was up in the one before.
        """
        now = self._clock.now()
        lapsed = self._incidents.watching.remember(check, runs, now)
        if was_up:
            self._incidents.lapse(lapsed, now)
            self._take_news()

    def own(self, name: str, trouble: str | None, about: str = "") -> None:
        """What is wrong with the agent itself: `name` is offline or undelivered; None: nothing.

        `about` is the notifier that is meant.
        """
        self._incidents.own(name, trouble, self._clock.now(), about)
        self._take_news()

    def remark(
        self, key: Key, state: AlertState, said: Notice | None = None, names: Sequence[str] = ()
    ) -> None:
        """Tells what is about no alert, and keeps under `key` that it was told: both or neither."""
        self._incidents.book.keep(key, state)
        if said is not None:
            self._saying.say(said, names, 0)
        self._take_news()

    async def decide(self, decision: Decision) -> str:
        """What was done, once it is on disk, or why it is not. Raises ProberError where it is refused."""
        decided = self._incidents.decide(decision, self._clock.now())
        self._take_news()
        kept = await self._saving.kept()
        return decided.said if kept else f"{decided.said}; {NOT_KEPT}"

    def tick(self, now: float) -> None:
        """What only time moves. `run` calls it when it is due."""
        self._incidents.tick(now)
        self._take_news()

    async def mark(self, delivery_id: str, status: str, error: str = "", answer: str = "") -> None:
        """A delivery is `delivered`, `dead` or `superseded`: written at once, or when the store is back."""
        now = self._clock.now()
        self._backlog.mark(Mark(id=delivery_id, status=status, at=now, error=error, answer=answer))
        self._saving.due_in(0.0)

    async def claim(self, delivery_id: str) -> bool:
        """That it is being made, and never again: on disk before this returns; False: the store is gone."""
        if self._saving.gone:
            return False
        self._backlog.mark(Mark(id=delivery_id, status=CLAIMED, at=self._clock.now()))
        return await self._saving.kept()

    async def run(self) -> None:
        """Write and tick when it is time to, until cancelled; then `flush` writes the rest."""
        while True:
            await self._saving.until_due()
            self.tick(self._clock.now())
            await self._saving.save_if_due()
            wake = self._incidents.next_wake
            if wake is not None and wake <= self._clock.now():
                await quiet_turn(self._clock)  # the next slice may wait for everybody else

    async def flush(self, seconds: float | None = None) -> None:
        """Write everything there is, for so long at most; once only, if the store is gone."""
        await self._saving.flush(seconds)

    def _look_at_news(self) -> None:
        """A run has moved something: what is to be said at once, and who is to be asked."""
        if (said := self._saying.said) and (self._saving.gone or not may_wait(said)):
            self._saving.take_news()
        self._ask_all()

    def _take_news(self) -> None:
        self._saving.take_news()
        self._ask_all()
        if self._saving.has_work():
            self._saving.due_in(GROUP)
        else:
            self._saving.wake()

    def _ask_all(self) -> None:
        asks = self._incidents.asks
        while asks:
            self._ask(asks.pop())
