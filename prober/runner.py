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
from dataclasses import dataclass, replace
from types import TracebackType

from prober.clock import Clock
from prober.errors import ProberError
from prober.probes import AnyCheck, probe
from prober.pulse import Pulse
from prober.result import Attempt, Fact, Finding, Outcome, Reason, Result
from prober.secret import Scrubber
from prober.units import show_duration
from prober.wire.network import Network

log = logging.getLogger(__name__)

BETWEEN_ATTEMPTS = 1.0  # seconds

# What a target is also blamed for when it was we who did not listen: a peer gives up on a client
# that was stopped. A refused connection, a bad certificate or a wrong answer is never of our making.
OUR_LATENESS_MAY_MAKE = frozenset(
    {Reason.TIMEOUT, Reason.LATENCY, Reason.PROTOCOL, Reason.TLS, Reason.DNS}
)


def tolerated_lag(timeout: float) -> float:
    """Seconds that the loop may come late before a failure is ours (DESIGN, decision 1)."""
    return max(0.1, timeout / 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs checks; everything that the runs of one agent share."""

    region: str
    clock: Clock
    network: Network
    pulse: Pulse
    scrub: Scrubber

    async def run(self, check: AnyCheck) -> Result:
        """The result of `check`, whatever happens to the target or to us."""
        started_at = self.clock.now()
        run_id = secrets.token_hex(16)
        traceparent = f"00-{run_id}-{secrets.token_hex(8)}-01"
        for number in range(1, check.retries + 2):
            attempt = Attempt(run_id=run_id, traceparent=traceparent)
            begun = self.clock.monotonic()
            finding = await self._attempt(check, attempt, begun)
            seconds = self.clock.monotonic() - begun
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
            started_at=started_at,
            seconds=seconds if finding.seconds is None else finding.seconds,
            attempts=number,
            finding=self._scrubbed(finding),
            phases=attempt.phases,
            facts={name: self._scrubbed_fact(fact) for name, fact in attempt.facts.items()},
        )

    async def _attempt(self, check: AnyCheck, attempt: Attempt, begun: float) -> Finding:
        try:
            async with _Deadline(begun + check.timeout, self.network.poll):
                finding = await probe(check, attempt, self.network)
        except TimeoutError:
            if attempt.during == "expect":  # the answer was there; judging it is our own work
                return Finding.unknown("the agent took too long to judge the answer")
            finding = _timed_out(check, attempt)
        except ProberError as fault:  # ours by type: files, memory or ports ran out
            return Finding.unknown(str(fault))
        except Exception as error:  # noqa: BLE001  # our bug must not look like an outage
            return _own_fault(check, error)
        if finding.seconds is not None and finding.seconds > check.timeout:
            finding = replace(_timed_out(check, attempt), seconds=finding.seconds)
        return self._judged(finding, check.timeout, begun)

    def _judged(self, finding: Finding, timeout: float, begun: float) -> Finding:
        """The finding, or `unknown` where our own lateness may have made it."""
        if finding.reason not in OUR_LATENESS_MAY_MAKE:
            return finding
        lag = self.pulse.lag_since(begun)
        if lag <= tolerated_lag(timeout):
            return finding
        return Finding.unknown(
            f"the agent itself was late by {show_duration(lag)}; it saw: {finding.message}"
        )

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

    def _scrubbed_fact(self, fact: Fact) -> Fact:
        return self.scrub(fact) if isinstance(fact, str) else fact


def _timed_out(check: AnyCheck, attempt: Attempt) -> Finding:
    limit = show_duration(check.timeout)
    if attempt.during == "resolve":
        return Finding.down(Reason.DNS, f"no answer from the resolver within {limit}")
    return Finding.down(Reason.TIMEOUT, f"no answer within {limit}, in phase {attempt.during}")


def _own_fault(check: AnyCheck, error: Exception) -> Finding:
    log.error("the probe of %s raised", check.name, exc_info=error)
    return Finding.unknown(f"a fault of the agent: {type(error).__name__}")


class _Deadline:
    """asyncio.timeout with a last look.

    When time is up, what the kernel already holds is handed to the probe and
    the probe gets one more turn; only then is it cut off, with TimeoutError.
    """

    def __init__(self, moment: float, look: Callable[[], None]) -> None:
        self._moment = moment
        self._look = look
        self._limit = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.Handle = self._loop.call_at(self._moment, self._last_look)

    def _last_look(self) -> None:
        self._look()
        self._handle = self._loop.call_soon(self._limit.reschedule, 0.0)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.cancel()
        await self._limit.__aexit__(kind, error, traceback)
