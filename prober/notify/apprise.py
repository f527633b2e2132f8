"""How are apprise's many services told? By a child process, so that none of it runs beside the checks.

What apprise takes for accepted is believed: there is no receipt, no edit and no
end of an incident, only a text. All of its URLs are secret.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from prober.alerts.notice import Delivery, Notice
from prober.check import Model
from prober.errors import DeliveryError
from prober.notify import people, texts
from prober.notify.post import ANSWER_SHOWN
from prober.notify.traits import FOR_PEOPLE, Means, Traits
from prober.secret import Scrubber, Secret
from prober.units import Duration, show_duration

MOST = 100  # notices in one message
CHILD = Path(__file__).with_name("apprise_child.py")
LONGEST = 3500  # characters of a text; the services cut at numbers of their own
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
_PART = re.compile(r"[^/:@?&=\s]{4,}")


def _url(value: Secret) -> Secret:
    if not _SCHEME.fullmatch(value.reveal()):
        raise ValueError("no URL of apprise's; write it as tgram://token/chat")
    return value


def _there(urls: tuple[Secret, ...]) -> tuple[Secret, ...]:
    if not urls:
        raise ValueError("no URL; write one at least, such as tgram://token/chat")
    if find_spec("apprise") is None:
        raise ValueError("apprise is not installed; run pip install 'prober[apprise]'")
    return urls


Url = Annotated[Secret, AfterValidator(_url)]


class AppriseSettings(people.People):
    urls: Annotated[tuple[Url, ...], AfterValidator(_there)]
    timeout: Annotated[Duration, Field(gt=0)] = 30.0  # of all of them, and of starting apprise


class AppriseNotifier(Model):
    kind: ClassVar[str] = "apprise"
    TRAITS: ClassVar[Traits] = Traits(people=True, at_once=1, most=MOST, events=FOR_PEOPLE)

    apprise: AppriseSettings


class _Outcome(BaseModel):
    """What the child says of one URL."""

    at: int
    outcome: Literal["accepted", "failed", "refused"]
    said: str


async def send(notifier: AppriseNotifier, deliveries: Sequence[Delivery], means: Means) -> None:
    """Returns when apprise says that each service has taken it. Raises DeliveryError."""
    settings = notifier.apprise
    urls = [url.reveal() for url in settings.urls]
    round_ = people.Round(deliveries, means.client)
    answers: dict[str, DeliveryError | None] = {}
    for lacking, left in round_.left(urls):
        answers |= await _tell(settings, message([one.notice for one in lacking]), left)
    round_.end(answers)


async def _tell(
    settings: AppriseSettings, said: Mapping[str, str], urls: Sequence[str]
) -> dict[str, DeliveryError | None]:
    heard = await _asked({**said, "urls": [*urls]}, settings.timeout)
    outcomes = {one.at: one for one in map(_outcome, heard.splitlines()) if one is not None}
    lasted = show_duration(settings.timeout)
    answers: dict[str, DeliveryError | None] = {}
    for at, url in enumerate(urls):
        one = outcomes.get(at)
        if one is None:
            answers[url] = DeliveryError(f"{shown(url)} was not told within {lasted}")
        elif one.outcome == "accepted":
            answers[url] = None
        else:
            why = Scrubber(_PART.findall(url))(" ".join(one.said.split()))[:ANSWER_SHOWN]
            text = f"{shown(url)} was not told" + (f", saying {why!r}" if why else "")
            answers[url] = DeliveryError(text, permanent=one.outcome == "refused")
    return answers


async def _asked(told: Mapping[str, object], timeout: float) -> bytes:
    """What the child says until it ends or its time is up."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(CHILD)),  # -P: beside it lies a module that is no apprise
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    heard = bytearray()
    try:
        async with asyncio.timeout(timeout):
            await _exchange(process, json.dumps(told).encode(), heard)
    except TimeoutError:
        pass  # whoever was told by then was told
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return bytes(heard)


async def _exchange(process: Process, told: bytes, heard: bytearray) -> None:
    assert process.stdin is not None  # noqa: S101 - pipes, as asked for
    assert process.stdout is not None  # noqa: S101
    with suppress(ConnectionError):
        process.stdin.write(told)
        await process.stdin.drain()
    process.stdin.close()
    while line := await process.stdout.readline():
        heard += line
    await process.wait()


def _outcome(line: bytes) -> _Outcome | None:
    try:
        return _Outcome.model_validate_json(line)
    except ValidationError:
        return None


def shown(url: str) -> str:
    """Of an address that is a secret from its first letter on, the service."""
    match = _SCHEME.fullmatch(url)
    return f"{match[1].lower()}://" if match else "a URL"


def message(notices: Sequence[Notice]) -> Mapping[str, str]:
    """A title, a text, and what kind of news it is, in apprise's words."""
    ordered = texts.worst_first(notices)
    if len(ordered) == 1:
        title = f"[{texts.state(ordered[0])}] {texts.summary(ordered[0])}"
        lines = [texts.clean(ordered[0].annotations.get("description", "")) or title]
        lines += [f"{name}: {href}" for name, href in texts.links(ordered[0])]
    else:
        title = texts.counted(notices)
        lines = [f"[{texts.state(one)}] {texts.summary(one)}" for one in ordered]
    body = texts.cut("\n".join(lines), LONGEST)
    return {"title": texts.cut(title, 250), "body": body, "type": _type(ordered[0])}


def _type(worst: Notice) -> str:
    if worst.event.is_over:
        return "success"
    level = texts.level_of(worst)
    if level is None or level == "info":
        return "info"
    return "warning" if level == "warning" else "failure"
