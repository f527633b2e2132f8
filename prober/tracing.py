"""How do the spans of runs get to whoever collects them, while no run waits for it?

Every run that is not up is told, of the others a share. They wait in memory;
where nobody takes them the oldest are dropped, and that is counted.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from random import uniform

import httpx

from prober.clock import Clock, Courtesy
from prober.config.model import Config
from prober.errors import DeliveryError
from prober.export import otlp
from prober.export.otlp import OtlpSettings, Ran
from prober.notify import answers, post
from prober.notify.post import Answered, Post, Url
from prober.result import Outcome, Result

log = logging.getLogger(__name__)

MOST = 2048  # runs that wait
BATCH = 200  # runs of one request
EVERY = 5.0  # seconds that a run waits for others to go with
AGAIN = frozenset({429, 502, 503, 504})  # answers after which a request is worth another try
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between tries
SLICE = 5  # runs that are written before the loop is given back: about half a millisecond
PATIENCE = 1.0  # seconds that writing a request gives to others, beyond a turn between two slices
LEVEL = 1  # of gzip; the fastest, since spans repeat themselves
_RANDOM = 14  # hexadecimal digits at the end of a trace id that are random by W3C's level 2
_NO_TRACE = "g"  # is behind every digit


class Tracing:
    """`put` is None as long as no run is to be told: whoever has results looks before asking.

    `counted` hears how many runs were `accepted` or `dropped`.
    """

    def __init__(self, clock: Clock, counted: Callable[[str, int], None]) -> None:
        self.put: Callable[[Result], None] | None = None
        self._clock = clock
        self._counted = counted
        self._settings: OtlpSettings | None = None
        self._sender: Mapping[str, str] = {}
        self._from = _NO_TRACE  # the smallest end of a trace id of which a run that is up is told
        self._waiting: deque[Ran] = deque()
        self._under_way = 0  # runs of which a collector is being told
        self._some, self._many, self._changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._sending = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None
        self._fails = 0
        self._said = ""  # in the log, of what goes wrong

    def configure(self, config: Config) -> None:
        if config.otlp == self._settings:
            return
        self._settings = settings = config.otlp
        self._sender = otlp.resource(config.agent.region, str(config.agent.shard or ""))
        self._fails, self._said = 0, ""
        self._changed.set()
        if settings is None:
            self.put = None
            self._drop(len(self._waiting))
            return
        self._from = first_of(settings.sample)
        self.put = self._put
        for outcome in ("accepted", "dropped"):
            self._counted(outcome, 0)

    async def run(self) -> None:
        """Until cancelled; `drain` sends the rest before."""
        try:
            while True:
                await self._some.wait()
                if len(self._waiting) < BATCH:
                    self._many.clear()
                    await self._until(self._many, EVERY)
                self._changed.clear()
                if pause := await self._turn():
                    await self._until(self._changed, pause)
        finally:
            await self.close()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def drain(self, seconds: float) -> None:
        """Sends what waits, for so long at most and without asking anybody twice."""
        try:
            async with asyncio.timeout(seconds):
                while self._waiting or self._sending.locked():
                    if await self._turn():
                        break
        except TimeoutError:
            log.warning("sending traces took longer than there was time for")
        if left := len(self._waiting) + self._under_way:
            log.warning("%d runs were not traced: the agent stops", left)

    def _put(self, result: Result) -> None:
        is_up = result.finding.outcome is Outcome.UP
        if is_up and result.run_id[-_RANDOM:] < self._from:
            return
        if len(self._waiting) >= MOST:
            self._drop(1)
        self._waiting.append(Ran(result, self._clock.now()))
        self._some.set()
        if len(self._waiting) >= BATCH:
            self._many.set()

    def _drop(self, count: int) -> None:
        """The oldest: what is newer is what somebody looks for."""
        for _ in range(count):
            self._waiting.popleft()
        if count:
            self._counted("dropped", count)

    async def _turn(self) -> float:
        """One request; the seconds until the next makes sense."""
        async with self._sending:
            settings = self._settings
            runs = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not self._waiting:
                self._some.clear()
            if settings is None or not runs:
                return 0.0
            self._under_way = len(runs)
            try:
                refused = await self._send(settings, runs)
            except DeliveryError as error:
                self._under_way = 0
                return self._failed(runs, error)
            self._under_way = 0
        self._fails = 0
        self._counted("accepted", len(runs) - refused)
        if refused:
            self._counted("dropped", refused)
        elif self._said:
            self._said = ""
            log.info("traces are taken again")
        return 0.0

    async def _send(self, settings: OtlpSettings, runs: Sequence[Ran]) -> int:
        """How many of them were not taken, though the rest was. Raises DeliveryError."""
        self._client = self._client or post.client()
        body = await self._packed(runs)
        headers = {name: value.reveal() for name, value in settings.headers.items()}
        request = Post(
            url=Url(settings.url),
            body=body,
            headers={**headers, "Content-Encoding": "gzip"},
            timeout=settings.timeout,
            hidden=post.secret_parts(settings.headers.values()),
        )
        try:
            answer = await post.ask(request, self._client)
        except (ValueError, RuntimeError, OSError) as fault:  # what the library did not foresee
            said = f"{request.url} cannot be told: {type(fault).__name__}"
            raise DeliveryError(said) from fault
        if not answer.response.is_success:
            error = post.refusal(request, answer, self._clock.now())
            error.permanent = answer.response.status_code not in AGAIN
            raise error
        refused, why = _refused(answer)
        if refused:
            self._say("%s did not take %d spans: %s", request.url, refused, why)
        return min(refused, len(runs))

    async def _packed(self, runs: Sequence[Ran]) -> bytes:
        """A few runs at a time: the loop that does it probes."""
        courtesy, texts = Courtesy(self._clock, PATIENCE), []
        for count, run in enumerate(runs, 1):
            texts.append(otlp.text(run))
            if count % SLICE == 0:
                await courtesy.turn()
        # What packs does so without the interpreter, so it holds up nobody.
        return await asyncio.to_thread(gzip.compress, otlp.request(texts, self._sender), LEVEL)

    def _failed(self, runs: Sequence[Ran], error: DeliveryError) -> float:
        if error.permanent:
            self._say("%d runs were not traced: %s", len(runs), error)
            self._counted("dropped", len(runs))
            return 0.0
        self._say("traces wait: %s", error)
        if self._settings is None:  # by a reload meanwhile
            self._counted("dropped", len(runs))
            return 0.0
        self._waiting.extendleft(reversed(runs))
        self._drop(max(0, len(self._waiting) - MOST))
        self._some.set()
        self._fails += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._fails)
        return error.retry_after or uniform(FIRST_PAUSE, longest)  # noqa: S311 - no secret

    def _say(self, text: str, *values: object) -> None:
        """In the log, unless it is what was said last."""
        said = answers.without_answer(text % values)
        if said != self._said:
            log.warning("%s", text % values)
        self._said = said

    async def _until(self, event: asyncio.Event, seconds: float) -> None:
        """Until it is set, or so much time has passed."""
        tasks = {
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


def first_of(share: float) -> str:
    """The smallest end of a trace id that is in this share: OpenTelemetry's consistent sampling."""
    first = round((1 - share) * 16**_RANDOM)
    return f"{first:0{_RANDOM}x}" if first < 16**_RANDOM else _NO_TRACE


def _refused(answer: Answered) -> tuple[int, str]:
    """How many spans of a request that was taken were not, and why (`partialSuccess`)."""
    try:
        said = json.loads(answer.said)["partialSuccess"]
        return max(0, int(said["rejectedSpans"])), str(said.get("errorMessage", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0, ""
