"""What did a failed journey see? A screenshot that shows no secret, or none at all.

First everything that shows a secret is made unreadable; then the picture is
taken; then the browser is asked what it has painted, in every frame. Only if
nothing of that is a secret, the picture is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files

from playwright.async_api import Error, FloatRect
from pydantic import BaseModel

from prober.journey.either import (
    CDPSession,
    Page,
    done,
    session_of,
    session_of_frame,
    settled,
)
from prober.secret import SCRUB_FROM, forms_of

_HIDE = files(__package__).joinpath("hide.js").read_text("utf-8")
_SHOW = files(__package__).joinpath("show.js").read_text("utf-8")
_STYLES = ["-webkit-text-fill-color", "visibility"]
_UNSEEN = "rgba(0, 0, 0, 0)"
WIDEST, HIGHEST = 4_000, 10_000  # pixels of a picture
WHOLE, PART = 0.5, 0.3  # of the time, for a picture of the whole page, and of what is in view


class _Layout(BaseModel):
    text: list[int]
    styles: list[list[int]]


class _Document(BaseModel):
    layout: _Layout


class _Painted(BaseModel):
    """What DOMSnapshot.captureSnapshot answers, as far as it matters."""

    documents: list[_Document]
    strings: list[str]


@dataclass(frozen=True, slots=True)
class Shot:
    png: bytes
    shows_secret: bool  # as far as can be told; then it must not be kept


@dataclass(frozen=True, slots=True)
class Photographer:
    """Takes pictures without `secrets`, the values themselves."""

    secrets: Sequence[str]

    async def picture(self, page: Page, seconds: float) -> Shot:
        """Raises Playwright's Error."""
        for frame in page.frames:
            with suppress(Error):  # a frame that is gone; what it still shows is asked below
                await done(frame.evaluate(_HIDE, self._forms()))
        try:
            picture = await _taken(page, seconds)
            shows = await self.shows_secret(page)
        finally:
            for frame in page.frames:
                with suppress(Error):
                    await done(frame.evaluate(_SHOW))
        return Shot(picture, shows)

    async def shows_secret(self, page: Page) -> bool:
        """Whether the browser paints one of them anywhere."""
        if not self.secrets:
            return False
        sessions = [await session_of(page)]
        for frame in page.frames:
            with suppress(Error):  # one that its parent's session covers
                sessions.append(await session_of_frame(frame))
        return any([await self._is_in(session) for session in sessions])

    async def _is_in(self, session: CDPSession) -> bool:
        answer = await settled(
            session.send("DOMSnapshot.captureSnapshot", {"computedStyles": _STYLES})
        )
        painted = _Painted.model_validate(answer)
        texts = ["".join(_readable(one.layout, painted.strings)) for one in painted.documents]
        return any(self._found(text.casefold()) for text in texts)

    def _found(self, text: str) -> bool:
        return any(len(form) >= SCRUB_FROM and form.casefold() in text for form in self._forms())

    def _forms(self) -> list[str]:
        return sorted({form for secret in self.secrets for form in forms_of(secret)})


async def _taken(page: Page, seconds: float) -> bytes:
    """Of the whole page; of what is in view where that takes too long."""
    whole: FloatRect = {"x": 0, "y": 0, "width": WIDEST, "height": HIGHEST}
    with suppress(Error):
        return await _shot(page, seconds * WHOLE, whole)
    return await _shot(page, seconds * PART)


async def _shot(page: Page, seconds: float, clip: FloatRect | None = None) -> bytes:
    return await settled(
        page.screenshot(
            timeout=seconds * 1000,
            animations="disabled",
            caret="hide",
            scale="css",  # a phone's many pixels take five times as long, and longer than there is
            full_page=clip is not None,
            clip=clip,
        )
    )


def _readable(layout: _Layout, strings: Sequence[str]) -> Iterator[str]:
    for text, styles in zip(layout.text, layout.styles, strict=True):
        if text >= 0:
            fill, visibility = (strings[one] for one in styles)
            if fill != _UNSEEN and visibility == "visible":
                yield strings[text]
