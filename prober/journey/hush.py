"""How does what we say of a run lose what nobody had named a secret?

What was typed into password fields, cookies and the like are learned while the
journey runs, in its process, and told to the agent (overheard.py). Here they
are taken out of short texts: messages, names, addresses. Nothing is compiled,
as a site may set any number of long cookies, and this is done on the loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote

from prober.secret import CUT, SHOWN, forms_of
from prober.visit import Step, Visit

SHORTEST, LONGEST = 6, 4096  # characters of what is taken out
WORD = 15  # letters that one may have
_APART = re.compile(r"[\W\d_]+")


def is_ordinary(text: str) -> bool:
    """Whether it is made of words only, as `accepted` or `/orders/new`, and no token."""
    plain = unquote(text)
    return not any(map(str.isdigit, plain)) and all(map(_is_word, _APART.split(plain)))


def _is_word(part: str) -> bool:
    rest = part[1:]
    return len(part) <= WORD and (not rest or rest.islower() or part.isupper())


class Hush:
    """Takes what it has learned out of texts."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._forms: list[str] = []  # longest first
        self._numbers: list[str] = []

    def learn(self, texts: Iterable[str], *, words: bool) -> None:
        """`words`: those that are ordinary ones are no less secret."""
        new = {text for text in texts if SHORTEST <= len(text) <= LONGEST} - self._known
        self._known |= new
        if not words:
            new = {text for text in new if not is_ordinary(text)}
        numbers = {text for text in new if text.isascii() and text.isdigit()}
        self._numbers += sorted(numbers)
        forms = {form for text in new - numbers for form in forms_of(text)}
        forms |= set(self._forms)
        self._forms = sorted((one for one in forms if len(one) >= SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, SHOWN)
        for number in self._numbers:
            if number in text:  # but not within another
                text = re.sub(rf"(?<!\d)(?<!\d\.){number}(?!\d|\.\d)", SHOWN, text)
        return self._without_beginnings(text) if CUT in text else text

    def step(self, step: Step) -> Step:
        url = None if step.url is None else self(step.url)
        return replace(step, name=self(step.name), url=url, message=self(step.message))

    def visit(self, visit: Visit) -> Visit:
        pairs = visit.attribution.items()
        attribution = {name: self(one) if isinstance(one, str) else one for name, one in pairs}
        return replace(visit, page=self(visit.page), url=self(visit.url), attribution=attribution)

    def _without_beginnings(self, text: str) -> str:
        """Of what was cut off in its middle."""
        *heads, rest = text.split(CUT)
        return CUT.join([*map(self._without_beginning, heads), rest])

    def _without_beginning(self, head: str) -> str:
        for form in (*self._forms, *self._numbers):
            at = head.rfind(form[:SHORTEST])
            if at >= 0 and form.startswith(head[at:]):
                return head[:at] + SHOWN
        return head
