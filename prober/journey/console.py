"""What did the pages of a journey complain about?

Errors are kept first: a page that logs in a loop must not push out the one
line that explains the failure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prober.clock import SystemClock
from prober.journey.awaited import is_for_a_page
from prober.journey.either import ConsoleMessage, Context, Request, Response, WebError
from prober.journey.files import CONSOLE
from prober.journey.vitals import Vitals
from prober.journey.where import cut

LINES = 200  # of errors, and as many of everything else
LONGEST = 1000  # characters of a line
_ERROR = 400  # the first status that is one
_LEFT = "net::ERR_ABORTED"  # a request that nobody waits for any more: a page left, a download


@dataclass(frozen=True, slots=True)
class _Line:
    at: float  # seconds since the journey began
    kind: str
    text: str


class Console:
    def __init__(self, vitals: Vitals, clock: SystemClock, clean: Callable[[str], str]) -> None:
        self._vitals, self._clock, self._clean = vitals, clock, clean
        self._began = clock.monotonic()
        self._errors: list[_Line] = []
        self._others: deque[_Line] = deque(maxlen=LINES)
        self._dropped = 0

    def attach(self, context: Context) -> None:
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("requestfailed", self._on_failed)
        context.on("response", self._on_response)

    def began(self) -> None:
        self._began = self._clock.monotonic()

    def write(self, folder: Path) -> bool:
        """Whether there was anything to write."""
        lines = sorted([*self._errors, *self._others], key=lambda line: line.at)
        if not lines:
            return False
        texts = [f"{line.at:8.3f} s  {line.kind:<9} {line.text}" for line in lines]
        if self._dropped:
            texts.append(f"{self._dropped} more lines were not kept")
        (folder / CONSOLE).write_text("\n".join(texts) + "\n", "utf-8", errors="replace")
        return True

    def note(self, text: str) -> None:
        """A word of ours."""
        self._keep("prober", text, is_error=True)

    def _keep(self, kind: str, text: str, *, is_error: bool) -> None:
        line = _Line(
            self._clock.monotonic() - self._began,
            kind,
            cut(self._clean(text), LONGEST),
        )
        if is_error and len(self._errors) < LINES:
            self._errors.append(line)
        elif is_error or len(self._others) == LINES:
            self._dropped += 1
        if not is_error:
            self._others.append(line)

    def _on_console(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        where = f" ({url}:{message.location.get('lineNumber', 0) + 1})" if url else ""
        self._keep(message.type, f"{message.text}{where}", is_error=message.type == "error")

    def _on_error(self, web_error: WebError) -> None:
        page = web_error.page
        self._vitals.count_js_error(page)
        error = web_error.error
        where = f" ({page.url})" if page else ""
        self._keep("exception", f"{error.name or 'Error'}: {error.message}{where}", is_error=True)

    def _on_failed(self, request: Request) -> None:
        why = request.failure or "failed"
        is_error = why != _LEFT
        if is_for_a_page(request):
            self._vitals.forget_failed_request(request)  # whatever was answered, no page shows it
        elif is_error and not _is_told(request.existing_response):
            self._vitals.count_failed_request(request)
        self._keep("request", f"{request.method} {request.url}: {why}", is_error=is_error)

    def _on_response(self, response: Response) -> None:
        if not _is_told(response):
            return
        request = response.request
        self._vitals.count_failed_request(request)
        text = f"{request.method} {request.url}: {response.status} {response.status_text}"
        self._keep("request", text.rstrip(), is_error=True)


def _is_told(answer: Response | None) -> bool:
    """Whether an answer alone says that its request failed."""
    return answer is not None and answer.status >= _ERROR
