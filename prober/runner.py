"""What came of one run of one check: attempts, deadline, our own faults.

Three outcomes. `down` is only said where the target was given its chance: a
failure that our own lateness could have made is `unknown`, and so is every
fault of ours. Only cancellation escapes from here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import NamedTuple, TypeAlias

from prober.clock import Clock
from prober.deadline import Deadline, Deadlines
from prober.errors import ProberError
from prober.probes import AnyCheck, Means, ends_by_itself, overrun, probe
from prober.probes.late import timed_out, tolerated
from prober.probes.tcp import TcpCheck
from prober.pulse import Pulse
from prober.result import (
    Attempt,
    Budget,
    Evidence,
    Fact,
    Finding,
    Outcome,
    Reason,
    Result,
    Step,
    Visit,
)
from prober.secret import Scrubber
from prober.units import show_duration

Probe: TypeAlias = Callable[[AnyCheck, Attempt, Means], Awaitable[Finding]]

log = logging.getLogger(__name__)

BETWEEN_ATTEMPTS = 1.0  # seconds

# Reasons for which a target is also blamed when it was we who kept it waiting for this long: a peer
# hangs up on a client that was stopped, and says 408. A refused connection, a bad certificate or any
# other answer is never of our making.
HANGS_UP_AFTER = 0.25  # seconds
HUNG_UP = frozenset({Reason.PROTOCOL, Reason.TLS, Reason.DNS})
REQUEST_TIMEOUT = 408


def may_be_ours(check: AnyCheck, finding: Finding, attempt: Attempt, lag: float) -> bool:
    """Whether a loop that came `lag` seconds late may have made what `finding` blames on the target."""
    match finding.reason:
        case Reason.TIMEOUT | Reason.STEP:  # a step of a journey may have waited in vain
            return lag > tolerated(check.timeout)
        case Reason.LATENCY:
            over = overrun(check, finding, attempt)
            return over is None or lag >= over
        case Reason.BODY:  # in a dialogue: the peer hung up before the line that was waited for
            return check.kind == TcpCheck.kind and lag > HANGS_UP_AFTER
        case Reason.STATUS:
            return attempt.facts.get("status_code") == REQUEST_TIMEOUT and lag > HANGS_UP_AFTER
        case reason:
            return reason in HUNG_UP and lag > HANGS_UP_AFTER


class Runner:
    """Runs checks; everything that the runs of one agent share. `probing` stands in for `probe`."""

    def __init__(
        self,
        *,
        region: str,
        clock: Clock,
        means: Means,
        pulse: Pulse,
        scrub: Scrubber,
        probing: Probe = probe,
    ) -> None:
        self.region = region
        self.clock = clock
        self.means = means
        self.pulse = pulse
        self.scrub = scrub
        self._probe = probing
        self._deadlines = Deadlines(means.network.poll)

    def with_probe(self, other: Probe) -> Runner:
        """One like this that looks at checks by `other`."""
        return Runner(
            region=self.region,
            clock=self.clock,
            means=self.means,
            pulse=self.pulse,
            scrub=self.scrub,
            probing=other,
        )

    async def run(self, check: AnyCheck, due: float | None = None) -> Result:
        """The result of `check`, whatever happens to the target or to us.

        It does not begin before `due` if it is of a kind that gets ready first (`probes.lead`)."""
        started_at = self.clock.now()
        run_id, traceparent = _ids()
        began_at: float | None = None
        evidence: tuple[Evidence, ...] = ()
        for number in count(1):
            attempt = Attempt(run_id=run_id, traceparent=traceparent, due=due, number=number)
            attempt.earlier = evidence
            begun = self.clock.monotonic()
            finding = await self._attempt(check, attempt, begun)
            took = self.clock.monotonic() - begun - attempt.aside
            began_at, due = attempt.started_at if began_at is None else began_at, None
            evidence = (*evidence, *attempt.evidence)
            if number > check.retries or finding.outcome is Outcome.UP or attempt.final:
                break
            await self.clock.sleep(BETWEEN_ATTEMPTS)
        result = Result(
            check=check.name,
            kind=check.kind,
            region=self.region,
            labels=check.labels,
            run_id=run_id,
            traceparent=traceparent,
            started_at=started_at if began_at is None else began_at,
            seconds=took if finding.seconds is None else finding.seconds,
            attempts=number,
            finding=finding,
            phases=attempt.phases,
            facts=attempt.facts,
            steps=tuple(attempt.steps),
            visits=tuple(attempt.visits),
            values=attempt.values,
            evidence=evidence,
            budgets=tuple(attempt.budgets),
            skipped=tuple(attempt.skipped),
        )
        return self._scrubbed(result, attempt.secrets)

    def _scrubbed(self, result: Result, learned: tuple[str, ...]) -> Result:
        if learned:
            return _Clean(self.scrub.beside(learned)).result(result)
        return _Clean(self.scrub).result(result) if self.scrub.values else result

    async def _attempt(self, check: AnyCheck, attempt: Attempt, begun: float) -> Finding:
        ends_itself = ends_by_itself(check)
        try:
            if ends_itself:
                finding = await self._probe(check, attempt, self.means)
            else:
                attempt.deadline = begun + check.timeout
                with Deadline(self._deadlines, attempt.deadline, attempt):
                    finding = await self._probe(check, attempt, self.means)
        except TimeoutError:
            if attempt.decided is None and attempt.during == "waiting":  # for a thread of ours
                return Finding.unknown("the agent had no thread free for a lookup or a CA file")
            finding = attempt.decided or timed_out(attempt, check.timeout)
        except ProberError as fault:  # ours by type: files, memory or ports ran out
            return Finding.unknown(str(fault))
        except Exception as error:  # noqa: BLE001  # our bug must not look like an outage
            return _own_fault(check, error)
        if not ends_itself and (finding.seconds or 0.0) > check.timeout:
            finding = _too_late(check, finding.seconds or 0.0)
        if finding.outcome is Outcome.UP:
            return finding
        # A kind that gets ready first was not late before it was due.
        lag = max(self.pulse.lag_since(max(begun, attempt.due or begun)), attempt.queued)
        if not may_be_ours(check, finding, attempt, lag):
            return finding
        late = f"the agent itself was late by {show_duration(lag)}; it saw: {finding.message}"
        return Finding.unknown(late)._replace(seconds=finding.seconds)


def _ids() -> tuple[str, str]:
    """A trace id, which is the run's, and the header that tells of it (W3C Trace Context)."""
    ids = os.urandom(24).hex()
    return ids[:32], f"00-{ids[:32]}-{ids[32:]}-01"


