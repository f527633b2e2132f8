"""A nameserver over UDP and TCP on one port, in threads of its own.

What it answers is a function from query and transport to messages: none is
silence, two are what a liar sends. `zone` makes the honest one.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TypeAlias

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Answers: TypeAlias = Callable[[dns.message.Message, str], Sequence[bytes]]
Records: TypeAlias = Mapping[str, Sequence[str]]  # "name TYPE" → data


def respond(
    query: dns.message.Message,
    records: Records = MappingProxyType({}),
    rcode: int = dns.rcode.NOERROR,
) -> dns.message.Message:
    """An answer with all `records` as they are."""
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.Rcode(rcode))
    for key, data in records.items():
        name, kind = key.split()
        answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *data))
    return answer


def zone(records: Records) -> Answers:
    """Follows CNAMEs; NXDOMAIN for what is not there under any type."""

    def answers(query: dns.message.Message, _: str) -> Sequence[bytes]:
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(asked.rdtype)
        found: dict[str, Sequence[str]] = {}
        while f"{name} CNAME" in records:
            found[f"{name} CNAME"] = records[f"{name} CNAME"]
            name = records[f"{name} CNAME"][0].removesuffix(".")
        if f"{name} {kind}" in records:
            found[f"{name} {kind}"] = records[f"{name} {kind}"]
        known = found or any(key.split()[0] == name for key in records)
        rcode = dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN
        return [respond(query, found, rcode).to_wire()]

    return answers


class DnsServer:
    """`asked` are the questions as "name TYPE transport", in the order they came."""

    def __init__(self, answers: Answers, host: str) -> None:
        self.answers = answers
        self.asked: list[str] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._tcp = socket.create_server((host, 0), family=family)
        self.port: int = self._tcp.getsockname()[1]
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        self._udp.bind((host, self.port))
        self.conf = f"nameserver [{host}]:{self.port}\n"
        self._threads = [
            threading.Thread(target=serve, daemon=True)
            for serve in (self._serve_udp, self._serve_tcp)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for sock in (self._udp, self._tcp):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(10)

    def _answers(self, data: bytes, transport: str) -> Sequence[bytes]:
        query = dns.message.from_wire(data)
        asked = query.question[0]
        kind = dns.rdatatype.to_text(asked.rdtype)
        self.asked.append(f"{asked.name.to_text(omit_final_dot=True)} {kind} {transport}")
        return self.answers(query, transport)

    def _serve_udp(self) -> None:
        with suppress(OSError):
            while True:
                data, client = self._udp.recvfrom(65535)
                if not data:
                    return
                for answer in self._answers(data, "udp"):
                    self._udp.sendto(answer, client)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._tcp.accept()
                with sock, suppress(ConnectionError):
                    sock.settimeout(5)
                    length = int.from_bytes(sock.recv(2), "big")
                    for answer in self._answers(sock.recv(length), "tcp"):
                        sock.sendall(len(answer).to_bytes(2, "big") + answer)


@contextmanager
def dns_server(answers: Answers, host: str = "127.0.0.1") -> Iterator[DnsServer]:
    server = DnsServer(answers, host)
    try:
        yield server
    finally:
        server.stop()


def truncated(query: dns.message.Message) -> bytes:
    answer = respond(query)
    answer.flags |= dns.flags.TC
    return answer.to_wire()
