"""What the agent and the process of a journey tell each other: JSON, a line each.

The agent writes the Order to the process's stdin when it starts it, and an
empty line when the journey is due. The process writes events to the pipe
whose number is its only argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from prober.result import Outcome, Reason

LONGEST = 1 << 20  # bytes of a line; a longer one is no event of ours


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Order(_Message):
    """What to run and with what; the only way by which secrets reach the process."""

    check: str
    script: str  # absolute
    function: str | None = None  # None: the only one there is
    base_url: str | None = None
    params: Mapping[str, JsonValue] = {}
    secrets: Annotated[Mapping[str, str], Field(repr=False)] = {}
    hidden: Annotated[tuple[str, ...], Field(repr=False)] = ()  # other texts that are secret
    run_id: str
    traceparent: str = ""  # for requests to first parties; empty: none is told of the run
    first_party: tuple[str, ...] = ()  # origins; without a base_url the first page's is one, too
    timeout: float  # seconds; Playwright's own waits are bounded by it too
    folder: str  # absolute; the process's own, where evidence is put
    executable: str | None = None  # None: Playwright's own browser
    sandbox: bool = True
    arguments: tuple[str, ...] = ()  # for the browser
    attempt: int = 1
    headless: bool = True
    slow_mo: float = 0.0  # seconds between two actions
    debug: bool = False  # with Playwright's inspector, and without limits
    channel: str | None = None  # Playwright's own name of it, where `executable` is None
    verified: bool = True  # False: not a headless shell, whose INP alone is right
    connect: Annotated[str | None, Field(repr=False)] = None  # where a browser runs already
    device: str | None = None  # one of Playwright's
    network: str | None = None
    context: Annotated[Mapping[str, JsonValue], Field(repr=False)] = {}  # for new_context
    evidence: Literal["failure", "always", "never"] = "failure"
    trace: Literal["none", "actions", "full"] = "none"  # full: with the pages and the network
    portrait: bool = False  # whether a run that is up is to leave a picture

    @property
    def hidden_texts(self) -> list[str]:
        """What nobody is to read in anything that the run leaves."""
        return [text for text in (*self.secrets.values(), *self.hidden) if text]


class Ready(_Message):
    """The browser is there and the script is imported; now the process waits until it is due."""

    event: Literal["ready"] = "ready"
    browser: str  # its version


class StepBegun(_Message):
    event: Literal["step begun"] = "step begun"
    name: str


class StepEnded(_Message):
    event: Literal["step ended"] = "step ended"
    name: str
    ok: bool
    seconds: float
    url: str | None = None
    message: str = ""
    soft: Reason | None = None  # of a failure after which the journey goes on, and is down


class Seen(_Message):
    """What is known of one document by now; the last one with an `id` counts. As `result.Visit`."""

    event: Literal["seen"] = "seen"
    id: str
    page: str
    url: str
    lcp: float | None = None
    inp: float | None = None
    cls: float | None = None
    fcp: float | None = None
    ttfb: float | None = None
    interactions: int = 0
    js_errors: int = 0
    failed_requests: int = 0
    long_task: float | None = None
    requests: int = 0
    bytes: int = 0
    quality: tuple[str, ...] = ()
    attribution: Mapping[str, str | float] = {}


class Kept(_Message):
    """A piece of evidence is complete: the name of a file in the order's folder.

    `good`: it shows a run that was up, for comparison with one that is not.
    """

    event: Literal["kept"] = "kept"
    kind: Literal["screenshot", "trace", "har", "console", "dom"]
    name: str
    good: bool = False


class Learned(_Message):
    """Texts that nobody is to read: what was typed as a password, cookies.

    `words` is False where ordinary words among them, a cookie's `accepted`, are to
    be taken out of the evidence only, and may stand in messages.
    """

    event: Literal["learned"] = "learned"
    texts: Annotated[tuple[str, ...], Field(repr=False)]
    words: bool = True


class Skipped(_Message):
    """The steps that the journey's function names and did not come to."""

    event: Literal["skipped"] = "skipped"
    names: tuple[str, ...]


class Verdict(_Message):
    """What has come of the journey.

    `seconds` is how long the author's function took, None where it never began.
    """

    outcome: Outcome
    reason: Reason | None = None
    message: str = ""
    seconds: float | None = None


class Tidying(Verdict):
    """The journey is over and what the author left for the end begins; it has 10 s of its own.

    Whatever becomes of it, the verdict is this.
    """

    event: Literal["tidying"] = "tidying"


class Ended(Verdict):
    """The last event of a process that was not killed."""

    event: Literal["ended"] = "ended"


Event: TypeAlias = Annotated[
    Ready | StepBegun | StepEnded | Seen | Kept | Learned | Skipped | Tidying | Ended,
    Field(discriminator="event"),
]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def line(message: Order | Event) -> bytes:
    return message.model_dump_json(exclude_defaults=False).encode() + b"\n"


def parse(data: bytes) -> Event:
    """Raises ValueError for what is no event."""
    return _EVENT.validate_json(data)
