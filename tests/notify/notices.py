"""Notices and deliveries for tests, all of them of one shop's incidents."""

from __future__ import annotations

from prober.alerts.notice import Delivery, Event, Notice
from tests.fake_clock import NOON

LABELS = {
    "alertname": "ProberDown",
    "alert": "down",
    "check": "api-health",
    "kind": "http",
    "region": "eu-west-1",
    "severity": "critical",
    "team": "payments",
}


def notice(
    event: Event = Event.FIRING,
    *,
    incident: str = "run-1",
    starts_at: float = NOON,
    at: float | None = None,
    check: str = "api-health",
) -> Notice:
    said_at = starts_at if at is None else at
    return Notice(
        event=event,
        key=f"eu-west-1/{check}/down/{incident}",
        labels={**LABELS, "check": check},
        annotations={"summary": f"{check} is {event.value}", "reason": "status"},
        starts_at=starts_at,
        ends_at=said_at if event is Event.RESOLVED else None,
        at=said_at,
        url=f"https://prober.example/eu/#{check}",
    )


def delivery(one: Notice, *, to: str = "ops", n: int = 1) -> Delivery:
    return Delivery(
        id=f"{one.key}/{one.event.value}/{n}/{to}", notifier=to, notice=one, created_at=one.at
    )


def firing(*, to: str = "ops", incident: str = "run-1", check: str = "api-health") -> Delivery:
    return delivery(notice(incident=incident, check=check), to=to)


def resolved(
    *, to: str = "ops", incident: str = "run-1", check: str = "api-health", at: float = NOON + 60
) -> Delivery:
    return delivery(notice(Event.RESOLVED, incident=incident, check=check, at=at), to=to)
