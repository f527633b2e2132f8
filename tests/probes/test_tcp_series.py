from __future__ import annotations

from datetime import UTC, datetime

import pytest

from prober.probes import overrun, tcp
from prober.probes.series import address_hash
from prober.result import Attempt, Fact, Finding, Reason
from tests.probes.looking import Seen

CHECK = tcp.TcpCheck.model_validate({"name": "mail", "tcp": "mail.example:25"})
HEARD: dict[str, Fact] = {
    "ip": "::1",
    "ip_protocol": 6,
    "dns_lookup_seconds": 0.002,
    "tls_version": "TLS 1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "cert_not_after": datetime(2030, 1, 1, tzinfo=UTC),
    "chain_not_after": datetime(2030, 1, 2, tzinfo=UTC),
    "cert_fingerprint": "ab",
    "cert_subject": "CN=mail",
    "cert_issuer": "CN=ca",
    "cert_san": "mail.example",
    "cert_serial": "0f",
    "regex_failed": True,
    "banner": "220 mail",
    "last_line": "221 bye",
    "expect_info": 'version="2.0"',
}


def read(facts: dict[str, Fact]) -> dict[str, float]:
    result = Seen(CHECK, Finding.up(), Attempt(run_id="R", traceparent="T", facts=facts)).result
    return {
        f"{one.name}{{{labels}}}" if labels else one.name: value
        for one in tcp.SERIES
        for labels, value in one.read(result)
    }


def test_a_whole_dialogue_becomes_blackboxs_series() -> None:
    chain = 'fingerprint_sha256="ab",subject="CN=mail",issuer="CN=ca"'
    chain += ',subjectalternative="mail.example",serialnumber="0f"'

    assert read(HEARD) == {
        "probe_dns_lookup_time_seconds": 0.002,
        "probe_ip_protocol": 6,
        "probe_ip_addr_hash": address_hash("::1"),
        "probe_ssl_earliest_cert_expiry": datetime(2030, 1, 1, tzinfo=UTC).timestamp(),
        "probe_ssl_last_chain_expiry_timestamp_seconds": datetime(
            2030, 1, 2, tzinfo=UTC
        ).timestamp(),
        f"probe_ssl_last_chain_info{{{chain}}}": 1,
        'probe_tls_version_info{version="TLS 1.3"}': 1,
        'probe_tls_cipher_info{cipher="TLS_AES_256_GCM_SHA384"}': 1,
        'probe_expect_info{version="2.0"}': 1,
        "probe_failed_due_to_regex": 1,
    }


def test_without_tls_and_dialogue_there_are_only_those_of_the_address_and_the_regex() -> None:
    assert set(read({"ip": "::1", "ip_protocol": 6})) == {
        "probe_dns_lookup_time_seconds",
        "probe_ip_protocol",
        "probe_ip_addr_hash",
        "probe_failed_due_to_regex",
    }


ALWAYS = {Reason.CONNECT, Reason.TIMEOUT, Reason.PROTOCOL}
TLS = {Reason.TLS, Reason.CERTIFICATE}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, set()),
        ({"address": "mail:1"}, {Reason.DNS}),
        ({"tls": True}, TLS),
        ({"tls": False}, set()),
        ({"dialogue": [{"send": "a"}]}, set()),
        ({"dialogue": [{"expect": "a"}]}, {Reason.BODY, Reason.SIZE}),
        ({"dialogue": [{"starttls": True}]}, TLS),
        ({"expect": {"duration": "2s"}}, {Reason.LATENCY}),
    ],
)
def test_the_reasons_are_those_that_can_occur(
    settings: dict[str, object], more: set[Reason]
) -> None:
    written = {"address": "10.0.0.1:1"} | settings
    check = tcp.TcpCheck.model_validate({"name": "mail", "tcp": written})

    assert set(tcp.reasons(check)) == ALWAYS | more
    assert list(tcp.reasons(check)) == [one for one in Reason if one in ALWAYS | more]


def test_what_it_took_too_long_is_known_to_whoever_judges_our_own_lateness() -> None:
    written = {"address": "10.0.0.1:1", "expect": {"duration": "2s"}}
    check = tcp.TcpCheck.model_validate({"name": "mail", "tcp": written})
    slow = Finding.down(Reason.LATENCY, "took 3 s", seconds=3.0)
    attempt = Attempt(run_id="R", traceparent="T")

    assert overrun(check, slow, attempt) == 1
    assert overrun(CHECK, slow, attempt) is None


def test_no_help_or_name_is_there_twice() -> None:
    names = [one.name for one in tcp.SERIES]

    assert len(set(names)) == len(names)
    assert all(one.help for one in tcp.SERIES)
