"""How a notice travels by e-mail: the server, its TLS, and what each of its answers means.

`smtps://` is TLS from the first byte, `smtp://` begins it by STARTTLS where the
server offers that; with a user in the URL nothing goes on without it. A 4xx and
whatever goes wrong on the way is worth another try; so is, for some minutes, a
server that does not take us (its greeting, the password). Any other 5xx is
permanent, for the whole message or for the recipient it was said of.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from prober.alerts.notice import Delivery
from prober.check import Model
from prober.errors import DeliveryError
from prober.notify import email_text, people
from prober.notify.answers import TurnedAway, cause
from prober.notify.email_text import mailbox
from prober.notify.post import ANSWER_SHOWN
from prober.notify.traits import FOR_PEOPLE, Means, Traits
from prober.secret import Scrubber, written
from prober.units import Duration, show_duration

SMTPS, SUBMISSION, SMTP = 465, 587, 25
MOST = 100  # alerts in one mail
RIGHT = (
    "write smtps://host or smtp://host:587, and user:password@ before the host where it wants them,"
    " percent-encoded"
)
# What a server says of us and not of the message: a password that is being changed looks so.
OF_US = frozenset({454, 530, 534, 535, 538})
LEAVE_WITHIN = 1.0  # seconds
FORBIDDEN_IN_NAME = re.compile(r"[^A-Za-z0-9.-]")
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}\.?)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
)


@dataclass(frozen=True, slots=True, repr=False)
class Server:
    """Where the mail goes, an smtp or smtps URL that shows without its userinfo."""

    host: str
    port: int
    implicit: bool  # TLS from the first byte
    user: str = ""
    password: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises ValueError, which quotes nothing of it."""
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:  # which quotes what may be half a password
            raise ValueError(f"not the URL of a mail server; {RIGHT}") from None
        host = url.hostname or ""
        if url.scheme not in ("smtp", "smtps") or not _HOST.fullmatch(host) or port == 0:
            raise ValueError(f"not the URL of a mail server; {RIGHT}")
        if url.path not in ("", "/") or url.query or url.fragment or not text.isprintable():
            raise ValueError(f"there is more in it than a mail server; {RIGHT}")
        implicit = url.scheme == "smtps"
        user, password = unquote(url.username or ""), unquote(url.password or "")
        if bool(user) != bool(password):
            raise ValueError(f"a user without a password, or one without a user; {RIGHT}")
        usual = SMTPS if implicit else SUBMISSION if user else SMTP
        return cls(host, port or usual, implicit, user, password)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.password, f"{self.user}:{self.password}", f"\0{self.user}\0{self.password}")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'smtps' if self.implicit else 'smtp'}://{host}:{self.port}"

    __repr__ = __str__

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return written(cls, cls.of, core_schema.str_schema())


def _address(text: str) -> str:
    mailbox(text)
    return text


Address = Annotated[str, AfterValidator(_address)]


class EmailSettings(people.People):
    smtp: Server
    from_: Annotated[Address, Field(alias="from")]
    to: Annotated[tuple[Address, ...], people.SOMEBODY]
    ca_file: Path | None = None
    timeout: Annotated[Duration, Field(gt=0)] = 30.0  # of everything; greetings may take long


class EmailNotifier(Model):
    kind: ClassVar[str] = "email"
    TRAITS: ClassVar[Traits] = Traits(people=True, most=MOST, events=FOR_PEOPLE)

    email: EmailSettings


async def send(notifier: EmailNotifier, deliveries: Sequence[Delivery], means: Means) -> None:
    """Returns when the server has taken the message for all that it takes it for. Raises DeliveryError."""
    settings = notifier.email
    all_ = [mailbox(text) for text in settings.to]
    round_ = people.Round(deliveries, means.client)
    answers: dict[str, DeliveryError | None] = {}
    for lacking, left in round_.left([one.address for one in all_]):
        now = means.clock.now()
        sender = mailbox(settings.from_)
        # Writing one of a hundred alerts takes 50 ms.
        letter = await asyncio.to_thread(email_text.letter, lacking, sender, all_, now)
        try:
            answers |= await _exchange(settings, left, letter)
        except DeliveryError as error:
            answers |= dict.fromkeys(left, error)
    round_.end(answers)


