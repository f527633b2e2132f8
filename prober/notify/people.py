"""Who reads what is sent: how long to gather for them, and whom of several has it reached?

So that a retry tells nobody twice, it is kept who has what. That is kept in
memory: after a restart in the middle of a delivery, all of its people are told
(again).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from logging import getLogger
from typing import Annotated, TypeAlias
from weakref import WeakKeyDictionary

import httpx
from pydantic import AfterValidator, Field

from prober.alerts.notice import Delivery
from prober.check import Model
from prober.errors import DeliveryError
from prober.notify.answers import Busy, TurnedAway
from prober.units import Duration

KEPT = 5000  # deliveries that have reached some and not all; what is given up is among them

log = getLogger(__name__)


class People(Model):
    """In the settings of what people read.

    After a quiet time the first notice goes at once, and those of the next
    `group_wait` go as one message; 0 sends each by itself.
    """

    group_wait: Annotated[Duration, Field(ge=0)] = 10.0


def _somebody(people: tuple[str, ...]) -> tuple[str, ...]:
    if not people:
        raise ValueError("nobody; name one at least")
    return people


SOMEBODY = AfterValidator(_somebody)  # of a list of people, once each of them is right

# Of one delivery: who needs no further try, and why.
Settled: TypeAlias = "dict[str, DeliveryError | None]"
# By client: two agents in a process are two.
_rounds: WeakKeyDictionary[httpx.AsyncClient, OrderedDict[str, Settled]] = WeakKeyDictionary()


class Round:
    """Deliveries that go together, and what earlier tries of them came to.

    They are kept one by one: at the next try others may have joined them.
    """

    def __init__(self, deliveries: Sequence[Delivery], client: httpx.AsyncClient) -> None:
        known = _rounds.get(client, OrderedDict())
        self._deliveries = deliveries
        self._client = client
        self._settled: dict[str, Settled] = {one.id: known.get(one.id, {}) for one in deliveries}

    def left(self, people: Sequence[str]) -> list[tuple[list[Delivery], list[str]]]:
        """What is still to be sent, and to whom: those who lack the same get one message."""
        lacking: dict[tuple[str, ...], list[str]] = {}
        for who in dict.fromkeys(people):
            ids = tuple(id_ for id_, settled in self._settled.items() if who not in settled)
            if ids:
                lacking.setdefault(ids, []).append(who)
        return [
            ([one for one in self._deliveries if one.id in ids], who)
            for ids, who in lacking.items()
        ]

    def end(self, answers: Mapping[str, DeliveryError | None]) -> None:
        """Returns when nobody is left and somebody was reached. Raises DeliveryError."""
        hopeful = [error for error in answers.values() if error and not error.permanent]
        final = {who: e for who, e in answers.items() if e is None or e.permanent}
        for settled in self._settled.values():
            settled |= final | settled
        if hopeful:
            self._keep()
            raise _together(hopeful)
        for id_ in self._settled:
            _rounds.get(self._client, OrderedDict()).pop(id_, None)
        outcomes = [each for settled in self._settled.values() for each in settled.values()]
        refused = [*dict.fromkeys(error for error in outcomes if error is not None)]
        if None not in outcomes:
            raise _together(refused, permanent=True)
        for error in refused:
            log.warning("%s; others have it (%s)", error, ", ".join(self._settled))

    def _keep(self) -> None:
        rounds = _rounds.setdefault(self._client, OrderedDict())
        for id_, settled in self._settled.items():
            rounds[id_] = settled
            rounds.move_to_end(id_)
        while len(rounds) > KEPT:
            rounds.popitem(last=False)


def _together(errors: Sequence[DeliveryError], *, permanent: bool = False) -> DeliveryError:
    message = "; ".join(dict.fromkeys(str(error) for error in errors))
    wish = max((e.retry_after for e in errors if e.retry_after is not None), default=None)
    if permanent:
        return DeliveryError(message, permanent=True)
    if any(isinstance(error, Busy) for error in errors):
        return Busy(message, retry_after=wish)
    if all(isinstance(error, TurnedAway) for error in errors):
        return TurnedAway(message, retry_after=wish)
    return DeliveryError(message, retry_after=wish)
