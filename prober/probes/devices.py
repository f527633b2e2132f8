"""Which devices does Playwright know? Read without starting it, which takes half a second."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache

from prober.probes.playwright_kept import package

FEWEST = 50  # that are found where the file still reads as it did; otherwise nothing is known
_BUNDLE = "lib/coreBundle.js"
_NAMED = re.compile(rb'^\s*"?([A-Za-z][^":\n]*)"?: \{\s*userAgent: ', re.MULTILINE)


def known(name: str) -> str:
    """The same. Raises ValueError for what is certainly no device."""
    there = names()
    if not there or name in there:
        return name
    folded = {one.lower(): one for one in there}
    close = get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    right = f"did you mean {folded[close[0]]!r}?" if close else "write one like 'Pixel 7'"
    raise ValueError(f"{name!r} is no device that Playwright knows; {right}")


@lru_cache
def names() -> frozenset[str]:
    """Nothing where they cannot be found out."""
    there = package()
    try:
        text = (there / _BUNDLE).read_bytes() if there else b""
    except OSError:
        text = b""
    found = frozenset(name.decode() for name in _NAMED.findall(text))
    return found if len(found) >= FEWEST else frozenset()
