from __future__ import annotations

from datetime import UTC, datetime

import pytest

from prober.probes import http
from prober.probes.series import address_hash
from prober.result import Attempt, Fact, Finding, Reason
from prober.series import Series
from tests.probes.looking import Seen

FACTS: dict[str, Fact] = {
    "status_code": 200,
    "http_version": "1.1",
    "ip": "10.0.0.7",
    "ip_protocol": 4,
    "dns_lookup_seconds": 0.002,
    "tls_version": "TLS 1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "cert_not_after": datetime(2030, 1, 1, tzinfo=UTC),
    "chain_not_after": datetime(2030, 1, 2, tzinfo=UTC),
    "cert_fingerprint": "ab",
    "cert_subject": 'CN="shop"',
    "cert_issuer": "CN=ca",
    "cert_san": "shop.example",
    "cert_serial": "0f",
    "content_length": 10,
    "uncompressed_body_length": 20,
    "redirects": 2,
    "ssl": True,
    "last_modified": datetime(2026, 1, 1, tzinfo=UTC),
    "regex_failed": True,
}


def seen(facts: dict[str, Fact], phases: dict[str, float] | None = None) -> Seen:
    check = http.HttpCheck.model_validate({"name": "shop", "http": "https://shop.example/"})
    attempt = Attempt(run_id="R", traceparent="T", facts=facts, phases=phases or {})
    return Seen(check, Finding.up(), attempt)


def read(series: tuple[Series, ...], of: Seen) -> dict[str, float]:
    return {
        f"{one.name}{{{labels}}}" if labels else one.name: value
        for one in series
        for labels, value in one.read(of.result)
    }


def test_a_whole_https_run_becomes_blackboxs_series() -> None:
    phases = {"resolve": 1.0, "connect": 2.0, "tls": 3.0, "processing": 4.0, "transfer": 5.0}

    assert read(http.SERIES, seen(FACTS, phases)) == {
        "probe_dns_lookup_time_seconds": 0.002,
        "probe_ip_protocol": 4,
        "probe_ip_addr_hash": address_hash("10.0.0.7"),
        "probe_http_status_code": 200,
        "probe_http_version": 1.1,
        "probe_http_ssl": 1,
        "probe_http_redirects": 2,
        "probe_http_content_length": 10,
        "probe_http_uncompressed_body_length": 20,
        'probe_http_duration_seconds{phase="resolve"}': 1,
        'probe_http_duration_seconds{phase="connect"}': 2,
        'probe_http_duration_seconds{phase="tls"}': 3,
        'probe_http_duration_seconds{phase="processing"}': 4,
        'probe_http_duration_seconds{phase="transfer"}': 5,
        "probe_http_last_modified_timestamp_seconds": 1767225600,
        "probe_ssl_earliest_cert_expiry": 1893456000,
        "probe_ssl_last_chain_expiry_timestamp_seconds": 1893542400,
        'probe_ssl_last_chain_info{fingerprint_sha256="ab",subject="CN=\\"shop\\"",issuer="CN=ca",'
        'subjectalternative="shop.example",serialnumber="0f"}': 1,
        'probe_tls_version_info{version="TLS 1.3"}': 1,
        'probe_tls_cipher_info{cipher="TLS_AES_256_GCM_SHA384"}': 1,
        "probe_failed_due_to_regex": 1,
    }


def test_a_run_without_an_answer_has_zeros_and_no_times() -> None:
    found = read(http.SERIES, seen({}, {"resolve": 0.5}))

    assert found.pop("probe_dns_lookup_time_seconds") == 0.5
    assert found.pop('probe_http_duration_seconds{phase="resolve"}') == 0.5
    assert set(found.values()) == {0.0}
    assert not [name for name in found if "ssl_" in name or "tls_" in name or "modified" in name]


def test_an_unverified_chain_has_no_expiry() -> None:
    facts = {name: fact for name, fact in FACTS.items() if name != "chain_not_after"}

    found = read(http.SERIES, seen(facts))

    assert "probe_ssl_earliest_cert_expiry" in found
    assert "probe_ssl_last_chain_expiry_timestamp_seconds" not in found


def test_the_address_hash_is_fnv_1a_of_the_address_bytes() -> None:
    assert address_hash("102.111.111.98") == 0x3F5076EF  # the published value for "foob"
    assert address_hash("::1") != address_hash("::2")


ALWAYS = {Reason.CONNECT, Reason.TIMEOUT, Reason.PROTOCOL, Reason.STATUS, Reason.SIZE}
LED = {Reason.DNS, Reason.TLS, Reason.CERTIFICATE, Reason.REDIRECT}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({"url": "http://127.0.0.1/", "redirects": 0}, set()),
        ({"redirects": 1}, LED),
        ({"url": "http://shop/", "redirects": 0}, {Reason.DNS}),
        ({"url": "https://127.0.0.1/", "redirects": 0}, {Reason.TLS, Reason.CERTIFICATE}),
        ({"expect": {"body": {"contains": "a"}, "headers": {"A": "b"}}}, {Reason.BODY, Reason.HEADER}),
        ({"expect": {"json": {"$": 1}, "duration": 1}}, {Reason.JSON, Reason.LATENCY}),
        ({"expect": {"body": {"contains": []}}}, set()),
    ],
)  # fmt: skip
def test_the_reasons_are_those_that_can_occur(
    settings: dict[str, object], more: set[Reason]
) -> None:
    written = {"url": "http://127.0.0.1/", "redirects": 0} | settings
    check = http.HttpCheck.model_validate({"name": "shop", "http": written})

    assert set(http.reasons(check)) == ALWAYS | more
    assert list(http.reasons(check)) == [one for one in Reason if one in ALWAYS | more]


def test_no_help_or_name_is_there_twice() -> None:
    names = [one.name for one in http.SERIES]

    assert len(set(names)) == len(names)
    assert all(one.help for one in http.SERIES)
