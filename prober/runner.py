"""What came of one run of one check: attempts, deadline, our own faults.

Three outcomes. `down` is only said where the target was given its chance: a
failure that our own lateness could have made is `unknown`, and so is every
fault of ours. Only cancellation escapes from here.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import TracebackType

from prober.clock import Clock
from prober.errors import ProberError
from prober.probes import AnyCheck, Means, ends_by_itself, probe, slowest
from prober.pulse import Pulse
from prober.result import Attempt, Fact, Finding, Outcome, Reason, Result, Step, Visit
from prober.secret import Scrubber
from prober.units import show_duration

log = logging.getLogger(__name__)

BETWEEN_ATTEMPTS = 1.0  # seconds

# Reasons for which a target is also blamed when it was we who kept it waiting for this long: a peer
# hangs up on a client that was stopped, and says 408. A refused connection, a bad certificate or any
# other answer is never of our making.
HANGS_UP_AFTER = 0.25  # seconds
HUNG_UP = frozenset({Reason.PROTOCOL, Reason.TLS, Reason.DNS})
REQUEST_TIMEOUT = 408


def tolerated_lag(timeout: float) -> float:
    """Seconds that the loop may come late to a deadline (DESIGN, decision 1)."""
    return max(0.1, timeout / 10)


def may_be_ours(check: AnyCheck, finding: Finding, attempt: Attempt, lag: float) -> bool:
    """Whether a loop that came `lag` seconds late may have made what `finding` blames on the target."""
    match finding.reason:
        case Reason.TIMEOUT | Reason.STEP:  # a step of a journey may have waited in vain
            return lag > tolerated_lag(check.timeout)
        case Reason.LATENCY:
            limit, seconds = slowest(check), finding.seconds
            return limit is None or seconds is None or lag >= seconds - limit
        case Reason.STATUS:
            return attempt.facts.get("status_code") == REQUEST_TIMEOUT and lag > HANGS_UP_AFTER
        case reason:
            return reason in HUNG_UP and lag > HANGS_UP_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs checks; everything that the runs of one agent share."""

    region: str
    clock: Clock
    means: Means
    pulse: Pulse
    scrub: Scrubber

    async def run(self, check: AnyCheck, due: float | None = None) -> Result:
        """The result of `check`, whatever happens to the target or to us.

        `due` is for a kind that gets ready first (`probes.lead`): the
        monotonic moment before which it does not begin.
        """
        started_at = self.clock.now()
        ids = secrets.token_hex(24)  # a trace id, then a span id (W3C Trace Context)
        run_id = ids[:32]
        traceparent = f"00-{run_id}-{ids[32:]}-01"
        began_at: float | None = None
        for number in range(1, check.retries + 2):
            attempt = Attempt(run_id=run_id, traceparent=traceparent, due=due)
            begun = self.clock.monotonic()
            finding = await self._attempt(check, attempt, begun)
            seconds = self.clock.monotonic() - begun
            began_at, due = attempt.started_at if began_at is None else began_at, None
            if finding.outcome is Outcome.UP or number > check.retries:
                break
            await self.clock.sleep(BETWEEN_ATTEMPTS)
        return Result(
            check=check.name,
            kind=check.kind,
            region=self.region,
            labels=check.labels,
            run_id=run_id,
            traceparent=traceparent,
            started_at=started_at if began_at is None else began_at,
            seconds=seconds if finding.seconds is None else finding.seconds,
            attempts=number,
            finding=self._scrubbed(finding),
            phases=attempt.phases,
            facts=self._scrubbed_facts(attempt.facts),
            steps=tuple(map(self._scrubbed_step, attempt.steps)),
            visits=tuple(map(self._scrubbed_visit, attempt.visits)),
            values=attempt.values,
            evidence=tuple(attempt.evidence),
        )

    async def _attempt(self, check: AnyCheck, attempt: Attempt, begun: float) -> Finding:
        try:
            with self._deadline(check, attempt, begun):
                finding = await probe(check, attempt, self.means)
        except TimeoutError:
            if attempt.during == "waiting":  # for a thread of ours
                return Finding.unknown("the agent had no thread free for a lookup or a CA file")
            finding = _timed_out(check, attempt)
        except ProberError as fault:  # ours by type: files, memory or ports ran out
            return Finding.unknown(str(fault))
        except Exception as error:  # noqa: BLE001  # our bug must not look like an outage
            return _own_fault(check, error)
        if not ends_by_itself(check) and (finding.seconds or 0.0) > check.timeout:
            finding = _too_late(check, finding.seconds or 0.0)
        # A kind that gets ready first was not late before it was due.
        lag = self.pulse.lag_since(max(begun, attempt.due or begun))
        if not may_be_ours(check, finding, attempt, lag):
            return finding
        late = f"the agent itself was late by {show_duration(lag)}; it saw: {finding.message}"
        return replace(Finding.unknown(late), seconds=finding.seconds)

    def _deadline(
        self, check: AnyCheck, attempt: Attempt, begun: float
    ) -> _Deadline | nullcontext[None]:
        if ends_by_itself(check):
            return nullcontext()
        attempt.deadline = begun + check.timeout
        return _Deadline(attempt.deadline, self.means.network.poll, attempt)

    def _scrubbed(self, finding: Finding) -> Finding:
        """No secret in what people read, wherever the target quoted it back at us."""
        if not self.scrub.values:
            return finding
        assertions = tuple(
            replace(
                a,
                what=self.scrub(a.what),
                expected=self.scrub(a.expected),
                actual=self.scrub(a.actual),
            )
            for a in finding.assertions
        )
        return replace(finding, message=self.scrub(finding.message), assertions=assertions)

    def _scrubbed_facts(self, facts: dict[str, Fact]) -> dict[str, Fact]:
        if not self.scrub.values:
            return facts
        return {
            name: self.scrub(fact) if isinstance(fact, str) else fact
            for name, fact in facts.items()
        }

    def _scrubbed_step(self, step: Step) -> Step:
        url = None if step.url is None else self.scrub(step.url)
        return replace(step, name=self.scrub(step.name), url=url, message=self.scrub(step.message))

    def _scrubbed_visit(self, visit: Visit) -> Visit:
        return replace(visit, page=self.scrub(visit.page), url=self.scrub(visit.url))


