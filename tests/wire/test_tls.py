"""Handshakes that succeed and fail, and what is known of the certificate either way."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from prober.clock import SystemClock
from prober.result import Attempt, Reason
from prober.wire import certificate
from prober.wire.failure import Failure, OwnFault
from prober.wire.http1 import Request
from prober.wire.network import Endpoint, Network
from prober.wire.session import Session
from prober.wire.tls import TlsPolicy
from tests.servers.raw import Do, Step, raw_server
from tests.servers.tls import Authority
from tests.wire.ways import fetch, fetch_failure, new_attempt

NOW = datetime.fromtimestamp(SystemClock().now(), UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def refused(net: Network, to: Endpoint, attempt: Attempt) -> tuple[Reason, str]:
    with pytest.raises(Failure) as failure:
        (await net.connect(to, attempt)).close()
    return failure.value.reason, str(failure.value)


async def test_a_good_certificate_is_told_whole(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    end = datetime(2998, 3, 4, tzinfo=UTC)
    tls = authority.server("localhost", "127.0.0.1", not_after=end)
    with raw_server(Do.READ, OK, tls=tls) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        response = await fetch(net, Endpoint("localhost", server.port, policy), attempt=attempt)

    facts = attempt.facts
    assert response.body == b"ok"
    assert facts["tls_version"] == "TLS 1.3"
    assert str(facts["cipher"]).startswith("TLS_")
    assert facts["cert_not_after"] == end
    assert facts["chain_not_after"] == end
    assert facts["cert_san"] == "localhost,127.0.0.1"
    assert "O=trustme" in str(facts["cert_issuer"])
    assert str(facts["cert_subject"]).startswith("OU=Testing cert #")
    assert len(str(facts["cert_fingerprint"])) == 64
    assert str(facts["cert_serial"]) == str(facts["cert_serial"]).lower()
    assert set(attempt.phases) == {"resolve", "connect", "tls", "processing", "transfer"}


async def test_the_chain_ends_with_whichever_ends_first(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    """The authority itself ends in the year 3000, after this one."""
    tls = authority.server("127.0.0.1", not_after=datetime(2090, 1, 1, tzinfo=UTC))
    with raw_server(tls=tls) as server:
        to = Endpoint("127.0.0.1", server.port, TlsPolicy(ca_file=authority.ca_file))
        (await net.connect(to, attempt)).close()

    assert attempt.facts["chain_not_after"] == datetime(2090, 1, 1, tzinfo=UTC)


async def test_facts_are_those_of_ssl_itself(authority: Authority) -> None:
    """Compared with a blocking client of the standard library."""
    with raw_server(Do.HANG, tls=authority.server("a.example")) as server:
        context = ssl.create_default_context(cafile=str(authority.ca_file))
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            context.wrap_socket(plain, server_hostname="a.example") as sock,
        ):
            der, info = sock.getpeercert(binary_form=True), sock.getpeercert()
        net = Network(SystemClock())
        attempt = new_attempt()
        policy = TlsPolicy(ca_file=authority.ca_file, server_name="a.example")
        (await net.connect(Endpoint("127.0.0.1", server.port, policy), attempt)).close()
        net.close()

    assert der is not None
    assert info is not None
    assert attempt.facts["cert_fingerprint"] == hashlib.sha256(der).hexdigest()
    assert attempt.facts["cert_serial"] == str(info["serialNumber"]).lower()
    ends = ssl.cert_time_to_seconds(str(info["notAfter"]))
    assert attempt.facts["cert_not_after"] == datetime.fromtimestamp(ends, UTC)


@pytest.mark.parametrize(
    ("kind", "host", "said"),
    [
        ("expired", "localhost", "certificate of localhost expired 3 d ago, on "),
        ("future", "localhost", "certificate of localhost is not valid yet, only in 4 d 23 h, from "),
        ("self-signed", "localhost", "certificate of localhost is self-signed"),
        (
            "unknown",
            "localhost",
            "certificate of localhost is signed by an authority that is not trusted here: 'OU=Testing CA",
        ),
        (
            "other name",
            "localhost",
            "certificate of localhost is not valid for that name, only for a.example, b.example",
        ),
        (
            "other name",
            "127.0.0.1",
            "certificate of 127.0.0.1 is not valid for that name, only for a.example, b.example",
        ),
    ],
)  # fmt: skip
async def test_a_bad_certificate_is_certificate_and_is_told_all_the_same(
    net: Network, authority: Authority, tmp_path: Path, kind: str, host: str, said: str
) -> None:
    day = timedelta(days=1)
    makers: dict[str, Callable[[], ssl.SSLContext]] = {
        "expired": lambda: authority.server(not_after=NOW - 3 * day),
        "future": lambda: authority.server(not_before=NOW + 5 * day),
        "self-signed": authority.self_signed_server,
        "unknown": lambda: Authority(tmp_path).server(),
        "other name": lambda: authority.server("a.example", "b.example"),
    }
    tls = makers[kind]()
    attempt = new_attempt()
    with raw_server(Do.HANG, tls=tls) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        reason, message = await refused(net, Endpoint(host, server.port, policy), attempt)

    assert reason is Reason.CERTIFICATE
    assert message.startswith(said)
    assert attempt.during == "tls"
    assert isinstance(attempt.facts["cert_not_after"], datetime)
    assert "cert_fingerprint" in attempt.facts
    assert attempt.facts["tls_version"] == "TLS 1.3"
    assert "chain_not_after" not in attempt.facts
    assert server.accepted == 2


async def test_without_a_second_look_the_first_tells_what_it_can(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    end = datetime(2998, 3, 4, tzinfo=UTC)
    tls = authority.server("a.example", not_after=end)
    with raw_server(Do.HANG, tls=tls, connections=1) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        to = Endpoint("127.0.0.1", server.port, policy)
        reason, message = await refused(net, to, attempt)

    assert reason is Reason.CERTIFICATE
    assert message.startswith("certificate of 127.0.0.1 is not ")
    if ssl.OPENSSL_VERSION_INFO >= (3, 0):
        assert message.endswith("not valid for that name, only for a.example")
        assert attempt.facts["cert_not_after"] == end


async def test_skipping_verification_accepts_and_tells(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    with raw_server(Do.READ, OK, tls=authority.self_signed_server()) as server:
        policy = TlsPolicy(insecure_skip_verify=True)
        await fetch(net, Endpoint("127.0.0.1", server.port, policy), attempt=attempt)

    assert "cert_not_after" in attempt.facts
    assert "chain_not_after" not in attempt.facts


async def test_the_system_does_not_trust_a_stranger(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    with raw_server(Do.HANG, tls=authority.server()) as server:
        to = Endpoint("127.0.0.1", server.port, TlsPolicy())
        reason, message = await refused(net, to, attempt)

    assert reason is Reason.CERTIFICATE
    assert "not trusted here" in message


async def test_another_server_name_is_asked_for_and_checked(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    with raw_server(Do.READ, OK, tls=authority.server("bücher.example")) as server:
        for name in ("bücher.example", "BÜCHER.example."):
            policy = TlsPolicy(ca_file=authority.ca_file, server_name=name)
            to = Endpoint("127.0.0.1", server.port, policy)
            assert (await fetch(net, to)).body == b"ok"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(
            [b"HTTP/1.1 400 Bad Request\r\n\r\n", Do.HANG],
            "the server does not speak TLS, it said b'HTTP/1.1 400 Bad Request", id="plain HTTP",
        ),
        pytest.param(
            [b"220 mail ESMTP\r\n", Do.HANG], "does not speak TLS, it said b'220 mail", id="SMTP"
        ),
        pytest.param([b"\0"], "does not speak TLS", id="one zero"),
        pytest.param([b"220 " + b"x" * 99, Do.HANG], f"said b'220 {'x' * 56}…'", id="a long one"),
        pytest.param([0.02, Do.RESET], "connection reset", id="reset"),
        pytest.param([0.02], "closed the connection during the TLS handshake", id="end"),
        pytest.param(
            [b"\x15\x03\x03\x00\x02\x02\x28", Do.HANG],
            "wants a client certificate: it ended TLS with the alert 'handshake failure'", id="alert",
        ),
        pytest.param(
            [b"\x15\x03\x03\x00\x02\x02\x50", Do.HANG],
            "the server ended TLS with the alert 'internal error'", id="another alert",
        ),
        pytest.param(
            [b"\x16\x03\x03\x00\x02", 0.02, Do.RESET], "connection reset", id="reset in a record"
        ),
        pytest.param(
            [b"\x16\x03\x03\x00\x02"], "closed the connection during", id="end in a record"
        ),
        pytest.param([b"\x16\x03\x03\x00\x04abcd", Do.HANG], "TLS failed: ", id="rubbish"),
    ],
)  # fmt: skip
async def test_a_broken_handshake_is_tls(
    net: Network, attempt: Attempt, script: list[Step], said: str
) -> None:
    with raw_server(*script) as server:
        to = Endpoint("127.0.0.1", server.port, TlsPolicy())
        reason, message = await refused(net, to, attempt)

    assert said in message
    assert reason is Reason.TLS
    assert attempt.during == "tls"
    assert "tls" in attempt.phases


async def test_an_old_server_is_refused_and_says_why(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    tls = authority.server()
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with raw_server(Do.READ, OK, tls=tls) as server:
        new = TlsPolicy(ca_file=authority.ca_file, min_version="1.3")
        reason, message = await refused(net, Endpoint("127.0.0.1", server.port, new), attempt)
        old = TlsPolicy(ca_file=authority.ca_file, min_version="1.2")
        await fetch(net, Endpoint("127.0.0.1", server.port, old), attempt=attempt)

    assert reason is Reason.TLS
    assert "protocol version" in message
    assert attempt.facts["tls_version"] == "TLS 1.2"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("asked", [{"min_version": "1.0"}, {"max_version": "1.0"}])
async def test_a_very_old_server_is_reached_where_asked_for(
    net: Network, authority: Authority, attempt: Attempt, asked: dict[str, str]
) -> None:
    tls = authority.server()
    tls.set_ciphers("DEFAULT:@SECLEVEL=0")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1
    with raw_server(Do.READ, OK, tls=tls) as server:
        policy = TlsPolicy(
            ca_file=authority.ca_file,
            min_version=asked.get("min_version"),
            max_version=asked.get("max_version"),
        )
        await fetch(net, Endpoint("127.0.0.1", server.port, policy), attempt=attempt)

    assert attempt.facts["tls_version"] == "TLS 1.0"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("server_has", "asked"),
    [
        ("TLSv1", TlsPolicy()),
        ("TLSv1_1", TlsPolicy(min_version="1.2")),
        ("TLSv1_3", TlsPolicy(max_version="1.2")),
        ("TLSv1_2", TlsPolicy(min_version="1.3", max_version="1.3")),
        ("TLSv1_2", TlsPolicy(max_version="1.1")),
    ],
)
async def test_versions_that_do_not_meet_are_tls_and_say_so(
    net: Network, authority: Authority, attempt: Attempt, server_has: str, asked: TlsPolicy
) -> None:
    tls = authority.server()
    tls.set_ciphers("DEFAULT:@SECLEVEL=0")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion[server_has]
    policy = replace(asked, ca_file=authority.ca_file)
    with raw_server(Do.READ, OK, tls=tls) as server:
        reason, message = await refused(net, Endpoint("127.0.0.1", server.port, policy), attempt)

    assert reason is Reason.TLS
    assert message == (
        "the server speaks no version of TLS that is allowed here:"
        " it ended TLS with the alert 'protocol version'"
    )


async def test_the_newest_version_can_be_left_out(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    policy = TlsPolicy(ca_file=authority.ca_file, max_version="1.2")
    with raw_server(Do.READ, OK, tls=authority.server()) as server:
        await fetch(net, Endpoint("127.0.0.1", server.port, policy), attempt=attempt)

    assert attempt.facts["tls_version"] == "TLS 1.2"


async def test_a_client_certificate_of_a_stranger_is_turned_down(
    net: Network, authority: Authority, tmp_path: Path
) -> None:
    cert, key = Authority(tmp_path).client()
    policy = TlsPolicy(ca_file=authority.ca_file, cert_file=cert, key_file=key)
    with raw_server(Do.READ, OK, tls=authority.server_that_asks()) as server:
        failure = await fetch_failure(net, Endpoint("127.0.0.1", server.port, policy))

    assert failure[0] is Reason.TLS
    assert failure[1].startswith("the server does not accept the client certificate: it ended TLS")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_in_the_certificate_is_as_good_as_a_name(
    net: Network, authority: Authority, host: str
) -> None:
    with raw_server(Do.READ, OK, tls=authority.server(host)) as server:
        policy = TlsPolicy(ca_file=authority.ca_file, server_name=host)
        response = await fetch(net, Endpoint("127.0.0.1", server.port, policy))

    assert response.body == b"ok"


async def test_the_key_of_another_certificate_is_our_own_fault(
    net: Network, authority: Authority, tmp_path: Path
) -> None:
    policy = TlsPolicy(cert_file=authority.client()[0], key_file=Authority(tmp_path).client()[1])
    with raw_server(Do.HANG) as server, pytest.raises(OwnFault) as fault:
        await net.connect(Endpoint("127.0.0.1", server.port, policy), new_attempt())

    assert str(fault.value).endswith("client.pem' cannot be used: key values mismatch")


async def test_a_client_certificate_is_shown(net: Network, authority: Authority) -> None:
    cert, key = authority.client()
    tls = authority.server_that_asks()
    with raw_server(Do.READ, OK, tls=tls) as server:
        without = TlsPolicy(ca_file=authority.ca_file)
        with pytest.raises(Failure) as failure:
            await fetch(net, Endpoint("127.0.0.1", server.port, without))
        policy = TlsPolicy(ca_file=authority.ca_file, cert_file=cert, key_file=key)
        response = await fetch(net, Endpoint("127.0.0.1", server.port, policy))

    assert failure.value.reason is Reason.TLS
    assert str(failure.value).startswith(
        "the server wants a client certificate: it ended TLS with the alert 'certificate required'"
    )
    assert response.body == b"ok"


async def test_a_renewed_file_is_read_again(net: Network, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(old.ca_file.read_bytes())
    policy = TlsPolicy(ca_file=ca_file)
    with raw_server(tls=old.server()) as server:
        (await net.connect(Endpoint("127.0.0.1", server.port, policy), new_attempt())).close()

    ca_file.write_bytes(new.ca_file.read_bytes())
    os.utime(ca_file, ns=(1, 1))

    with raw_server(tls=new.server()) as server:
        (await net.connect(Endpoint("127.0.0.1", server.port, policy), new_attempt())).close()
    with raw_server(tls=old.server()) as server, pytest.raises(Failure) as failure:
        await net.connect(Endpoint("127.0.0.1", server.port, policy), new_attempt())
    assert failure.value.reason is Reason.CERTIFICATE


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (TlsPolicy(ca_file=Path("/nowhere.pem")), "ca_file '/nowhere.pem' cannot be used: No such"),
        (TlsPolicy(ca_file=Path("/dev/null")), "ca_file '/dev/null' cannot be used: "),
        (TlsPolicy(cert_file=Path("/nowhere.pem")), "cert_file '/nowhere.pem' cannot be used"),
    ],
)
async def test_an_unusable_file_is_our_own_fault_until_it_is_there(
    net: Network, policy: TlsPolicy, said: str
) -> None:
    with raw_server(Do.HANG) as server:
        for _ in range(2):
            with pytest.raises(OwnFault) as fault:
                await net.connect(Endpoint("127.0.0.1", server.port, policy), new_attempt())
            assert str(fault.value).startswith(said)


UNSIZED = b"HTTP/1.0 200 OK\r\n\r\nbody"


async def test_a_goodbye_ends_a_body_without_length(net: Network, authority: Authority) -> None:
    with raw_server(Do.READ, UNSIZED, Do.GOODBYE, tls=authority.server()) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        response = await fetch(net, Endpoint("127.0.0.1", server.port, policy))

    assert response.body == b"body"


async def test_an_end_without_goodbye_cuts_off_a_body_without_length(
    net: Network, authority: Authority
) -> None:
    with raw_server(Do.READ, UNSIZED, tls=authority.server()) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        failure = await fetch_failure(net, Endpoint("127.0.0.1", server.port, policy))

    assert failure == (
        Reason.PROTOCOL,
        "the answer is cut off: the TLS connection ended without a goodbye"
        " after 4 bytes of the body",
    )


async def test_a_body_of_known_length_needs_no_goodbye(net: Network, authority: Authority) -> None:
    with raw_server(Do.READ, OK, tls=authority.server()) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        response = await fetch(net, Endpoint("127.0.0.1", server.port, policy))

    assert response.body == b"ok"


async def test_a_second_look_that_hangs_leaves_the_first_failure(
    net: Network, authority: Authority, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.wire.handshake._LOOK", 0.1)
    with raw_server(Do.HANG, tls=authority.server("a.example"), silent_after=1) as server:
        to = Endpoint("127.0.0.1", server.port, TlsPolicy(ca_file=authority.ca_file))
        async with asyncio.timeout(3):
            reason, message = await refused(net, to, attempt)

    assert server.accepted == 2
    assert reason is Reason.CERTIFICATE
    assert message.startswith("certificate of 127.0.0.1 is not ")


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_that_cannot_be_read_is_told_by_its_fingerprint(
    net: Network, authority: Authority, attempt: Attempt, trusted: bool
) -> None:
    """A name in it is not UTF-8, which neither OpenSSL nor browsers mind."""
    tls, fingerprint = authority.unreadable_server("localhost", b"caf\xe9.example")
    with raw_server(Do.READ, OK, tls=tls) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        to = Endpoint("localhost" if trusted else "other.localhost", server.port, policy)
        if trusted:
            assert (await fetch(net, to, attempt=attempt)).body == b"ok"
        else:
            reason, message = await refused(net, to, attempt)
            assert reason is Reason.CERTIFICATE
            assert message.endswith(
                "is not accepted: Hostname mismatch, certificate is not valid"
                " for 'other.localhost'."
            )

    assert attempt.facts["cert_fingerprint"] == fingerprint
    assert attempt.facts["tls_version"] == "TLS 1.3"
    assert "cert_subject" not in attempt.facts
    assert "cert_not_after" not in attempt.facts


async def test_large_bodies_pass_both_ways(net: Network, authority: Authority) -> None:
    body = b"0123456789" * 200_000
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(Do.READ, reply, body, Do.HANG, tls=authority.server()) as server:
        policy = TlsPolicy(ca_file=authority.ca_file)
        request = Request("POST", "/", (("Host", "x"),), body)
        response = await fetch(net, Endpoint("127.0.0.1", server.port, policy), request)

    assert response.body == body


class OnlyPublic:
    """An SSLObject of an interpreter without the private half."""

    def __init__(self, tls: ssl.SSLObject) -> None:
        self.context = tls.context
        self.getpeercert = tls.getpeercert


def test_where_the_interpreter_hides_the_chain_the_leaf_is_told(authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    client = Session(context, "localhost")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = authority.server().wrap_bio(incoming, outgoing, server_side=True)
    while not client.handshake():
        incoming.write(client.outgoing())
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        client.feed(outgoing.read())

    hidden = OnlyPublic(client.tls)
    told = certificate.facts(hidden)  # type: ignore[arg-type]  # all of it that is used

    whole = dict(certificate.facts(client.tls))
    assert whole.pop("chain_not_after")
    assert told == whole
