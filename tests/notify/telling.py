"""One message told the way the agent tells it, and what every receiver's refusals have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx
import pytest

from prober.alerts.notice import Delivery
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import AnyNotifier, Means, Told, send
from prober.notify.answers import TurnedAway
from tests.fake_clock import FakeClock
from tests.notify.notices import firing


async def tell(
    notifier: AnyNotifier,
    said: Delivery | Sequence[Delivery],
    client: httpx.AsyncClient,
    clock: Clock | None = None,
    receipts: Mapping[str, str] | None = None,
) -> Mapping[str, str]:
    """The receipts by delivery id. Raises DeliveryError."""
    deliveries = [said] if isinstance(said, Delivery) else said
    told = Told(notifier=notifier, deliveries=deliveries, receipts=receipts or {})
    return await send(told, Means(client=client, clock=clock or FakeClock()))


async def failure(
    notifier: AnyNotifier, said: Delivery | Sequence[Delivery], client: httpx.AsyncClient
) -> DeliveryError:
    """What becomes of a message that is not accepted."""
    with pytest.raises(DeliveryError) as caught:
        await tell(notifier, said, client)
    return caught.value


async def refused_once(
    notifier: AnyNotifier,
    client: httpx.AsyncClient,
    *,
    permanent: bool,
    wish: float | None = None,
    patient: AnyNotifier | None = None,
) -> DeliveryError:
    """The next answer is a refusal of this kind, and no reason to give up before a day; then all is well.

    `patient` is the same notifier, where `notifier` would not wait for an answer.
    """
    error = await failure(notifier, firing(), client)
    assert (error.permanent, error.retry_after) == (permanent, wish)
    assert not isinstance(error, TurnedAway)
    await tell(patient or notifier, firing(), client)
    return error
