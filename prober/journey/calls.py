"""What did Playwright wait for, and what stood in the way, by the log of a call?

Of such a log it is the last obstacle that says why: `element is not enabled`,
`<div id="banner">…</div> intercepts pointer events`. What the call did itself
is known and passed over; a line that is not known is taken for an obstacle.
"""

from __future__ import annotations

import re

from prober.secret import CUT

WAITED, OBSTACLE = 120, 100  # characters
_BLOCKS = " intercepts pointer events"
_EXPECTS = 'Expect "'
_RESOLVED = "locator resolved to "
_LINE = re.compile(
    r"^[ \t]*(?:-|\d+ \u00d7) +(.+)$", re.MULTILINE
)  # others belong to what was typed
_PLAIN_LINE = re.compile(r"^[ \t]*([^\s=].*)$", re.MULTILINE)  # where one waits for an event
_WAITED = re.compile(r"waiting for (?!element to be)|navigating to |attempting ")
_DOES = re.compile(
    r"waiting (?:for element to be|\d+ms)|(?:attempting|retrying|forcing|scrolling|taking) "
    r"|done scrolling|checking visibility|element is (?:visible|stable|enabled)|captured |disabled all"
    r'|"\w+" event fired|[\w.]+\(|locator resolved to '
)
_DONE = re.compile(r"performing |\w+ action done|selected |navigations have|fonts loaded")


def told(log: str, *, is_late: bool) -> str:
    """`is_late`: nothing else is known but that it was not done in time."""
    form = _LINE if _LINE.match(log.lstrip()) else _PLAIN_LINE
    lines = [match[1].strip() for match in form.finditer(log)]
    begun = next((at for at, line in enumerate(lines) if _WAITED.match(line)), None)
    if begun is None:
        return ""
    waited = "" if lines[begun].startswith("attempting ") else lines[begun]
    has_said = lines[0].startswith(_EXPECTS)  # what there was instead
    obstacle = "" if has_said else _obstacle(lines[begun:], is_late)
    return ": ".join(filter(None, (_cut(waited, WAITED) if obstacle else waited, obstacle)))


def _obstacle(lines: list[str], is_late: bool) -> str:
    obstacle = resolved = ""
    for line in lines:
        if line.startswith(_RESOLVED) and is_late:
            resolved = line.removeprefix("locator ")
        if _DONE.match(line):
            obstacle = ""
        elif line != lines[0] and not _DOES.match(line):
            obstacle = line
    if obstacle.endswith(_BLOCKS):
        return _cut(obstacle.removesuffix(_BLOCKS), OBSTACLE - len(_BLOCKS)) + _BLOCKS
    return _cut(obstacle or resolved, OBSTACLE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - len(CUT)] + CUT
