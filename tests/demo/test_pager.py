"""What the agent's webhook brings, as the person on call reads it."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from prober.demo.pager import KEPT
from tests.demo.visiting import Guest

NEVER = "0001-01-01T00:00:00Z"
DOWN = "shop-health is down in demo: status 503, expected 2xx"
STILL = "shop-health is still down in demo after 10 m: status 503, expected 2xx"
UP = "shop-health is up again in demo after 21 s"


def message(
    status: str, summary: str = "", check: str = "shop-health", ends: str = NEVER
) -> dict[str, JsonValue]:
    alert: dict[str, JsonValue] = {
        "status": status,
        "labels": {"alertname": "ProberDown", "check": check, "severity": "critical"},
        "annotations": {"summary": summary} if summary else {},
        "startsAt": "2026-01-02T10:00:00.123Z",
        "endsAt": ends,
        "generatorURL": "http://127.0.0.1:9620/checks/shop-health",
        "fingerprint": "0123456789abcdef",
    }
    return {"version": "4", "status": status, "receiver": "pager", "alerts": [alert]}


async def notices(guest: Guest) -> list[tuple[JsonValue, JsonValue]]:
    found = (await guest.get("/pager", Accept="application/json")).json()["notices"]
    assert isinstance(found, list)
    return [(one["word"], one["text"]) for one in found if isinstance(one, dict)]


async def test_an_alert_is_printed_reminded_of_and_resolved(guest: Guest) -> None:
    await guest.post_json("/pager", message("firing", DOWN), Idempotency_Key="1")
    await guest.post_json("/pager", message("firing", STILL), Idempotency_Key="2")
    await guest.post_json(
        "/pager", message("resolved", UP, ends="2026-01-02T10:00:21Z"), Idempotency_Key="3"
    )
    await guest.post_json("/pager", message("firing", DOWN), Idempotency_Key="4")

    assert guest.said == [
        f"  ALERT     {DOWN}",
        f"  STILL     {STILL}",
        f"  RESOLVED  {UP}",
        f"  ALERT     {DOWN}",
    ]
    assert await notices(guest) == [
        ("ALERT", DOWN),
        ("RESOLVED", UP),
        ("STILL", STILL),
        ("ALERT", DOWN),
    ]


async def test_a_message_that_comes_twice_is_shown_once(guest: Guest) -> None:
    for _ in range(2):
        answer = await guest.post_json("/pager", message("firing", DOWN), Idempotency_Key="same")
        assert answer.status == 200
    listed = (await guest.get("/pager", Accept="application/json")).json()

    assert len(guest.said) == 1
    assert listed["repeated"] == 1


async def test_messages_without_a_key_are_all_shown(guest: Guest) -> None:
    for check in ("one", "two"):
        await guest.post_json("/pager", message("firing", check=check))

    assert guest.said == ["  ALERT     one is down", "  ALERT     two is down"]


async def test_the_page_shows_it_escaped_and_offers_the_faults(guest: Guest) -> None:
    quiet = await guest.get("/pager")
    await guest.post_json("/pager", message("firing", "<b>down</b>\x1b[31m"))
    page = await guest.get("/pager")

    assert "All quiet" in quiet.text
    assert "&lt;b&gt;down&lt;/b&gt; [31m" in page.text
    assert "critical" in page.text
    assert 'aria-label="Break latency"' in page.text


async def test_a_terminal_gets_no_control_characters(guest: Guest) -> None:
    await guest.post_json("/pager", message("firing", "down\x1b[2J\r\nALERT forged" + "x" * 999))

    (line,) = guest.said
    assert line.isprintable()
    assert len(line) < 320


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "the body"),
        (b"[]", "the body"),
        (b'{"version": "3", "alerts": []}', "version"),
        (b'{"version": "4", "alerts": []}', "alerts"),
        (b'{"version": "4", "alerts": [{"status": "on"}]}', "alerts.0.status"),
    ],
)
async def test_what_is_no_message_is_refused_with_the_place(
    guest: Guest, body: bytes, place: str
) -> None:
    answer = await guest.ask("POST", "/pager", body=body)

    assert answer.status == 400
    assert f"webhook format 4: {place}: " in str(answer.json()["error"])
    assert guest.said == []


async def test_the_pager_keeps_the_newest_only(guest: Guest) -> None:
    for number in range(KEPT + 5):
        await guest.post_json("/pager", message("firing", f"number {number}"))
    kept = await notices(guest)

    assert len(kept) == KEPT
    assert kept[0][1] == f"number {KEPT + 4}"
