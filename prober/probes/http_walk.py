"""How do the steps of an HTTP check go? One after the other, up to the first that fails.

    fill in ─► fetch ─► look (judge, read values, extract) ─► the next

After a failure only the steps that say `always` are asked, and what they find
changes nothing: the run is told by its first failure, with its facts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from pydantic import JsonValue

from prober.errors import ProberError
from prober.probes import judging
from prober.probes.address import Url
from prober.probes.answer import Answer
from prober.probes.cookies import Jar
from prober.probes.http_fetch import Opening, fetch
from prober.probes.http_settings import HttpSettings
from prober.probes.http_steps import HttpStep, HttpSteps
from prober.probes.http_verdict import answer_of, failed, finding
from prober.probes.json_rules import shown
from prober.probes.late import timed_out, tolerated
from prober.probes.look import Look, Seen
from prober.probes.templates import Filler, Unfilled
from prober.result import Assertion, Attempt, Fact, Finding, Outcome, Reason, Step
from prober.secret import SHOWN
from prober.units import show_duration
from prober.wire.failure import Failure
from prober.wire.http1 import Response
from prober.wire.network import Network

_OF_THE_RUN = frozenset({"dns_lookup_seconds", "regex_failed"})  # facts; all others are a step's
_LONGEST_SECRET = 16 * 1024  # characters; a credential is no longer, and it has to be masked
_LEAF = 6  # characters of a text inside of a secret value that is secret by itself


class Way(NamedTuple):
    """The steps of a check; `timeout` is of all of them."""

    name: str
    timeout: float
    http: HttpSteps


async def walk(way: Way, attempt: Attempt, net: Network) -> Finding:
    """Asks one step after the other; what becomes known on the way is put into `attempt`."""
    return await _Walk(way, attempt, net).whole()


def overrun(http: HttpSteps, steps: Sequence[Step]) -> float | None:
    """By how many seconds the step that failed took longer than it may, if it has such a limit."""
    limits = {step.name: step.expect.duration for step in http.steps}
    first = next((step for step in steps if not step.ok), None)
    limit = None if first is None else limits.get(first.name)
    return None if first is None or limit is None else first.seconds - limit


class _Walk:
    def __init__(self, way: Way, attempt: Attempt, net: Network) -> None:
        self._way = way
        self._attempt = attempt
        self._net = net
        self._jar = Jar()
        self._known: dict[str, JsonValue] = {}
        self._base: Url | None = None  # of the last answer
        self._judging = 0.0  # seconds; ours, but the steps after it have less
        self._seconds = 0.0
        self._since = self._step_since = net.clock.monotonic()  # when the walk began, and its step
        self._assertions: list[Assertion] = []
        self._failure: Finding | None = None  # the first, with the facts of its step
        self._facts: dict[str, Fact] = {}

    async def whole(self) -> Finding:
        for step in self._way.http.steps:
            if self._failure is None or step.always:
                await self._one(step)
        return self._verdict()

    async def _one(self, step: HttpStep) -> None:
        attempt, clock = self._attempt, self._net.clock
        begun, aside = clock.monotonic(), attempt.aside
        self._step_since = begun
        if attempt.deadline is not None and begun >= attempt.deadline:
            self._too_late(step)
            return
        for fact in attempt.facts.keys() - _OF_THE_RUN:
            del attempt.facts[fact]
        attempt.during = "start"
        try:
            found = await self._asked(step)
        except asyncio.CancelledError:
            self._note(
                step,
                self._ours() or timed_out(attempt, self._way.timeout),
                clock.monotonic() - begun,
            )
            if attempt.during != "waiting" or not all(one.ok for one in attempt.steps[:-1]):
                self._seconds = min(self._seconds, self._way.timeout)  # it was cut off then
                attempt.decided = self._verdict()
            raise
        taken = clock.monotonic() - begun - (attempt.aside - aside)
        self._note(step, found, taken if found.seconds is None else found.seconds)

    async def _asked(self, step: HttpStep) -> Finding:
        attempt, http = self._attempt, self._way.http
        try:
            settings = Filler(self._known, self._base, http.secrets).settings(step)
        except Unfilled as error:
            return Finding.down(Reason.STEP, str(error), seconds=0.0)
        attempt.facts["final_url"] = str(settings.url)
        try:
            opening = Opening.of(settings, self._way.name, self._jar)
            response, seconds = await fetch(settings, opening, self._jar, attempt, self._net)
            self._arrived(settings, response)
            attempt.during = "expect"
            look = Look.of(settings.expect, settings.values, settings.extract)
            answer = answer_of(look, response, seconds, attempt, self._net.clock.now())
            seen = await self._judged(look, answer)
        except Failure as failure:
            return failed(failure, settings.expect, attempt)
        except ProberError as fault:  # ours, which is no reason not to sign out
            return Finding.unknown(str(fault))
        return self._taken(seen, finding(seen.judged, seconds, attempt))

    async def _judged(self, look: Look, answer: Answer) -> Seen:
        asked = self._net.clock.monotonic()
        try:
            return await judging.JUDGES.see(self._way.name, look, answer)
        finally:
            self._judging += self._net.clock.monotonic() - asked

    def _ours(self) -> Finding | None:
        """That there was no time left because of ourselves, if it was."""
        if self._judging <= tolerated(self._way.timeout):
            return None
        took = show_duration(self._judging)
        return Finding.unknown(f"judging the answers before it took {took} of the time for it")

    def _arrived(self, settings: HttpSettings, response: Response) -> None:
        """Where relative URLs start from now, and the cookies of the last answer."""
        self._base = settings.url.join(str(self._attempt.facts["final_url"]))
        self._jar.keep(self._base, response.headers, self._net.clock.now())

    def _taken(self, seen: Seen, found: Finding) -> Finding:
        """With what was read and extracted; also of a failure, for the steps that always run."""
        self._attempt.values.update(seen.values)
        lost = dict(seen.lost)
        extracted: list[Assertion] = []
        for name, value in seen.extracted.items():
            if name not in self._way.http.secrets:
                self._known[name] = value
                extracted.append(Assertion(f"extract {name}", "something", shown(value), True))
            elif _is_short(value):
                self._known[name] = value
                self._attempt.secrets = (*self._attempt.secrets, *_texts(value))
                extracted.append(Assertion(f"extract {name}", "something", SHOWN, True))
            else:
                lost[name] = f"it has over {_LONGEST_SECRET} characters, too many for a credential"
        extracted += [Assertion(f"extract {n}", "something", why, False) for n, why in lost.items()]
        found = found._replace(assertions=(*found.assertions, *extracted))
        if lost and found.outcome is Outcome.UP:
            name, why = next(iter(lost.items()))
            said = f"nothing to extract for {name}: {why}"
            return found._replace(outcome=Outcome.DOWN, reason=Reason.STEP, message=said)
        return found

    def _note(self, step: HttpStep, found: Finding, seconds: float) -> None:
        """The step is over."""
        ok = found.outcome is Outcome.UP
        url = self._attempt.facts.get("final_url")
        self._seconds += seconds
        self._attempt.steps.append(
            Step(
                name=step.name,
                ok=ok,
                seconds=seconds,
                url=url if isinstance(url, str) else None,
                message=found.message,
                began=self._step_since - self._since,
            )
        )
        self._assertions += [replace(a, what=f"{step.name}: {a.what}") for a in found.assertions]
        if not ok and self._failure is None:
            said = f"step {step.name!r}: {found.message}"
            self._failure = found._replace(message=said)
            self._facts = dict(self._attempt.facts)

    def _too_late(self, step: HttpStep) -> None:
        if self._failure is None:
            limit = show_duration(self._way.timeout)
            said = f"no time was left for it: the steps before it took all of {limit}"
            self._note(step, self._ours() or Finding.down(Reason.TIMEOUT, said), 0.0)

    def _verdict(self) -> Finding:
        if self._failure is None:
            return Finding.up(seconds=self._seconds, assertions=tuple(self._assertions))
        self._attempt.facts.clear()
        self._attempt.facts.update(self._facts)
        return self._failure._replace(seconds=self._seconds, assertions=tuple(self._assertions))


def _is_short(value: JsonValue) -> bool:
    return sum(map(len, _texts(value))) <= _LONGEST_SECRET


def _texts(value: JsonValue) -> tuple[str, ...]:
    """All that must not show where a secret is `value`."""
    if isinstance(value, str):
        return (value,)
    whole = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return (whole, *(leaf for leaf in _leaves(value) if len(leaf) >= _LEAF))


def _leaves(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
