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
from itertools import islice
from typing import NamedTuple

from prober.alerts.notice import Delivery, Event, Notice
from prober.notify import texts
from prober.units import rfc3339

SUBJECT_AT_MOST = 200
POLICY = SMTP.clone(cte_type="7bit")
PRIORITY = {"critical": "1", "high": "2", "low": "4", "info": "5"}  # 3, as if none was said: others
RED, GREEN, BLUE = "#c5221f", "#188038", "#1a73e8"
GREY = "color:#5f6368"
CELL = 'style="padding:2px 12px 2px 0;vertical-align:top"'
THREADS = 20  # incidents of which one mail is an answer
NAMED = 5  # in a subject
SEVERAL = "several"
OF_ONE_OF_SEVERAL = 300  # characters of what is said below its summary
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


def letter(
    deliveries: Sequence[Delivery], sender: Mailbox, to: Sequence[Mailbox], now: float
) -> bytes:
    """The whole message, in ASCII."""
    notices = texts.worst_first(one.notice for one in deliveries)
    message = EmailMessage(policy=POLICY)
    message["From"] = _header(sender)
    message["To"] = tuple(_header(one) for one in to)
    message["Subject"] = subject(notices)
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = _id("\n".join(one.id for one in deliveries), sender)
    if threads := _threads(deliveries, sender):
        message["References"] = " ".join(threads)
        if len(deliveries) == 1:
            message["In-Reply-To"] = threads[0]
    message["Auto-Submitted"] = "auto-generated"
    message["X-Prober-Event"] = _event(notices)
    if priority := _priority(notices):
        message["X-Priority"] = priority
    one = notices[0] if len(notices) == 1 else None
    message.set_content(text(one) if one else texts_of(notices), cte="quoted-printable")
    html_ = page(one) if one else table(notices)
    message.add_alternative(html_, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def _threads(deliveries: Sequence[Delivery], sender: Mailbox) -> list[str]:
    """The ids of the first mails of its incidents, where they are other mails than this one."""
    firsts = dict.fromkeys(_first(one) for one in deliveries)
    if len(deliveries) == 1 and deliveries[0].id in firsts:
        return []
    return [_id(first, sender) for first in islice(firsts, THREADS)]


def _first(delivery: Delivery) -> str:
    return f"{delivery.notice.key}/{Event.FIRING}/0/{delivery.notifier}"


def _event(notices: Sequence[Notice]) -> str:
    events = {one.event for one in notices}
    return events.pop().value if len(events) == 1 else SEVERAL


def _priority(notices: Sequence[Notice]) -> str | None:
    said = (
        PRIORITY.get(one.labels.get("severity", "")) for one in notices if one.event.says_firing
    )
    return min(filter(None, said), default=None)


def subject(notices: Sequence[Notice]) -> str:
    state = texts.state(notices[0]) if len(notices) == 1 else texts.counted(notices)
    said = f"[{state}] {'; '.join(map(_summary, islice(notices, NAMED)))}"
    said = " ".join(clean(said).split())
    return said if len(said) <= SUBJECT_AT_MOST else f"{said[: SUBJECT_AT_MOST - 1]}…"


def texts_of(notices: Sequence[Notice]) -> str:
    """Several, for programs that show no HTML: a paragraph each."""
    return "\n\n".join([texts.counted(notices), *map(_paragraph, notices)]) + "\n"


def _paragraph(notice: Notice) -> str:
    lines = [f"[{texts.state(notice)}] {' '.join(clean(_summary(notice)).split())}"]
    lines += [clean(_more(notice))] if _more(notice) else []
    return "\n".join([*lines, *(f"{name}: {url}" for name, url in _links(notice))])


def _more(notice: Notice) -> str:
    return texts.cut(notice.annotations.get("description", ""), OF_ONE_OF_SEVERAL)


def table(notices: Sequence[Notice]) -> str:
    """Several, a row each."""
    rows = "".join(map(_row, notices))
    return (
        f'<html><body style="font-family:sans-serif"><p><b>{_escaped(texts.counted(notices))}</b></p>'
        f'<table style="border-collapse:collapse">{rows}</table></body></html>'
    )


def _row(notice: Notice) -> str:
    links = " ".join(
        f'<a href="{html.escape(url)}">{_escaped(name)}</a>' for name, url in _links(notice)
    )
    below = _escaped(_more(notice))
    more = f'<br><span style="{GREY}">{below}</span>' if below else ""
    return (
        f'<tr><td {CELL}><b style="color:{_colour(notice)}">{_escaped(texts.state(notice))}</b></td>'
        f"<td {CELL}>{_escaped(_summary(notice))}{more}</td>"
        f"<td {CELL}>{_escaped(rfc3339(notice.starts_at))}</td><td {CELL}>{links}</td></tr>"
    )


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
    tag = "pre" if notice.event is Event.REPORT else "p"  # its tables are made of blanks
    rows = "".join(
        f"<tr><td {CELL}>{_escaped(name)}</td><td {CELL}>{_escaped(value)}</td></tr>"
        for name, value in _rows(notice)
    )
    links = "".join(
        f'<p><a href="{html.escape(url)}">{_escaped(name)}</a></p>' for name, url in _links(notice)
    )
    labels = " ".join(f"{_escaped(n)}={_escaped(v)}" for n, v in sorted(notice.labels.items()))
    return (
        '<html><body style="font-family:sans-serif">'
        f'<p style="border-left:4px solid {_colour(notice)};padding-left:12px">'
        f"<b>[{_escaped(texts.state(notice))}] {first}</b></p>"
        f"{''.join(f'<{tag}>{one}</{tag}>' for one in rest if one)}<table>{rows}</table>{links}"
        f'<p style="{GREY}">{labels}</p></body></html>'
    )


def clean(said: str) -> str:
    """Without what no mail can carry: control characters, and halves of surrogate pairs."""
    whole = said.encode(errors="replace").decode()
    return "".join(c if c.isprintable() or c == "\n" else " " for c in whole)


def _colour(notice: Notice) -> str:
    if notice.event.is_over:
        return GREEN
    return BLUE if texts.level_of(notice) is None else RED


def _summary(notice: Notice) -> str:
    return notice.annotations.get("summary") or notice.labels.get("alertname", notice.key)


def _rows(notice: Notice) -> Iterator[tuple[str, str]]:
    """All else that is known, one thing a line."""
    for name, value in notice.annotations.items():
        if name not in (*SAID_FIRST, *LINKS) and value:
            yield name.replace("_", " "), " ".join(clean(value).split())
    of_alert = notice.event.is_over or texts.level_of(notice) is not None
    begun, over = ("fired at", "resolved at") if of_alert else ("from", "to")
    yield begun, rfc3339(notice.starts_at)
    if notice.ends_at is not None:
        yield over, rfc3339(notice.ends_at)


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
