"""What did a failed journey see? A screenshot that shows no secret, or none at all.

First everything that shows a secret is made unreadable, and what a script may
have drawn of one; then the picture is taken; then the browser is asked what it
has painted, in every frame. Only if nothing of that is a secret, the picture is
kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files

from playwright.async_api import Error, FloatRect

from prober.journey.drawn import is_made, style_shows, vectors_with, without_fragment
from prober.journey.either import (
    CDPSession,
    Page,
    done,
    session_of,
    session_of_frame,
    settled,
)
from prober.journey.painted import Painted, painted
from prober.secret import SCRUB_FROM, forms_of

_HIDE = files(__package__).joinpath("hide.js").read_text("utf-8")
_SHOW = files(__package__).joinpath("show.js").read_text("utf-8")
WIDEST, HIGHEST = 4_000, 10_000  # pixels of a picture
WHOLE, PART = 0.5, 0.3  # of the time, for a picture of the whole page, and of what is in view


@dataclass(frozen=True, slots=True)
class Shot:
    png: bytes
    shows_secret: bool  # as far as can be told; then it must not be kept


class Photographer:
    """Takes pictures without `secrets`, the values themselves."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._forms = sorted({form for secret in secrets for form in forms_of(secret)})
        self._looked_for = [form.casefold() for form in self._forms if len(form) >= SCRUB_FROM]

    async def picture(self, page: Page, seconds: float) -> Shot:
        """Raises Playwright's Error."""
        vectors = await self._vectors(page)
        told = {"secrets": self._forms, "vectors": sorted(vectors)}
        for frame in page.frames:
            with suppress(Error):  # a frame that is gone; what it still shows is asked below
                await done(frame.evaluate(_HIDE, told))
        try:
            picture = await _taken(page, seconds)
            looks = [await painted(one) for one in await self._sessions(page)]
        finally:
            for frame in page.frames:
                with suppress(Error):
                    await done(frame.evaluate(_SHOW))
        return Shot(picture, any(self._shows_secret(look, vectors) for look in looks))

    async def _vectors(self, page: Page) -> set[str]:
        """The addresses of vector images with one of them."""
        found: set[str] = set()
        for session in await self._sessions(page):
            found |= await vectors_with(session, self._found)
        return found

    async def _sessions(self, page: Page) -> list[CDPSession]:
        """With all that the page shows; none where nothing of it can be a secret."""
        if not self._forms:
            return []
        sessions = [await session_of(page)]
        for frame in (one for one in page.frames if one is not page.main_frame):
            with suppress(Error):  # one that its parent's session covers
                sessions.append(await session_of_frame(frame))
        return sessions

    def _shows_secret(self, look: Painted, vectors: set[str]) -> bool:
        """Whether the browser paints one of them anywhere, or what may be one."""
        return (
            any(map(self._found, look.texts()))
            or any(
                one is None or is_made(one) or without_fragment(one) in vectors
                for one in look.images()
            )
            or any(style_shows(one, vectors, self._found) for one in look.styles())
        )

    def _found(self, text: str) -> bool:
        text = text.casefold()
        return any(form in text for form in self._looked_for)


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
