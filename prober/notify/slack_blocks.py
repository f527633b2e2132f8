"""What does a message in Slack look like?

The headline is the message's text, which notifications on phones show too; what
else is known stands below it in an attachment, since nothing else of Slack's
has a coloured edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from pydantic import JsonValue

from prober.alerts.notice import Event, Notice
from prober.notify import texts
from prober.notify.texts import Level

# All together stay below some 12,000 characters, beyond which Slack refuses a message.
LONGEST_HEADLINE, LONGEST_DESCRIPTION, LONGEST_VALUE, LONGEST_LABELS = 1000, 2500, 300, 1000
LONGEST_TEXT = 3000  # of a section, which is Slack's own limit
MOST_FIELDS = 10
# What a reader wants to know first, first: beyond so many fields the last are left out. What is not
# named here stands before what each run has anew.
_FIRST = (
    "since", "last_good", "reason", "step", "assertion", "expected", "actual", "lasted", "children",
)  # fmt: skip
_LAST = ("phases", "trace_id")
MOST_PARTS = 4  # of a report, each as long as a description may be
GOOD = "#2eb67d"
COLOURS: Mapping[Level, str] = MappingProxyType(
    {"critical": "#c41e3a", "error": "#e8590c", "warning": "#f2b90c", "info": "#4a90d9"}
)
LISTED = 30  # alerts of which one message has a line; the others are counted
LONGEST_LINE, LONGEST_LINE_LINK = 220, 110
NEUTRAL = "#8a8d91"
_ESCAPES = MappingProxyType({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Each has a place of its own in the message, or says nothing to people.
_PLACED = frozenset(
    {"summary", "description", "runbook_url", "evidence_url", "duration", "first_message", "last_message", "incident"}
)  # fmt: skip
_OURS = frozenset({"alertname", "severity"})  # among the labels


def message(notice: Notice) -> dict[str, JsonValue]:
    """The body of one message; `text` alone is enough to know what happened."""
    blocks: list[JsonValue] = [*_blocks(notice)]
    attachment: JsonValue = {"color": colour(notice), "blocks": blocks}
    return _whole(headline(notice), [attachment] if blocks else [])


def headline(notice: Notice) -> str:
    severity = notice.labels.get("severity", "")
    begin = ", ".join(part for part in (texts.title(notice), severity) if part)
    return f"{begin}: {texts.summary(notice)}"


def colour(notice: Notice) -> str:
    if notice.event.is_over:
        return GOOD
    level = texts.level_of(notice)
    return NEUTRAL if level is None else COLOURS[level]


def together(notices: Sequence[Notice]) -> dict[str, JsonValue]:
    """One message for several, the worst first: a line each, under the edge of its colour."""
    ordered = texts.worst_first(notices)
    shown = ordered[:LISTED]
    attachments: list[JsonValue] = []
    for edge, same in groupby(shown, colour):
        blocks: list[JsonValue] = [_section(_line(one)) for one in same]
        attachments.append({"color": edge, "blocks": blocks})
    if more := len(ordered) - len(shown):
        rest: list[JsonValue] = [{"type": "context", "elements": [_words(f"and {more} more")]}]
        attachments.append({"color": NEUTRAL, "blocks": rest})
    begin = texts.counted(notices).capitalize()
    return _whole(f"{begin}: {texts.summary(ordered[0])}, …", attachments)


def _line(notice: Notice) -> str:
    said = f"`{_inline(f'{texts.state(notice)}: {texts.summary(notice)}', LONGEST_LINE)}`"
    page = texts.web_address(notice.url)
    fits = page and _weight(page) <= LONGEST_LINE_LINK
    return f"{said} <{escaped(page)}|Prober>" if fits else said


def _whole(text: str, attachments: list[JsonValue]) -> dict[str, JsonValue]:
    return {
        "text": escaped(text, LONGEST_HEADLINE),
        "mrkdwn": False,  # a `*` in an error is a `*`
        "unfurl_links": False,
        "unfurl_media": False,
        "attachments": attachments,
    }


def _blocks(notice: Notice) -> Iterator[JsonValue]:
    if description := notice.annotations.get("description"):
        for part in _parts(notice, description):
            yield _section(f"```{_code(part, LONGEST_DESCRIPTION)}```")
    fields: list[JsonValue] = [
        _words(f"*{_named(name)}*\n`{_inline(text, LONGEST_VALUE)}`")
        for name, text in _facts(notice)
        if text.strip()
    ]
    if fields:
        yield {"type": "section", "fields": fields[:MOST_FIELDS]}
    if labels := _labels(notice):
        yield {"type": "context", "elements": [_words(f"`{labels}`")]}
    links = [*_links(notice)]
    joined = " · ".join(links)
    for text in [joined] if len(joined) <= LONGEST_TEXT else links:
        if text:
            yield _section(text)


def _parts(notice: Notice, description: str) -> Iterator[str]:
    """A report is longer than one block may be: it is broken between its lines."""
    if notice.event is not Event.REPORT:
        yield description
        return
    parts: list[list[str]] = [[]]
    room = LONGEST_DESCRIPTION
    for line in texts.clean(description).split("\n"):
        room -= _weight(line) + 1
        if room < 0 and parts[-1]:
            parts.append([])
            room = LONGEST_DESCRIPTION - _weight(line) - 1
        parts[-1].append(line)
    yield from ("\n".join(lines) for lines in parts[:MOST_PARTS])


def _links(notice: Notice) -> Iterator[str]:
    for name, href in texts.links(notice):
        if _weight(href) <= texts.LONGEST_LINK:  # half a link leads nowhere
            yield f"<{escaped(href)}|{name}>"


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    facts = {"lasted": texts.lasted(notice), **notice.annotations}
    free = [name for name in facts if name not in (*_FIRST, *_LAST, *_PLACED)]
    for name in (*_FIRST, *free, *_LAST):
        yield name, facts.get(name, "")


def _labels(notice: Notice) -> str:
    pairs = (f"{name}={text}" for name, text in notice.labels.items() if name not in _OURS)
    return _inline(" ".join(pairs), LONGEST_LABELS)


def _section(text: str) -> JsonValue:
    return {"type": "section", "text": _words(text)}


def _words(text: str) -> JsonValue:
    """`verbatim`: no address, channel or name in it becomes a link by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _named(annotation: str) -> str:
    return escaped(annotation.replace("_", " ").capitalize(), LONGEST_VALUE)


def _inline(text: str, limit: int) -> str:
    return _code(" ".join(text.split()), limit)


def _code(text: str, limit: int) -> str:
    """Between backticks nothing is formatted, so there must be none inside."""
    return escaped(text.replace("`", "'"), limit).strip("\n")


def escaped(text: str, limit: int = LONGEST_DESCRIPTION) -> str:
    """The three characters by which Slack knows its own, as it wants them; at most `limit` long."""
    shortened = texts.cut(texts.clean(text), limit, _weight)
    return "".join(_ESCAPES.get(letter, letter) for letter in shortened)


def _weight(text: str) -> int:
    return texts.units(text) + sum(len(_ESCAPES[each]) - 1 for each in text if each in _ESCAPES)
