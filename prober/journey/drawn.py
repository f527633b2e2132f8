"""Which images of a page may show a secret?

One of vectors is read. What a script can draw is no file of the site's: a
canvas, and what has its content as its address (data:, blob:). Those cannot be
read, and are taken for secret wherever they are seen.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Annotated
from urllib.parse import unquote, unquote_to_bytes

from playwright.async_api import Error
from pydantic import BaseModel, Field

from prober.journey.either import CDPSession, done, settled

_SVG = "image/svg+xml"
_MADE = ("data:", "blob:")
_TAG = re.compile(r"\s*<[^>]*>\s*")
_IN_STYLE = re.compile(r'url\("((?:[^"\\]|\\.)*)"\)')
_ESCAPED = re.compile(r"\\(.)")


class _Resource(BaseModel):
    url: str
    kind: Annotated[str, Field(alias="mimeType")]


class _Frame(BaseModel):
    id: str


class _Tree(BaseModel):
    frame: _Frame
    resources: list[_Resource]
    inner: Annotated[list[_Tree], Field(alias="childFrames")] = []

    def vectors(self) -> Iterator[tuple[str, str]]:
        """The frame and the address of each."""
        for one in self.resources:
            if one.kind == _SVG and not one.url.startswith(_MADE):
                yield self.frame.id, one.url
        for inner in self.inner:
            yield from inner.vectors()


class _Loaded(BaseModel):
    tree: Annotated[_Tree, Field(alias="frameTree")]


class _Content(BaseModel):
    content: str
    is_base64: Annotated[bool, Field(alias="base64Encoded")]

    def text(self) -> str:
        data = base64.b64decode(self.content) if self.is_base64 else self.content.encode()
        return data.decode(errors="replace")


async def vectors_with(session: CDPSession, shows: Callable[[str], bool]) -> set[str]:
    """The addresses of vector images that show a secret, or that cannot be read."""
    await done(session.send("Page.enable"))
    loaded = _Loaded.model_validate(await settled(session.send("Page.getResourceTree")))
    found = set()
    for frame, address in dict.fromkeys(loaded.tree.vectors()):
        text = None
        with suppress(Error):
            told = session.send("Page.getResourceContent", {"frameId": frame, "url": address})
            text = _Content.model_validate(await settled(told)).text()
        if text is None or shows(_words(text)):
            found.add(without_fragment(address))
    await done(session.send("Page.disable"))
    return found


def is_made(address: str) -> bool:
    """Whether it is no file of the site's."""
    return address[:5].lower() in _MADE


def without_fragment(address: str) -> str:
    return address.partition("#")[0]


def style_shows(style: str, hidden: set[str], shows: Callable[[str], bool]) -> bool:
    """Whether a style draws an image with a secret.

    What style sheets carry themselves, the arrow of a field say, is only read.
    """
    addresses = [_ESCAPED.sub(r"\1", one) for one in _IN_STYLE.findall(style)]
    return any(
        without_fragment(one) in hidden or one.startswith("blob:") or shows(_words(_within(one)))
        for one in addresses
    )


def _within(address: str) -> str:
    """What a data: URL is the address of, or the address itself."""
    head, _, body = address.partition(",")
    if not head.lower().startswith("data:"):
        return unquote(address)
    data = unquote_to_bytes(body)
    if head.lower().endswith(";base64"):
        with suppress(binascii.Error):
            data = base64.b64decode(data + b"==")
    return data.decode(errors="replace")


def _words(vectors: str) -> str:
    """All that is written in it, and then what of that is text."""
    return f"{vectors}\n{html.unescape(_TAG.sub('', vectors))}"
