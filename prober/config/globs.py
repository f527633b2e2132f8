"""Which files does a pattern mean?

As a shell has it: `*` `?` `[…]` within a name, `**` over folders, nothing of
it matches a name that begins with a dot. What has no wildcards means itself.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import NamedTuple


class Pattern(NamedTuple):
    """`text` is as it was written; relative to `base`."""

    base: str
    text: str

    @property
    def is_wild(self) -> bool:
        return glob.has_magic(self.text) and "\0" not in self.text

    def matches(self) -> list[str]:
        """The files there are, sorted, as the pattern names them; a name matches itself."""
        if not self.is_wild:
            return [self.text]
        found = glob.iglob(self.text, root_dir=self.base, recursive=True)
        return sorted({name for name in found if os.path.isfile(self.whole(name))})

    def whole(self, name: str) -> str:
        return os.path.join(self.base, name)

    @property
    def folder(self) -> Path:
        return Path(self.base)
