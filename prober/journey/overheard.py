"""Which texts does nobody know to be secret before a journey types or gets them?

What was typed into password fields, and the values of cookies: both are told
to the agent, which takes them out of the evidence. Any page can call the
binding, so only few short texts are taken from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.resources import files

from playwright.async_api import Error
from pydantic import TypeAdapter, ValidationError

from prober.journey.either import Context, Page, cookies_of, done, settled
from prober.journey.events import Event, Learned

BINDING = "__prober_typed"
TEXTS = 20  # typed ones of a run
SHORTEST, LONGEST = 6, 200  # characters of one; of a cookie only the first counts
AT_ONCE = 50  # cookies, of at most 4 KiB each
_LISTEN = files(__package__).joinpath("learn.js").read_text("utf-8")
_FIELDS = """() => [...document.querySelectorAll("input[type=password]")]
  .flatMap((field) => [field.value, field.getAttribute("value") ?? ""])"""
_TEXTS: TypeAdapter[list[str]] = TypeAdapter(list[str])


class Overheard:
    def __init__(self, say: Callable[[Event], None]) -> None:
        self._say = say
        self.typed: set[str] = set()

    async def attach(self, context: Context) -> None:
        """Before there is a page."""
        await done(context.expose_binding(BINDING, self._heard))
        await done(context.add_init_script(_LISTEN))

    def learn(self, text: str) -> None:
        """A text of ours that is to be as secret as what is typed."""
        self.typed.add(text)
        self._say(Learned(texts=(text,)))

    async def ask(self, context: Context, pages: Iterable[Page]) -> None:
        """What stands in password fields now, and the cookies. Raises Playwright's Error."""
        values = [cookie.get("value", "") for cookie in await cookies_of(context)]
        told = [value for value in values if len(value) >= SHORTEST]
        for at in range(0, len(told), AT_ONCE):  # a line of too many bytes is no event
            self._say(Learned(texts=tuple(told[at : at + AT_ONCE])))
        for page in pages:
            for frame in page.frames:
                with suppress(Error, ValidationError):
                    for text in _TEXTS.validate_python(await settled(frame.evaluate(_FIELDS))):
                        self._take(text)

    def _heard(self, source: Mapping[str, object], text: object) -> None:
        if isinstance(text, str):
            self._take(text)

    def _take(self, text: str) -> None:
        if SHORTEST <= len(text) <= LONGEST and text not in self.typed and len(self.typed) < TEXTS:
            self.learn(text)
