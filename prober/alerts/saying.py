"""What has been said and not yet been taken, and what is new for whoever asks later?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from prober.alerts import notice
from prober.alerts.notice import Delivery, Ended, Event, Links, Notice
from prober.alerts.plan import Plan
from prober.alerts.records import Record, record
from prober.alerts.state import AlertState, Key


class Saying:
    """`last_good` knows when a check was last up, `children` what is held back while it is down."""

    def __init__(
        self, last_good: Callable[[str], float | None], children: Callable[[str], str]
    ) -> None:
        self.said: list[Delivery] = []  # in order, not yet taken
        # By id: other words for firings that are told again.
        self.reworded: dict[str, Delivery] = {}
        self.records: list[Record] = []  # what is new of incidents, in order
        self.plan = Plan(region="")
        self._last_good = last_good
        self._children = children

    def fired(self, key: Key, state: AlertState) -> None:
        """Now that it is told, which may be later than it fired; or that it is held back."""
        said = self._fires(key, state)
        self.say(said, state.told, 0)
        self._note(key, state, said)

    def reminded(self, key: Key, state: AlertState) -> None:
        said = notice.reminder(self._whole(key, state), self._links(key))
        self.say(said, state.told, state.reminders)

    def escalated(
        self, key: Key, state: AlertState, names: Iterable[str], told: Sequence[str], now: float
    ) -> None:
        """For who was not `told` before it is the firing."""
        said = notice.escalated(self._whole(key, state), self._links(key), now)
        for name in names:
            if name in told:
                self.say(said, (name,), int(state.escalated))
            else:
                self.say(replace(said, event=Event.FIRING), (name,), 0)
        self._note(key, state, said)

    def flaps(self, key: Key, state: AlertState, *, quietly: bool) -> None:
        said = notice.flapping(self._whole(key, state), self._links(key))
        if not quietly:
            self.say(said, state.told, int(said.at))
        self._note(key, state, said)

    def acknowledged(self, key: Key, state: AlertState, comment: str, *, quietly: bool) -> None:
        said = notice.acknowledged(self._whole(key, state), self._links(key), comment)
        if not quietly:
            self.say(said, state.told, int(said.at))
        self._note(key, state, said, comment=comment)

    def over(self, key: Key, state: AlertState, ended: Ended) -> None:
        """For the record, whoever is told and when."""
        said = notice.resolved(state, self._links(key), ended)
        because = ended.because or state.because
        self._note(key, replace(state, because=because), said, ended)

    def tell_end(self, key: Key, state: AlertState, ended: Ended, now: float) -> None:
        """To those who were told of the firing, whatever the routes are now."""
        said = notice.resolved(state, self._links(key), ended)
        self.say(replace(said, at=max(said.at, now)), state.told, 0)

    def say(self, said: Notice, names: Iterable[str], nth: int) -> None:
        """A notifier that is not there at the moment is spared all but the end, which waits for it."""
        plan = self.plan
        self.said += [
            notice.delivery(said, name, nth)
            for name in names
            if plan.is_taken(said.event, name) and (said.event.is_over or name in plan.notifiers)
        ]

    def reword(self, key: Key, state: AlertState) -> None:
        """What nobody has taken yet is said in the new words at once."""
        said = self._fires(key, state)
        new = {one.id: one for one in (notice.delivery(said, name, 0) for name in state.told)}
        untaken = {one.id for one in self.said}
        self.said = [new.get(one.id, one) for one in self.said]
        self.reworded |= {
            id_: replace(one, again=True) for id_, one in new.items() if id_ not in untaken
        }
        self._note(key, state, said)

    def standing(self, firing: Iterable[tuple[Key, AlertState]]) -> list[Delivery]:
        """The firings of what burns, to whom they were told and by the ids they had then."""
        return [
            notice.delivery(self._fires(key, state), name, 0)
            for key, state in firing
            for name in state.told
        ]

    def _fires(self, key: Key, state: AlertState) -> Notice:
        whole, links = self._whole(key, state), self._links(key)
        return notice.firing(whole, links, held=state.held, at=state.told_at)

    def _note(
        self,
        key: Key,
        state: AlertState,
        said: Notice,
        ended: Ended | None = None,
        comment: str = "",
    ) -> None:
        new = record(
            self._whole(key, state),
            summary=said.annotations.get("summary", ""),
            runbook=self._links(key).runbook or "",
            resolved_at=ended.at if ended else None,
        )
        new = replace(new, up_since=ended.up_since) if ended else new
        self.records.append(replace(new, acked_comment=comment) if comment else new)

    def _whole(self, key: Key, state: AlertState) -> AlertState:
        """With what is held back for it, which it does not know itself."""
        children = self._children(key[0])
        if not children:
            return state
        return replace(state, details={**state.details, "children": children})

    def _links(self, key: Key) -> Links:
        its = self.plan.checks.get(key[0])
        return Links(
            external_url=self.plan.external_url,
            runbook=its.runbook if its else None,
            last_good=self._last_good(key[0]) if its else None,
        )
