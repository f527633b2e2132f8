"""TLS from the start, and TLS that begins in the middle of a dialogue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP

from prober.probes.tcp import TcpCheck
from prober.result import Outcome
from tests.probes.looking import Seen, look
from tests.servers.http import peer
from tests.servers.mail import mail_server
from tests.servers.tls import Authority

STARTTLS: list[dict[str, object]] = [
    {"expect": "^220 "}, {"send": "EHLO x"}, {"expect": "^250[ -]STARTTLS"}, {"send": "STARTTLS"},
    {"expect": "^220 "}, {"starttls": True}, {"send": "EHLO x"}, {"expect": "^250 AUTH"},
    {"send": "QUIT"}, {"expect": "^221 "},
]  # fmt: skip
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


async def connect(address: str, **written: object) -> Seen:
    settings = {"address": address} | written
    return await look(TcpCheck.model_validate({"name": "mail", "tcp": settings}))


def trusting(authority: Authority, **more: object) -> dict[str, object]:
    return {"ca_file": str(authority.ca_file)} | more


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 safe\r\n")
    await reader.read()


async def test_tls_from_the_start_is_shaken_before_the_dialogue(authority: Authority) -> None:
    async with peer(greet, tls=authority.server()) as port:
        seen = await connect(
            f"localhost:{port}", tls=trusting(authority), dialogue=[{"expect": "^220 safe$"}]
        )

    assert seen.finding.outcome is Outcome.UP
    assert set(seen.attempt.phases) == {"resolve", "connect", "tls", "dialogue"}
    assert seen.facts["tls_version"] == "TLS 1.3"
    assert {"cipher", "cert_san", "cert_not_after", "chain_not_after"} <= seen.facts.keys()


async def test_tls_without_a_dialogue_is_up_once_hands_were_shaken(authority: Authority) -> None:
    async with peer(greet, tls=authority.server()) as port:
        seen = await connect(f"localhost:{port}", tls=trusting(authority))

    assert seen.finding.outcome is Outcome.UP
    assert set(seen.attempt.phases) == {"resolve", "connect", "tls"}
    assert seen.finding.seconds == pytest.approx(sum(seen.attempt.phases.values()))


async def test_tls_begins_where_the_dialogue_says(authority: Authority) -> None:
    async with mail_server(authority.server("localhost")) as mail:
        seen = await connect(f"localhost:{mail.port}", tls=trusting(authority), dialogue=STARTTLS)

    assert seen.why == (None, "")
    assert mail.asked == [b"EHLO x\r\n", b"STARTTLS\r\n", b"EHLO x\r\n", b"QUIT\r\n"]
    assert set(seen.attempt.phases) == {"resolve", "connect", "tls", "dialogue"}
    assert seen.facts["cert_san"] == "localhost"
    assert "chain_not_after" in seen.facts
    assert seen.facts["banner"] == "220 mail.example ESMTP ready"
    assert seen.facts["last_line"] == "221 bye"


@pytest.mark.parametrize(
    ("names", "expires", "trusted", "message"),
    [
        (["other.example"], None, True, "not valid for that name, only for other.example"),
        (["localhost"], PAST, True, "expired"),
        (["localhost"], None, False, "signed by an authority that is not trusted here"),
    ],
)
async def test_a_certificate_refused_after_starttls_is_down_with_its_facts(
    authority: Authority, names: list[str], expires: datetime | None, trusted: bool, message: str
) -> None:
    async with mail_server(authority.server(*names, not_after=expires)) as mail:
        seen = await connect(
            f"localhost:{mail.port}",
            tls=trusting(authority) if trusted else True,
            dialogue=STARTTLS,
        )

    assert seen.why[0] == "certificate"
    assert message in seen.finding.message
    assert seen.finding.message.endswith("item 6 of the dialogue begins TLS")
    assert mail.asked == [b"EHLO x\r\n", b"STARTTLS\r\n"]  # nobody asked a second time
    assert seen.facts["cert_san"] == names[0]
    assert "cert_not_after" in seen.facts
    assert "chain_not_after" not in seen.facts


@pytest.mark.parametrize("tls", [{"insecure_skip_verify": True}, {"server_name": "other.example"}])
async def test_the_settings_of_tls_hold_after_starttls(
    authority: Authority, tls: dict[str, object]
) -> None:
    async with mail_server(authority.server("other.example")) as mail:
        seen = await connect(
            f"localhost:{mail.port}", tls=trusting(authority, **tls), dialogue=STARTTLS
        )

    assert seen.why == (None, "")


async def test_a_peer_that_goes_on_in_plain_text_is_down(authority: Authority) -> None:
    async with mail_server(authority.server(), b"220 go\r\n250 injected\r\n") as mail:
        injected = await connect(f"localhost:{mail.port}", tls=True, dialogue=STARTTLS)

    assert injected.why[0] == "protocol"
    assert 'plain text where TLS begins: "250 injected' in injected.finding.message


async def test_plain_text_instead_of_tls_is_down(authority: Authority) -> None:
    async def confused(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 go\r\n")
        await writer.drain()
        await reader.read(1)
        writer.write(b"500 what?\r\n")
        await writer.drain()

    async with peer(confused) as port:
        seen = await connect(
            f"localhost:{port}", dialogue=[{"expect": "^220 "}, {"starttls": True}]
        )

    assert seen.why[0] == "tls"
    assert "does not speak TLS, it said" in seen.finding.message
    assert "item 2 of the dialogue begins TLS" in seen.finding.message


async def test_plain_text_where_tls_is_from_the_start_is_tls(authority: Authority) -> None:
    async with peer(greet) as port:
        seen = await connect(f"localhost:{port}", tls=True)

    assert seen.why[0] == "tls"
    assert "does not speak TLS, it said b'220 safe" in seen.finding.message


async def test_a_certificate_has_to_be_valid_for_long_enough(authority: Authority) -> None:
    async with mail_server(authority.server("localhost")) as mail:
        expected = {"certificate": {"valid_for": "7d"}}
        long = await connect(
            f"localhost:{mail.port}", tls=trusting(authority), dialogue=STARTTLS, expect=expected
        )
        expected = {"certificate": {"valid_for": "900000d"}}
        short = await connect(
            f"localhost:{mail.port}", tls=trusting(authority), dialogue=STARTTLS, expect=expected
        )

    assert long.why == (None, "")
    assert long.finding.assertions[-1].what == "certificate"
    assert short.why[0] == "certificate"
    assert "expected one valid for at least 900000 d" in short.finding.message


async def test_a_real_mail_server_is_up(authority: Authority) -> None:
    context = authority.server("localhost")
    dialogue = [
        {"expect": "^220 (\\S+)"}, {"send": "EHLO {{1}}"}, {"expect": "^250[ -]STARTTLS"},
        {"send": "STARTTLS"}, {"expect": "^220 "}, {"starttls": True}, {"send": "EHLO x"},
        {"expect": "^250 "}, {"send": "QUIT"}, {"expect": "^221 "},
    ]  # fmt: skip
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Sink(), hostname="mail.example", tls_context=context), "127.0.0.1", 0
    )
    try:
        port = server.sockets[0].getsockname()[1]
        seen = await connect(f"localhost:{port}", tls=trusting(authority), dialogue=dialogue)
    finally:
        server.close()
        await server.wait_closed()

    assert seen.why == (None, "")
    assert seen.facts["cert_san"] == "localhost"
