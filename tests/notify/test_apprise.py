"""What apprise's services get to see, and what is kept from whom."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec

import httpx
import pytest
from pydantic import JsonValue

from prober.alerts.notice import Event
from prober.notify.apprise import AppriseNotifier, message
from tests.notify.notices import firing, notice, resolved
from tests.notify.telling import failure, tell
from tests.servers.receivers import SILENCE, Answer, Receiver, receiver

pytestmark = pytest.mark.skipif(find_spec("apprise") is None, reason="it is an extra")
SECRET = "s3cret-chat-of-ours"


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


def url(hook: Receiver, path: str = SECRET) -> str:
    """Apprise's own way to say JSON over HTTP."""
    return f"{hook.url.replace('http', 'json')}/{path}"


def notifier(*urls: str, **more: JsonValue) -> AppriseNotifier:
    return AppriseNotifier.model_validate({"apprise": {"urls": list(urls), **more}})


def heard(hook: Receiver) -> list[tuple[object, object]]:
    return [
        (one.json["title"], one.json["type"]) for one in hook.received if isinstance(one.json, dict)
    ]


async def test_a_service_gets_title_text_and_how_bad_it_is(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    told = notifier(url(hook))
    await tell(told, firing(), client)
    await tell(told, [resolved(), firing(check="web")], client)

    assert heard(hook) == [
        ("[critical] api-health is firing", "failure"),
        ("1 firing, 1 resolved", "failure"),
    ]
    [first, both] = [one.json for one in hook.received]
    assert isinstance(first, dict)
    assert isinstance(both, dict)
    assert "https://prober.example/eu/#api-health" in str(first["message"])
    assert both["message"] == "[critical] web is firing\n[resolved] api-health is resolved"


@pytest.mark.parametrize(
    ("event", "kind"),
    [(Event.RESOLVED, "success"), (Event.ACKNOWLEDGED, "failure"), (Event.WINDOW_BEGUN, "info")],
)
def test_how_bad_it_is_is_said_in_its_words(event: Event, kind: str) -> None:
    assert message([notice(event)])["type"] == kind


async def test_one_that_did_not_take_it_is_told_again_alone_and_by_its_scheme(
    hook: Receiver, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.answer = lambda one: Answer(500, text=SECRET) if SECRET in one.path else Answer()
    told = notifier(url(hook), url(hook, "another-one"))

    error = await failure(told, firing(), client)
    hook.answer = lambda _: Answer()
    await tell(told, firing(), client)

    assert not error.permanent
    assert str(error).startswith("json:// was not told, saying ")
    shown = f"{error} {told!r} {told.model_dump_json()} {caplog.text}"
    assert SECRET not in shown
    paths = [one.path.strip("/") for one in hook.received]
    assert paths.count("another-one") == 1
    assert paths.count(SECRET) == 2


async def test_an_address_that_apprise_does_not_know_is_a_dead_letter(
    client: httpx.AsyncClient,
) -> None:
    error = await failure(notifier("nonsense://token"), firing(), client)

    assert error.permanent
    assert "nonsense:// was not told, saying 'not an address that apprise knows'" in str(error)


async def test_who_is_silent_is_left_when_the_time_is_up(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    hook.answers.append(SILENCE)

    error = await failure(notifier(url(hook), timeout="1s"), firing(), client)

    assert "json:// was not told within 1 s" in str(error)


def test_without_the_extra_the_config_says_what_to_install() -> None:
    code = """
import sys
sys.modules["apprise"] = None
from pydantic import ValidationError
from prober.notify.apprise import AppriseNotifier
try:
    AppriseNotifier.model_validate({"apprise": {"urls": ["tgram://token/chat"]}})
except ValidationError as error:
    print(error.errors()[0]["msg"])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True
    )

    assert "apprise is not installed; run pip install 'prober[apprise]'" in ran.stdout
