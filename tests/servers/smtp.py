"""A real mail server that keeps what it is given, and answers as it is told to."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

RESET = "reset"
SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Kept:
    """One message as it was handed over."""

    sender: str
    to: tuple[str, ...]
    raw: bytes
    tls: bool
    user: str
    greeted_as: str

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def part(self, subtype: str) -> str:
        found = self.message.get_body((subtype,))
        assert found is not None
        text = found.get_content()
        assert isinstance(text, str)
        return text


@dataclass(slots=True)
class Mailhost:
    """`answers` says for a command (or `RCPT address`) what to answer; RESET and SILENCE are no words."""

    password: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)  # the commands that came
    port: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # what is answered by silence
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, *, implicit: bool = False, user: str = "", host: str = "localhost") -> str:
        userinfo = f"{user}@" if user else ""
        return f"smtp{'s' if implicit else ''}://{userinfo}{host}:{self.port}"

    async def handle_MAIL(  # noqa: N802, PLR0913, RUF100 # the library's names and arguments
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer("MAIL", server)
        envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(  # noqa: N802, RUF100
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer(f"RCPT {address}", server) or await self._answer("RCPT", server)
        if not answer:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, RUF100
        answer = await self._answer("DATA", server)
        if answer:
            return answer
        assert isinstance(envelope.content, bytes)
        self.kept.append(
            Kept(
                sender=envelope.mail_from or "",
                to=tuple(envelope.rcpt_tos),
                raw=envelope.content,
                tls=_is_tls(server),
                user=str(session.auth_data or ""),
                greeted_as=str(session.host_name),
            )
        )
        return "250 kept"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, RUF100
        return await self._answer("QUIT", server) or "221 bye"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth: object
    ) -> AuthResult:
        self.heard.append(f"AUTH {'in TLS' if _is_tls(server) else 'in the clear'}")
        assert isinstance(auth, LoginPassword)
        right = auth.password.decode() == self.password
        return AuthResult(success=right, handled=False, auth_data=auth.login.decode())

    async def _answer(self, command: str, server: SMTP) -> str:
        self.heard.append(command)
        answer = self.answers.get(command, "")
        if answer == SILENCE:
            self.asked.set()
            await self.closing.wait()
        if answer == RESET:
            _reset(server)
            await asyncio.sleep(0)
        return answer


def _is_tls(server: SMTP) -> bool:
    assert server.transport is not None
    return server.transport.get_extra_info("ssl_object") is not None


def _reset(server: SMTP) -> None:
    """Closes the connection with a RST instead of a FIN."""
    transport = server.transport
    assert isinstance(transport, asyncio.Transport)
    raw: socket.socket = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@asynccontextmanager
async def mailhost(
    *,
    implicit: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    password: str = "",
    answers: Mapping[str, str] | None = None,
    auth_in_the_clear: bool = False,
) -> AsyncIterator[Mailhost]:
    """On a free port of 127.0.0.1; with a `password` it asks for one."""
    host = Mailhost(password=password, answers=dict(answers or {}))
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        with warnings.catch_warnings():  # of passwords in the clear: that is what is tried
            warnings.simplefilter("ignore")
            return SMTP(
                host,
                hostname="mail.example",
                tls_context=starttls,
                authenticator=host.authenticate if password else None,
                auth_required=bool(password),
                auth_require_tls=not (implicit or auth_in_the_clear),
                loop=loop,
            )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        host.closing.set()
        server.close()
        await server.wait_closed()
