"""Which texts does nobody know to be secret before a journey types or gets them?

What was typed into password fields, the values of cookies and of a storage that
was given to the browser, and what stands under a secret's name in requests: all
that is told to the agent, which takes it out of what it shows. Any page can
call the binding, so only few short texts are taken from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from playwright.async_api import Error
from pydantic import BaseModel, TypeAdapter, ValidationError

from prober.journey.either import Context, Page, cookies_of, done, settled
from prober.journey.events import Event, Learned, Order
from prober.journey.wash import in_body, worth

BINDING = "__prober_typed"
TEXTS = 20  # typed ones of a run
SHORTEST, LONGEST = 6, 200  # characters of one
AT_ONCE = 50  # values, of at most 4 KiB each
_LISTEN = files(__package__).joinpath("learn.js").read_text("utf-8")
_FIELDS = """() => [...document.querySelectorAll("input[type=password]")]
  .flatMap((field) => [field.value, field.getAttribute("value") ?? ""])"""
_TEXTS: TypeAdapter[list[str]] = TypeAdapter(list[str])


class _Stored(BaseModel):
    value: str = ""


class _Origin(BaseModel):
    localStorage: tuple[_Stored, ...] = ()


class _State(BaseModel):
    """What Playwright's `storage_state` is, as far as it matters; its cookies are asked for."""

    origins: tuple[_Origin, ...] = ()


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

    def stored(self, order: Order) -> None:
        """What the browser begins with, apart from its cookies."""
        file = order.context.get("storage_state")
        if not isinstance(file, str):
            return
        with suppress(OSError, ValidationError):  # which the browser will say
            state = _State.model_validate_json(Path(file).read_bytes())
            values = [one.value for origin in state.origins for one in origin.localStorage]
            inner = [text for value in values for text in in_body(value)]
            self.named(worth([*values, *(value.strip('"') for value in values), *inner]))

    def named(self, texts: Iterable[str]) -> None:
        """What is secret by where it stands: all of it in evidence, but words not in messages."""
        told = list(dict.fromkeys(texts))
        for at in range(0, len(told), AT_ONCE):  # a line of too many bytes is no event
            self._say(Learned(texts=tuple(told[at : at + AT_ONCE]), words=False))

    async def ask(self, context: Context, pages: Iterable[Page]) -> None:
        """What stands in password fields now, and the cookies. Raises Playwright's Error."""
        cookies = await cookies_of(context)
        self.named(worth(cookie.get("value") for cookie in cookies))
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
