"""What stands in an e-mail: its headers, its text, and the same as HTML.

The mails of one incident refer to the first of them, which is how mail programs
make a thread. Headers hold one line each, whatever an annotation holds.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple

from prober.alerts.notice import Delivery, Event, Notice
from prober.units import rfc3339

SUBJECT_AT_MOST = 200
POLICY = SMTP.clone(cte_type="7bit")
PRIORITY = {"critical": "1", "high": "2", "low": "4", "info": "5"}  # 3, as if none was said: others
RED, GREEN = "#c5221f", "#188038"
LINKS = {"runbook_url": "runbook", "evidence_url": "evidence"}
SAID_FIRST = ("summary", "description")
_MAILBOX = re.compile(
    r"(?:(?P<name>[^<>\"]*?)\s*<)?"
    r"(?P<user>[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@(?P<domain>[A-Za-z0-9]+(?:[.-][A-Za-z0-9-]*[A-Za-z0-9])*)(?P<end>>)?"
)


class Mailbox(NamedTuple):
    name: str
    user: str
    domain: str

    @property
    def address(self) -> str:
        return f"{self.user}@{self.domain}"


def mailbox(text: str) -> Mailbox:
    """Raises ValueError for what is no address."""
    match = _MAILBOX.fullmatch(text.strip())
    named = match is not None and match["name"] is not None
    if match is None or named != bool(match["end"]) or not text.isprintable():
        raise ValueError(
            f"{text!r} is not an address; write a@example.com or Prober <a@example.com>"
        )
    return Mailbox(match["name"] or "", match["user"], match["domain"])


def letter(delivery: Delivery, sender: Mailbox, to: Sequence[Mailbox], now: float) -> bytes:
    """The whole message, in ASCII."""
    notice = delivery.notice
    first = f"{notice.key}/{Event.FIRING}/0/{delivery.notifier}"
    message = EmailMessage(policy=POLICY)
    message["From"] = _header(sender)
    message["To"] = tuple(_header(one) for one in to)
    message["Subject"] = subject(notice)
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = _id(delivery.id, sender)
    if delivery.id != first:
        message["In-Reply-To"] = message["References"] = _id(first, sender)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Prober-Event"] = notice.event.value
    if not notice.event.is_over and (priority := PRIORITY.get(notice.labels.get("severity", ""))):
        message["X-Priority"] = priority
    message.set_content(text(notice), cte="quoted-printable")
    message.add_alternative(page(notice), subtype="html", cte="quoted-printable")
    return message.as_bytes()


def subject(notice: Notice) -> str:
    said = " ".join(clean(f"[{_state(notice)}] {_summary(notice)}").split())
    return said if len(said) <= SUBJECT_AT_MOST else f"{said[: SUBJECT_AT_MOST - 1]}…"


def text(notice: Notice) -> str:
    """For programs that show no HTML."""
    said = [clean(notice.annotations[name]) for name in SAID_FIRST if name in notice.annotations]
    rows = [f"{name}: {value}" for name, value in _rows(notice)]
    links = [f"{name}: {url}" for name, url in _links(notice)]
    labels = [f"{name}={clean(value)}" for name, value in sorted(notice.labels.items())]
    parts = ("\n\n".join(said), "\n".join(rows), "\n".join(links), " ".join(labels))
    return "\n\n".join(part for part in parts if part) + "\n"


def page(notice: Notice) -> str:
    """The same, for programs that do. What targets say is text in it, never markup."""
    first, *rest = [_escaped(notice.annotations.get(name, "")) for name in SAID_FIRST]
    cell = 'style="padding:2px 12px 2px 0;vertical-align:top"'
    rows = "".join(
        f"<tr><td {cell}>{_escaped(name)}</td><td {cell}>{_escaped(value)}</td></tr>"
        for name, value in _rows(notice)
    )
    links = "".join(
        f'<p><a href="{html.escape(url)}">{_escaped(name)}</a></p>' for name, url in _links(notice)
    )
    labels = " ".join(f"{_escaped(n)}={_escaped(v)}" for n, v in sorted(notice.labels.items()))
    colour = GREEN if notice.event.is_over else RED
    return (
        '<html><body style="font-family:sans-serif">'
        f'<p style="border-left:4px solid {colour};padding-left:12px">'
        f"<b>[{_escaped(_state(notice))}] {first}</b></p>"
        f"{''.join(f'<p>{one}</p>' for one in rest if one)}<table>{rows}</table>{links}"
        f'<p style="color:#5f6368">{labels}</p></body></html>'
    )


def clean(said: str) -> str:
    """Without what no mail can carry: control characters, and halves of surrogate pairs."""
    whole = said.encode(errors="replace").decode()
    return "".join(c if c.isprintable() or c == "\n" else " " for c in whole)


def _state(notice: Notice) -> str:
    if notice.event.is_over:
        return "resolved"
    return notice.labels.get("severity") or notice.event.value


def _summary(notice: Notice) -> str:
    return notice.annotations.get("summary") or notice.labels.get("alertname", notice.key)


def _rows(notice: Notice) -> Iterator[tuple[str, str]]:
    """All else that is known, one thing a line."""
    for name, value in notice.annotations.items():
        if name not in (*SAID_FIRST, *LINKS) and value:
            yield name.replace("_", " "), " ".join(clean(value).split())
    yield "fired at", rfc3339(notice.starts_at)
    if notice.ends_at is not None:
        yield "resolved at", rfc3339(notice.ends_at)


def _links(notice: Notice) -> Iterator[tuple[str, str]]:
    links = {"status": notice.url} | {
        shown: notice.annotations.get(name, "") for name, shown in LINKS.items()
    }
    for shown, url in links.items():
        if url.startswith(("https://", "http://")):
            yield shown, "".join(clean(url).split())


def _escaped(said: str) -> str:
    return html.escape(clean(said)).replace("\n", "<br>")


def _header(one: Mailbox) -> Address:
    return Address(display_name=one.name, addr_spec=one.address)


def _id(what: str, sender: Mailbox) -> str:
    digest = hashlib.sha256(what.encode(errors="replace")).hexdigest()
    return f"<{digest[:40]}@{sender.domain}>"
