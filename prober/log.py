"""What does a log line look like, for people (console) or for programs (JSON), and who waits for it?

An agent does not: a thread writes its lines, so that a stderr that nobody reads
stops no probe. Lines that are too many for it are left out, and it says how many.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

from prober.secret import Scrubber
from prober.units import rfc3339

logger = logging.getLogger("prober")

LogFormat = Literal["console", "json"]
EVERY_RUN = "prober.journal.every"  # the lines that are for programs alone

LINES = 10_000  # that wait for stderr
TOGETHER = 100  # lines that are written at once
AT_EXIT = 1.0  # seconds until what is still unwritten is given up

# What every record has; the rest was given with `extra=` and is worth a field of its own.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Nobody else has written these: what looks like a secret in them is none.
_OURS = frozenset({"timestamp", "level", "logger", "request_id", "run_id", "trace_id"})


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
    def format(self, record: logging.LogRecord) -> str:
        fields = self._fields(record)
        line = json.dumps(fields, default=str)
        if self._scrub(line) == line:
            return line
        # One that is as short as 123 would be taken out of the middle of a number.
        return json.dumps({name: self._clean(name, value) for name, value in fields.items()})

    def _clean(self, name: str, value: object) -> object:
        is_ours = name in _OURS or isinstance(value, int | float)
        return value if is_ours else self._scrub(str(value))

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        fields: dict[str, object] = {
            "timestamp": rfc3339(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
        }
        fields |= {
            name: value
            for name, value in vars(record).items()
            if value is not None and name not in _STANDARD
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return fields


class Behind:
    """A stream that keeps nobody waiting: a thread writes to the file descriptor `fd`.

    `left_out` makes the line that stands where so many are missing.
    """

    def __init__(self, fd: int, lines: int = LINES) -> None:
        self.left_out: Callable[[int], str] = "{} lines are missing\n".format
        self._fd = fd
        self._most = lines
        self._waiting: deque[str] = deque()
        self._missing = 0
        self._writes = False
        self._stir = threading.Condition()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Lines that the thread has not begun with."""
        return len(self._waiting)

    def write(self, text: str) -> None:
        """One line, or several, with its end."""
        with self._stir:
            if len(self._waiting) >= self._most:
                self._missing += 1
                return
            self._say_missing()
            self._waiting.append(text)
            self._stir.notify_all()

    def flush(self) -> None:
        """Of a stream; nobody waits for it here."""

    def drain(self, seconds: float) -> bool:
        """Whether everything was written within so long."""
        with self._stir:
            return self._stir.wait_for(lambda: not (self._waiting or self._writes), seconds)

    def _say_missing(self) -> None:
        if self._missing:
            self._waiting.append(self.left_out(self._missing))
            self._missing = 0

    def _run(self) -> None:
        while True:
            with self._stir:
                self._writes = False
                if not self._waiting:
                    self._say_missing()
                    self._stir.notify_all()
                self._stir.wait_for(lambda: self._waiting)
                count = min(TOGETHER, len(self._waiting))
                text = "".join(self._waiting.popleft() for _ in range(count))
                self._writes = True
            _put(self._fd, text.encode(errors="backslashreplace"))


def _put(fd: int, data: bytes) -> None:
    """All of it, however long that takes; what cannot be written at all is lost."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select((), (fd,), ())
        except OSError:
            return


def set_up(
    log_format: LogFormat, level: str, scrub: Scrubber | None = None, *, behind: bool = False
) -> None:
    """Everything logged goes to stderr in `log_format` from `level` on, without secrets.

    With `behind` nobody waits until it is there; what is left is written at the exit.
    """
    formatter = (_Json if log_format == "json" else _Lines)(scrub or Scrubber())
    stream = _behind() if behind else None
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    if stream is not None:
        stream.left_out = lambda count: handler.format(_missing(count)) + handler.terminator
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "aiohttp.access", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    reads = log_format == "json" or level == "debug"
    logging.getLogger(EVERY_RUN).setLevel(logging.NOTSET if reads else logging.CRITICAL)


def _behind() -> Behind | None:
    """The one that writes already, if there is; None where stderr is no file."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, Behind):
            return handler.stream
    try:
        stream = Behind(sys.stderr.fileno())
    except (AttributeError, OSError):  # closed before we began; or a test's
        return None
    atexit.register(stream.drain, AT_EXIT)
    return stream


def _missing(count: int) -> logging.LogRecord:
    said = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"}
    msg = "%d lines of the log are missing here: nobody took them in time"
    return logging.makeLogRecord({**said, "msg": msg, "args": (count,)})
