"""How does the process of a journey tell the agent what happens?"""

from __future__ import annotations

import os

from prober.journey.events import Event, Seen, Skipped, line
from prober.journey.where import cut
from prober.secret import Scrubber

_TEXTS = ("name", "page", "url", "message")
LONGEST_TEXT = 2000  # characters


class Report:
    """Writes events to the pipe, every text of theirs without the secrets."""

    def __init__(self, pipe: int, scrub: Scrubber) -> None:
        self._pipe = pipe
        self._scrub = scrub

    def say(self, event: Event) -> None:
        texts = {
            field: self.clean(value)
            for field in _TEXTS
            if isinstance(value := getattr(event, field, None), str)
        }
        data = line(event.model_copy(update={**texts, **self._cleaned(event)}))
        try:
            while data:
                data = data[os.write(self._pipe, data) :]
        except BrokenPipeError:
            os._exit(0)  # the agent is gone, and nobody else wants to know

    def _cleaned(self, event: Event) -> dict[str, object]:
        """The texts that do not stand alone."""
        match event:
            case Seen():
                pairs = event.attribution.items()
                clean = {n: self.clean(v) if isinstance(v, str) else v for n, v in pairs}
                return {"attribution": clean}
            case Skipped():
                return {"names": tuple(map(self.clean, event.names))}
            case _:
                return {}

    def clean(self, text: str) -> str:
        return cut(self._scrub(text.encode(errors="replace").decode()), LONGEST_TEXT)