class _Clean(NamedTuple):
    """No secret in what people read, wherever the target quoted it back at us."""

    scrub: Scrubber

    def result(self, result: Result) -> Result:
        return result._replace(
            finding=self.finding(result.finding),
            facts=self.facts(result.facts),
            steps=tuple(map(self.step, result.steps)),
            visits=tuple(map(self.visit, result.visits)),
            budgets=tuple(map(self.budget, result.budgets)),
            skipped=tuple(map(self.scrub, result.skipped)),
        )

    def finding(self, finding: Finding) -> Finding:
        assertions = tuple(
            replace(
                a,
                what=self.scrub(a.what),
                expected=self.scrub(a.expected),
                actual=self.scrub(a.actual),
            )
            for a in finding.assertions
        )
        return finding._replace(message=self.scrub(finding.message), assertions=assertions)

    def facts(self, facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
        return {
            name: self.scrub(fact) if isinstance(fact, str) else fact
            for name, fact in facts.items()
        }

    def step(self, step: Step) -> Step:
        url = None if step.url is None else self.scrub(step.url)
        return replace(step, name=self.scrub(step.name), url=url, message=self.scrub(step.message))

    def visit(self, visit: Visit) -> Visit:
        return replace(
            visit,
            page=self.scrub(visit.page),
            url=self.scrub(visit.url),
            attribution={
                name: self.scrub(said) if isinstance(said, str) else said
                for name, said in visit.attribution.items()
            },
        )

    def budget(self, one: Budget) -> Budget:
        page = None if one.page is None else self.scrub(one.page)
        return replace(one, budget=self.scrub(one.budget), page=page)


def _too_late(check: AnyCheck, seconds: float) -> Finding:
    took, limit = show_duration(seconds), show_duration(check.timeout)
    return Finding.down(
        Reason.TIMEOUT, f"no answer within {limit}, it took {took}", seconds=seconds
    )


def _own_fault(check: AnyCheck, error: Exception) -> Finding:
    log.error("the probe of %s raised", check.name, exc_info=error)
    return Finding.unknown(f"a fault of the agent: {type(error).__name__}")
