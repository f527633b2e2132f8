from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from prober.probes.tcp import TcpCheck
from prober.result import Outcome
from prober.wire.failure import OwnFault
from tests.probes.looking import connect_to, look
from tests.servers.http import peer, silent


async def test_an_open_port_is_up_with_its_time() -> None:
    async with peer(silent) as port:
        seen = await connect_to(f"127.0.0.1:{port}")

    assert seen.finding.outcome is Outcome.UP
    assert set(seen.attempt.phases) == {"resolve", "connect"}
    assert seen.finding.seconds == pytest.approx(sum(seen.attempt.phases.values()))
    assert (seen.facts["ip"], seen.facts["ip_protocol"]) == ("127.0.0.1", 4)


async def test_a_name_is_resolved() -> None:
    async with peer(silent) as port:
        assert (await connect_to(f"localhost:{port}")).finding.outcome is Outcome.UP


async def test_a_closed_port_is_down() -> None:
    async with peer(silent) as port:
        pass
    seen = await connect_to(f"127.0.0.1:{port}")

    assert seen.why[0] == "connect"
    assert "refused" in seen.finding.message


async def test_a_name_that_does_not_resolve_is_dns() -> None:
    assert (await connect_to("nothing.invalid.:25")).why[0] == "dns"


async def test_a_check_connects_from_the_address_it_is_given() -> None:
    callers: list[str] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(writer.get_extra_info("peername")[0])
        writer.write(b"220 hello\r\n")

    async with peer(script) as port:
        settings = {
            "address": f"127.0.0.1:{port}",
            "source_ip_address": "127.0.0.9",
            "dialogue": [{"expect": "220"}],
        }
        seen = await look(TcpCheck.model_validate({"name": "mail", "tcp": settings}))

    assert seen.finding.outcome is Outcome.UP
    assert callers == ["127.0.0.9"]


async def test_an_address_that_is_not_this_machines_is_our_own_fault() -> None:
    settings = {"address": "127.0.0.1:1", "source_ip_address": "192.0.2.1"}

    with pytest.raises(OwnFault, match=r"connect to 127.0.0.1:1 from 192.0.2.1: no local address"):
        await look(TcpCheck.model_validate({"name": "mail", "tcp": settings}))


async def test_a_source_of_another_family_reaches_nothing() -> None:
    settings = {"address": "127.0.0.1:1", "source_ip_address": "::1"}
    seen = await look(TcpCheck.model_validate({"name": "mail", "tcp": settings}))

    assert seen.why == (
        "dns",
        "host '127.0.0.1' has no IPv6 address to be reached from ::1: 127.0.0.1",
    )


def test_the_short_form_is_an_address() -> None:
    short = TcpCheck.model_validate({"name": "a", "tcp": "[::1]:25"})

    assert short == TcpCheck.model_validate({"name": "a", "tcp": {"address": "[::1]:25"}})
    assert short.target == "[::1]:25"


def test_an_address_without_a_port_is_refused() -> None:
    with pytest.raises(ValidationError, match="'mail' has no port; write it as host:port"):
        TcpCheck.model_validate({"name": "a", "tcp": "mail"})
