"""Our questions and answers, against those of dnspython."""

from __future__ import annotations

import socket

import dns.message
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.wire.message import AAAA, A, Answer, Question
from prober.wire.station import Address
from tests.servers.dns import Records, respond, truncated

LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
ASKED = Question("www.shop.example", A, 4711)


def query(question: Question) -> dns.message.Message:
    return dns.message.from_wire(question.encode())


def answer(records: Records, question: Question = ASKED, rcode: int = 0) -> bytes:
    return respond(query(question), records, rcode).to_wire()


def v4(*ips: str) -> tuple[Address, ...]:
    return tuple(Address(socket.AF_INET, ip) for ip in ips)


@settings(max_examples=50)
@given(NAMES, st.sampled_from([A, AAAA]), st.integers(0, 65535))
def test_a_question_is_what_others_read(name: str, kind: int, number: int) -> None:
    read = query(Question(name, kind, number))

    assert read.id == number
    assert read.question[0].name.to_text(omit_final_dot=True) == name
    assert read.question[0].rdtype == kind
    assert read.flags == 0x0100


@settings(max_examples=50)
@given(NAMES, st.lists(st.ip_addresses(v=4), min_size=1, max_size=9, unique=True))
def test_addresses_are_read_from_what_others_write(name: str, ips: list[object]) -> None:
    question = Question(name, A, 1)
    data = answer({f"{name} A": [str(ip) for ip in ips]}, question)

    found = question.answered(data)
    assert found is not None
    assert set(found.addresses) == set(v4(*map(str, ips)))


def test_ipv6_is_read() -> None:
    question = Question("x.example", AAAA, 1)

    found = question.answered(answer({"x.example AAAA": ["2001:db8::7"]}, question))
    assert found == Answer(0, False, (Address(socket.AF_INET6, "2001:db8::7"),))


def test_a_chain_of_names_is_followed_and_strangers_are_not() -> None:
    records = {
        "other.example A": ["10.0.0.9"],
        "WWW.shop.example CNAME": ["a.example."],
        "a.example CNAME": ["b.example."],
        "b.example A": ["10.0.0.1", "10.0.0.2"],
    }

    found = ASKED.answered(answer(records))
    assert found is not None
    assert sorted(found.addresses) == [*v4("10.0.0.1", "10.0.0.2")]  # dnspython shuffles


def test_a_ring_of_names_has_no_address() -> None:
    records = {
        "www.shop.example CNAME": ["a.example."],
        "a.example CNAME": ["www.shop.example."],
    }

    assert ASKED.answered(answer(records)) == Answer(0, False, ())


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_no_is_an_answer(rcode: int) -> None:
    found = ASKED.answered(answer({}, rcode=rcode))

    assert found is not None
    assert found.rcode == rcode
    assert found.final is (rcode == dns.rcode.NXDOMAIN)
    assert found.said == dns.rcode.to_text(dns.rcode.Rcode(rcode))


def test_a_failure_need_not_repeat_the_question() -> None:
    bare = answer({}, rcode=dns.rcode.FORMERR)[:4] + bytes(8)

    assert ASKED.answered(bare) == Answer(dns.rcode.FORMERR, False, ())


def test_too_large_is_said() -> None:
    assert ASKED.answered(truncated(query(ASKED))) == Answer(0, True, ())


@pytest.mark.parametrize(
    "data",
    [
        answer({}, Question("www.shop.example", A, 4712)),
        answer({}, Question("www.shop.example", AAAA, 4711)),
        answer({}, Question("evil.example", A, 4711)),
        ASKED.encode(),
        b"",
        b"\x12",
    ],
    ids=["other number", "other type", "other name", "a question", "empty", "a byte"],
)
def test_what_answers_another_question_is_no_answer(data: bytes) -> None:
    assert ASKED.answered(data) is None


def test_case_does_not_matter() -> None:
    data = answer({"www.shop.example A": ["10.0.0.1"]}, Question("WWW.Shop.example", A, 4711))

    found = ASKED.answered(data)
    assert found is not None
    assert found.addresses == v4("10.0.0.1")


@given(st.binary(max_size=80), st.integers(0, 5), st.integers(0, 60))
def test_rubbish_is_no_answer_and_ends(tail: bytes, answers: int, cut: int) -> None:
    good = answer({"www.shop.example A": ["10.0.0.1"]})
    for data in (
        good[:cut],
        good[: 12 + 22] + tail,
        good[:7] + bytes((answers,)) + good[8:] + tail,
    ):
        found = ASKED.answered(data)
        assert found is None or isinstance(found.addresses, tuple)


@pytest.mark.parametrize("pointer", [12 + 22, 12 + 22 + 2, 0xFFF])
def test_a_pointer_to_itself_or_ahead_is_no_answer(pointer: int) -> None:
    head = answer({"www.shop.example A": ["10.0.0.1"]})[: 12 + 22]
    record = (0xC000 | pointer).to_bytes(2, "big") + b"\0\1\0\1\0\0\0\0\0\4\1\2\3\4"

    assert ASKED.answered(head + record * 2) is None
