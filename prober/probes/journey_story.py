"""What has a journey's process told, and what is the verdict?

Pure: events in, a finding out. A process that ended by itself has said the
verdict; one that did not is judged by how it ended. Only a journey that was
begun and then ran out of its own time makes the target `down` here.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

from prober.journey.events import (
    Ended,
    Event,
    Kept,
    Learned,
    Ready,
    Seen,
    Skipped,
    StepBegun,
    StepEnded,
    Tidying,
    Verdict,
    parse,
)
from prober.journey.hush import Hush
from prober.result import Finding, Outcome, Reason, Step, Visit
from prober.secret import CUT
from prober.units import show_duration

MOST = 500  # steps, visits, pieces of evidence of one run that are kept
QUOTED = 300  # characters of what the process printed last


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the process ended."""

    code: int | None  # as Popen has it, negative for a signal; None where we killed it
    begun: bool  # whether the author's function had been let go
    seconds: float  # from then on
    limit: float  # seconds that it had to get its browser ready
    asked: bool = False  # whether it had been told that its time is up
    printed: str = ""  # the last line it wrote
    cut: Finding | None = None  # what it comes to, where we ended it before its time


@dataclass(slots=True)
class Story:
    """What is known by now; `fault` is what was wrong with how it was told."""

    ready: Ready | None = None
    since: float = 0.0  # when the author's function was let go; on the clock of `hear`
    steps: list[Step] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    learned: set[str] = field(default_factory=set, repr=False)
    hush: Hush = field(default_factory=Hush, repr=False)  # takes that out of what is told
    skipped: list[str] = field(default_factory=list)
    soft: StepEnded | None = None  # the first that failed and did not end the journey
    open_steps: list[tuple[str, float]] = field(default_factory=list)  # name, when it began
    tidying: float | None = None  # when it began
    before: Tidying | None = None  # the verdict by then
    ended: Ended | None = None
    fault: str | None = None

    def hear(self, line: bytes, now: float) -> None:
        """One line of the process's, which came at `now`."""
        if self.is_over:
            return
        try:
            event = parse(line)
        except ValueError:
            quoted = repr(line[:60].decode(errors="replace"))
            self.fault = f"said what is no event: {quoted}{CUT if len(line) > 60 else ''}"
            return
        self._take(event, now)

    @property
    def is_over(self) -> bool:
        return self.ended is not None or self.fault is not None

    @property
    def step(self) -> str | None:
        """The innermost that is under way."""
        return self.open_steps[-1][0] if self.open_steps else None

    @property
    def where(self) -> str:
        """The same as a message goes on."""
        return f', in step "{self.step}"' if self.step is not None else ""

    def visits(self) -> list[Visit]:
        """In the order in which the documents were first seen."""
        fields = (seen.model_dump(exclude={"event", "id"}) for seen in self.seen.values())
        return [Visit(**known) for known in fields]

    def all_steps(self, now: float) -> list[Step]:
        """With those that had not ended at `now`, outermost first."""
        cut = [
            Step(
                name=name,
                ok=False,
                seconds=now - began,
                message="it did not end",
                began=began - self.since,
            )
            for name, began in self.open_steps
        ]
        return [*self.steps, *cut]

    def _take(self, event: Event, now: float) -> None:
        match event:
            case Ready():
                self.ready = event
            case StepBegun():
                self.open_steps = [*self.open_steps, (event.name, now)][-MOST:]
            case StepEnded():
                self._step_ended(event)
            case Seen():
                if event.id in self.seen or len(self.seen) < MOST:
                    self.seen[event.id] = event
            case Kept():
                self.kept = [*self.kept, event][:MOST]
            case Learned():
                texts = event.texts[: MOST - len(self.learned)]
                self.learned.update(texts)
                self.hush.learn(texts, words=event.words)
            case Skipped():
                self.skipped = list(event.names[:MOST])
            case Tidying():
                self.tidying, self.before = now, event
            case Ended():
                self.ended = event

    def _step_ended(self, event: StepEnded) -> None:
        if event.soft is not None:
            self.soft = self.soft or event
        began = None
        for place in reversed(range(len(self.open_steps))):
            if self.open_steps[place][0] == event.name:
                began = self.open_steps.pop(place)[1] - self.since
                break
        if len(self.steps) < MOST:
            self.steps.append(
                Step(
                    name=event.name,
                    ok=event.ok,
                    seconds=event.seconds,
                    url=event.url,
                    message=event.message,
                    began=began,
                )
            )


def verdict(story: Story, end: End, timeout: float) -> Finding:
    """What the run has found, with the seconds that the author's function took."""
    said = story.ended or (story.before if end.code is None else None)
    if said is not None:
        return _said(said, end, timeout)
    if end.cut is not None:
        return end.cut._replace(seconds=end.seconds)
    return _unsaid(story, end, timeout)._replace(seconds=end.seconds)


def _said(ended: Verdict, end: End, timeout: float) -> Finding:
    seconds = ended.seconds if ended.seconds is not None else 0.0
    if ended.outcome is not Outcome.UNKNOWN and not end.begun:
        finding = Finding.unknown("the journey's process had a verdict before the journey began")
    elif ended.outcome is Outcome.UP and seconds > timeout:
        took, limit = show_duration(seconds), show_duration(timeout)
        finding = Finding.down(Reason.TIMEOUT, f"not over within {limit}, it took {took}")
    elif ended.outcome is Outcome.UP:
        finding = Finding.up()
    elif ended.outcome is Outcome.DOWN:
        finding = Finding.down(ended.reason or Reason.SCRIPT, ended.message)
    else:
        finding = Finding.unknown(ended.message, ended.reason or Reason.INTERNAL)
    return finding._replace(seconds=seconds)


def _unsaid(story: Story, end: End, timeout: float) -> Finding:
    if story.fault is not None:
        return Finding.unknown(f"the journey's process {story.fault}")
    if end.code is None and not end.begun:
        within = show_duration(end.limit)
        return Finding.unknown(
            f"the browser was not ready within {within}{_quoted(end)}", Reason.BROWSER
        )
    if end.code is None or (end.asked and end.code == -signal.SIGUSR1):
        return _overrun(story, timeout)
    if end.code < 0:
        name = _signal_name(-end.code)
        said = f"the journey's process was killed by {name}{story.where}"
        return Finding.unknown(said, Reason.KILLED)
    how = f"ended with exit code {end.code} and no verdict{story.where}"
    return Finding.unknown(f"the journey's process {how}{_quoted(end)}")


def _overrun(story: Story, timeout: float) -> Finding:
    if story.soft is not None:  # the first cause
        return Finding.down(story.soft.soft or Reason.STEP, story.soft.message)
    limit = show_duration(timeout)
    return Finding.down(Reason.TIMEOUT, f"not over within {limit}{story.where}")


def _quoted(end: End) -> str:
    if not end.printed:
        return ""
    cut = CUT if len(end.printed) > QUOTED else ""
    return f": {end.printed[:QUOTED]}{cut}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
