"""What does a page paint, as the browser tells it?

What DOMSnapshot.captureSnapshot answers, as far as it matters: of each document
its nodes and what became of them, by numbers of strings. Closed shadow trees
and generated text are in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from prober.journey.either import CDPSession, settled

_UNSEEN = "rgba(0, 0, 0, 0)"
_FIRST = ("-webkit-text-fill-color", "visibility")
_IMAGES = ("background-image", "list-style-image", "content")
_CANVASES = frozenset({"CANVAS", "VIDEO"})  # that scripts draw on, whatever their address
_ADDRESSED = frozenset({"IMG", "IMAGE", "INPUT", "OBJECT", "EMBED"})
_ADDRESSES = frozenset({"src", "href", "xlink:href", "data"})


class _Layout(BaseModel):
    nodes: Annotated[list[int], Field(alias="nodeIndex")]
    text: list[int]
    styles: list[list[int]]


class _Sources(BaseModel):
    index: list[int]
    value: list[int]


class _Nodes(BaseModel):
    names: Annotated[list[int], Field(alias="nodeName")]
    attributes: list[list[int]]
    sources: Annotated[_Sources, Field(alias="currentSourceURL")]


class _Document(BaseModel):
    nodes: _Nodes
    layout: _Layout


class Painted(BaseModel):
    documents: list[_Document]
    strings: list[str]

    def texts(self) -> Iterator[str]:
        """Of each document what can be read in it."""
        for one in self.documents:
            yield "".join(
                self.strings[text]
                for text, styles in zip(one.layout.text, one.layout.styles, strict=True)
                if text >= 0 and self._is_seen(styles) and self.strings[styles[0]] != _UNSEEN
            )

    def styles(self) -> set[str]:
        """How images come in that are no elements."""
        layouts = [styles for one in self.documents for styles in one.layout.styles]
        used = {at for styles in layouts if self._is_seen(styles) for at in styles[len(_FIRST) :]}
        return {self.strings[at] for at in used}

    def images(self) -> Iterator[str | None]:
        """The addresses of elements that are images; None: of one that scripts draw on."""
        for one in self.documents:
            sources = dict(zip(one.nodes.sources.index, one.nodes.sources.value, strict=True))
            for at, styles in zip(one.layout.nodes, one.layout.styles, strict=True):
                name = self.strings[one.nodes.names[at]].upper()
                if self._is_seen(styles) and name in _CANVASES:
                    yield None
                elif self._is_seen(styles) and name in _ADDRESSED:
                    yield from self._addresses(one.nodes.attributes[at])
                    if at in sources:
                        yield self.strings[sources[at]]

    def _addresses(self, attributes: Sequence[int]) -> Iterator[str]:
        pairs = iter(self.strings[one] for one in attributes)
        return (
            value.strip() for name, value in zip(pairs, pairs, strict=True) if name in _ADDRESSES
        )

    def _is_seen(self, styles: Sequence[int]) -> bool:
        return len(styles) > 1 and self.strings[styles[1]] == "visible"


async def painted(session: CDPSession) -> Painted:
    wanted = {"computedStyles": [*_FIRST, *_IMAGES]}
    return Painted.model_validate(
        await settled(session.send("DOMSnapshot.captureSnapshot", wanted))
    )