async def _exchange(
    settings: EmailSettings, left: Sequence[str], letter: bytes
) -> dict[str, DeliveryError | None]:
    """What the server said of each; all of it, or none at all. Raises DeliveryError."""
    server = settings.smtp
    smtp = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        local_hostname=_own_name(settings),
        timeout=None,
        use_tls=server.implicit,
        start_tls=False,
    )
    try:
        async with asyncio.timeout(settings.timeout):
            smtp.tls_context = await asyncio.to_thread(_context, settings.ca_file)
            await _enter(smtp, server)
            answers = await _hand_over(smtp, settings, left, letter)
    except TimeoutError as error:
        lasted = show_duration(settings.timeout)
        raise DeliveryError(f"{server} did not answer within {lasted}") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _failure(server, error) from error
    else:
        await _leave(smtp)
        return answers
    finally:
        smtp.close()


async def _enter(smtp: aiosmtplib.SMTP, server: Server) -> None:
    await smtp.connect()
    if not server.implicit:
        with suppress(aiosmtplib.SMTPHeloError):  # one so old that it knows HELO alone
            await smtp.ehlo()
        if smtp.supports_extension("starttls"):
            await smtp.starttls()
        elif server.user:
            raise TurnedAway(f"{server} offers no STARTTLS, and a password is sent over TLS alone")
    if server.user:
        await smtp.login(server.user.encode(), server.password.encode())


async def _hand_over(
    smtp: aiosmtplib.SMTP, settings: EmailSettings, left: Sequence[str], letter: bytes
) -> dict[str, DeliveryError | None]:
    server = settings.smtp
    answers: dict[str, DeliveryError | None] = dict.fromkeys(left)
    try:
        refused, _ = await smtp.sendmail(mailbox(settings.from_).address, left, letter)
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = {
            one.recipient: aiosmtplib.SMTPResponse(one.code, one.message)
            for one in error.recipients
        }
    for who, (code, said) in refused.items():
        answers[who] = _answered(server, code, said, who=who, of_us=code in OF_US)
    return answers


async def _leave(smtp: aiosmtplib.SMTP) -> None:
    """Politely, but the message has been taken: nothing that goes wrong here is of interest."""
    with suppress(aiosmtplib.SMTPException, OSError):
        async with asyncio.timeout(LEAVE_WITHIN):
            await smtp.quit()


def _failure(server: Server, error: aiosmtplib.SMTPException | OSError) -> DeliveryError:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        of_message = isinstance(error, aiosmtplib.SMTPDataError | aiosmtplib.SMTPSenderRefused)
        of_us = not of_message or error.code in OF_US
        return _answered(server, error.code, error.message, of_us=of_us)
    origin = error.__cause__ or error
    if isinstance(origin, ssl.SSLCertVerificationError):
        said = f"its certificate is not trusted, {origin.verify_message}"
        return TurnedAway(f"{server} cannot be told: {said}; ca_file names a CA of one's own")
    said = _scrubbed(cause(origin), server)
    known = isinstance(error, OSError)  # ConnectionError is among aiosmtplib's own
    return (DeliveryError if known else TurnedAway)(f"{server} cannot be told: {said}")


def _answered(
    server: Server, code: int, said: str, *, who: str = "", of_us: bool = False
) -> DeliveryError:
    text = _scrubbed(" ".join(said.split()), server)
    shown = text if len(text) <= ANSWER_SHOWN else f"{text[:ANSWER_SHOWN]}…"
    message = f"{server} answered {code}{f' for {who}' if who else ''}"
    message += f", saying {shown!r}" if shown else ""
    if not 500 <= code < 600:
        return DeliveryError(message)
    return TurnedAway(message) if of_us else DeliveryError(message, permanent=True)


def _scrubbed(text: str, server: Server) -> str:
    return Scrubber(server.secrets)(text.encode(errors="replace").decode())


def _own_name(settings: EmailSettings) -> str:
    """For EHLO: a whole name, since servers refuse others; without asking any resolver."""
    name = FORBIDDEN_IN_NAME.sub("-", socket.gethostname())
    return name if "." in name else mailbox(settings.from_).domain


def _context(ca_file: Path | None) -> ssl.SSLContext:
    return _made(ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)


@lru_cache(maxsize=16)
def _made(ca_file: Path | None, written: int) -> ssl.SSLContext:
    """`written` is when, so that a renewed file counts at once."""
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file:  # whatever stands in it is trusted, an intermediate's certificate too
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
