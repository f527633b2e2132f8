"""What is in a file that a check names? Read when the config is, and kept with it.

So a reload that finds another content finds another check, and no run waits
for a disk. A file that cannot be read is a mistake in the config, which is
told there; here its content is then unknown.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from prober.secret import written
from prober.wire.failure import OwnFault

LARGEST = 64 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class NamedFile:
    path: str
    content: bytes | None = field(repr=False)

    @classmethod
    def read(cls, path: str) -> Self:
        """Raises ValueError where it is too large to be meant."""
        content = _content(Path(path))
        if content is not None and len(content) > LARGEST:
            raise ValueError(f"{path!r} is over {LARGEST >> 20} MiB; name a smaller file")
        return cls(path, content)

    def whole(self, field_name: str) -> bytes:
        """Raises OwnFault, which names `field_name`, where it could not be read."""
        if self.content is None:
            raise OwnFault(f"{field_name} {self.path!r} could not be read")
        return self.content

    def text(self, field_name: str) -> str:
        """Without the line break at its end. Raises OwnFault."""
        try:
            return self.whole(field_name).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise OwnFault(f"{field_name} {self.path!r} is not UTF-8") from None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Takes a path in a config; serializes as one."""
        return written(cls, cls.read, core_schema.str_schema(min_length=1), _path)


def _path(file: NamedFile) -> str:
    return file.path


def _content(path: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except (OSError, ValueError):
        return None
