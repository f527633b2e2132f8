"""What Sentry gets to hear of the agent's own faults, and what of nothing else."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec

import pytest

from tests.servers.receivers import Received, Receiver, receiver

pytestmark = pytest.mark.skipif(find_spec("sentry_sdk") is None, reason="it is an extra")
BEGIN = """
import logging, os
from prober import sentry
from prober.secret import Scrubber
logging.basicConfig(format="%(message)s")
sentry.set_up(os.environ["SENTRY_DSN"])
sentry.set_up(os.environ["SENTRY_DSN"], Scrubber(["s3cret-s3cret"]))
log = logging.getLogger("prober.notify")
def break_down():
    local = "l0cal-value"
    raise ValueError("cannot tell s3cret-s3cret")
"""
CAUGHT = """
try:
    break_down()
except ValueError:
    log.{call}("telling %s failed", "s3cret-s3cret"{more})
"""
END = "import sentry_sdk; sentry_sdk.flush(10)"


async def ran(code: str, dsn: str) -> str:
    """What it says on stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code,
        env={**os.environ, "SENTRY_DSN": dsn, "NO_PROXY": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(50):
        _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


def dsn(hook: Receiver) -> str:
    return f"{hook.url.replace('http://', 'http://key@')}/1"


def events(hook: Receiver) -> list[Mapping[str, object]]:
    return [one for received in hook.received for one in _events(received)]


def _events(received: Received) -> list[Mapping[str, object]]:
    packed = received.headers.get("content-encoding") == "gzip"
    lines = (gzip.decompress(received.raw) if packed else received.raw).splitlines()
    parts = [json.loads(line) for line in lines if line]
    return [one for one in parts if "exception" in one]


async def test_a_fault_is_sent_with_its_traceback_and_without_secrets_or_values() -> None:
    async with receiver() as hook:
        code = BEGIN + CAUGHT.format(call="exception", more="") + END
        await ran(code, dsn(hook))

    [event] = events(hook)
    text = json.dumps(event)
    assert "cannot tell ***" in text
    assert "telling *** failed" in text
    assert "break_down" in text
    assert "s3cret" not in text
    assert "l0cal-value" not in text
    assert event["level"] == "error"
    assert str(event["release"]).startswith("prober@")
    assert event["tags"] == {"logger": "prober.notify"}
    assert event.get("breadcrumbs") in (None, {"values": []})


async def test_a_critical_one_is_sent_before_the_process_ends() -> None:
    async with receiver() as hook:
        await ran(BEGIN + CAUGHT.format(call="critical", more=", exc_info=True"), dsn(hook))

    assert [event["level"] for event in events(hook)] == ["fatal"]


async def test_what_has_no_traceback_of_ours_is_no_fault() -> None:
    others = """
log.error("gave up firing of api/down")
log.warning("not delivered", exc_info=True)
logging.getLogger("asyncio").error("not ours", exc_info=ValueError("x"))
"""
    async with receiver() as hook:
        await ran(BEGIN + others + END, dsn(hook))

    assert events(hook) == []


@pytest.mark.parametrize(
    ("wrong", "said"), [("no dsn", "SENTRY_DSN is set, but is no DSN; write"), ("", ""), (" ", "")]
)
async def test_a_wrong_dsn_is_a_warning_and_none_is_nothing(wrong: str, said: str) -> None:
    heard = await ran(BEGIN + CAUGHT.format(call="exception", more=""), wrong)

    assert heard.count("SENTRY_DSN") == (1 if said else 0)
    assert said in heard


async def test_without_the_extra_it_is_a_warning() -> None:
    missing = "import sys; sys.modules['sentry_sdk'] = None\n"

    heard = await ran(missing + BEGIN, "http://key@127.0.0.1:1/1")

    assert "SENTRY_DSN is set, but not used; run pip install 'prober[sentry]'" in heard
