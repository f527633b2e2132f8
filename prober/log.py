"""What a log line looks like: for people (console) or for programs (JSON, one object a line)."""

from __future__ import annotations

import json
import logging
import sys
from typing import Literal

from prober.secret import Scrubber
from prober.units import rfc3339

logger = logging.getLogger("prober")

LogFormat = Literal["console", "json"]

# What every record has; the rest was given with `extra=` and is worth a field of its own.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Lines(logging.Formatter):
    """One line a record (a traceback follows it), with the secrets taken out."""

    def __init__(self, scrub: Scrubber) -> None:
        super().__init__()
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        return self._scrub(self.line(record))

    def line(self, record: logging.LogRecord) -> str:
        text = f"{rfc3339(record.created)} {record.levelname:<7} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(_Lines):
    def line(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "timestamp": rfc3339(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def set_up(log_format: LogFormat, level: str, scrub: Scrubber | None = None) -> None:
    """Everything logged goes to stderr in `log_format` from `level` on, without secrets."""
    formatter = (_Json if log_format == "json" else _Lines)(scrub or Scrubber())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "aiohttp.access", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