def _timed_out(check: AnyCheck, attempt: Attempt) -> Finding:
    limit = show_duration(check.timeout)
    if attempt.during == "resolve":
        return Finding.down(Reason.DNS, f"no answer from the resolver within {limit}")
    return Finding.down(Reason.TIMEOUT, f"no answer within {limit}, in phase {attempt.during}")


def _too_late(check: AnyCheck, seconds: float) -> Finding:
    took, limit = show_duration(seconds), show_duration(check.timeout)
    return Finding.down(
        Reason.TIMEOUT, f"no answer within {limit}, it took {took}", seconds=seconds
    )


def _own_fault(check: AnyCheck, error: Exception) -> Finding:
    log.error("the probe of %s raised", check.name, exc_info=error)
    return Finding.unknown(f"a fault of the agent: {type(error).__name__}")


class _Deadline:
    """asyncio.timeout with a last look.

    When time is up, what the kernel already holds is handed to the probe and
    the probe gets one more turn; only then is it cut off, with TimeoutError.
    A probe that has its answer and judges it is not: that is our own work, and
    it sees to its own end.
    """

    def __init__(self, moment: float, look: Callable[[], None], attempt: Attempt) -> None:
        self._moment = moment
        self._look = look
        self._attempt = attempt
        self._has_cut = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a probe is always awaited by one
        self._task, self._cancelled = task, task.cancelling()
        self._loop = task.get_loop()
        self._handle: asyncio.Handle = self._loop.call_at(self._moment, self._last_look)

    def _last_look(self) -> None:
        self._look()
        self._handle = self._loop.call_soon(self._cut_off)

    def _cut_off(self) -> None:
        if self._attempt.during != "expect":
            self._has_cut = True
            self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.cancel()
        if not self._has_cut:
            return
        # Where somebody else cancels too, their cancellation counts.
        if self._task.uncancel() <= self._cancelled and kind is asyncio.CancelledError:
            raise TimeoutError from error
