"""Whom of several people has a message reached, so that a retry tells nobody twice?

What is kept is kept in memory: after a restart in the middle of a delivery,
all of its people are told (again).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from logging import getLogger
from weakref import WeakKeyDictionary

import httpx
from pydantic import AfterValidator

from prober.alerts.notice import Delivery
from prober.errors import DeliveryError
from prober.notify.post import TurnedAway

KEPT = 1000  # deliveries that have reached some and not all; what is given up is among them

log = getLogger(__name__)


def _somebody(people: tuple[str, ...]) -> tuple[str, ...]:
    if not people:
        raise ValueError("nobody; name one at least")
    return people


SOMEBODY = AfterValidator(_somebody)  # of a list of people, once each of them is right

# By client: two agents in a process are two.
_rounds: WeakKeyDictionary[httpx.AsyncClient, OrderedDict[str, Round]] = WeakKeyDictionary()


@dataclass(slots=True)
class Round:
    """One delivery's people; `settled` has those who need no further try, and why."""

    delivery: str
    settled: dict[str, DeliveryError | None] = field(default_factory=dict)

    def left(self, people: Sequence[str]) -> tuple[str, ...]:
        return tuple(who for who in dict.fromkeys(people) if who not in self.settled)

    def end(self, answers: Mapping[str, DeliveryError | None], client: httpx.AsyncClient) -> None:
        """Returns when nobody is left and somebody was reached. Raises DeliveryError."""
        hopeful = [error for error in answers.values() if error and not error.permanent]
        self.settled |= {who: e for who, e in answers.items() if e is None or e.permanent}
        if hopeful:
            _keep(self, client)
            raise _together(hopeful)
        _rounds.get(client, OrderedDict()).pop(self.delivery, None)
        refused = [error for error in self.settled.values() if error is not None]
        if len(refused) == len(self.settled):
            raise _together(refused, permanent=True)
        for error in refused:
            log.warning("%s; others have it (%s)", error, self.delivery)


def begun(delivery: Delivery, client: httpx.AsyncClient) -> Round:
    """What earlier tries of this delivery came to."""
    return _rounds.get(client, OrderedDict()).get(delivery.id) or Round(delivery.id)


def _keep(one: Round, client: httpx.AsyncClient) -> None:
    rounds = _rounds.setdefault(client, OrderedDict())
    rounds[one.delivery] = one
    rounds.move_to_end(one.delivery)
    while len(rounds) > KEPT:
        rounds.popitem(last=False)


def _together(errors: Sequence[DeliveryError], *, permanent: bool = False) -> DeliveryError:
    message = "; ".join(dict.fromkeys(str(error) for error in errors))
    wish = max((e.retry_after for e in errors if e.retry_after is not None), default=None)
    if not permanent and all(isinstance(error, TurnedAway) for error in errors):
        return TurnedAway(message, retry_after=wish)
    return DeliveryError(message, permanent=permanent, retry_after=wish)
