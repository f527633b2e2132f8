"""Does a peer say what it is expected to say?"""

from __future__ import annotations

from prober.probes.tcp_lines import Lines
from prober.probes.tcp_said import Captured
from prober.probes.tcp_settings import Item, TcpSettings
from prober.probes.texts import captures, clipped, quoted
from prober.result import Assertion, Reason
from prober.series import escape
from prober.wire.connection import Connection
from prober.wire.failure import Failure
from prober.wire.network import Network

_SHOWN = 1000  # bytes of what a peer said that a message begins from


class Dialogue:
    """One dialogue with one peer, from its first item to its last, or to where it fails.

    Puts the phase `dialogue` and the facts banner (the first line), last_line,
    regex_failed and expect_info into the attempt, and what it waits for into
    `during`, should it be cut off. `assertions` are what came about.
    """

    __slots__ = (
        "_attempt",
        "_captured",
        "_connection",
        "_lines",
        "_net",
        "_number",
        "_settings",
        "assertions",
    )

    def __init__(self, settings: TcpSettings, connection: Connection, net: Network) -> None:
        self._settings = settings
        self._connection = connection
        self._net = net
        self._attempt = connection.attempt
        self._lines = Lines(connection)
        self._captured: Captured = {}
        self._number = 0
        self.assertions: list[Assertion] = []

    async def hold(self) -> None:
        """Raises Failure, with what was waited for, or OwnFault."""
        attempt, held = self._attempt, False
        attempt.during = "dialogue"
        attempt.facts["regex_failed"] = False
        try:
            for number, item in enumerate(self._settings.dialogue, start=1):
                self._number = number
                await self._do(item)
            held = True
        except Failure as failure:
            raise Failure(failure.reason, f"{failure}; {self._where()}") from failure
        finally:
            if not held and attempt.during == "dialogue":
                attempt.during = f"dialogue: {self._where()}"
            if self._lines.last is not None:
                attempt.facts["last_line"] = clipped(self._shown(self._lines.last))

    async def _do(self, item: Item) -> None:
        if item.starttls:
            await self._switch()
            return
        began, late = self._net.clock.monotonic(), self._lines.late
        try:
            if item.expect is not None:
                await self._hear(item.expect, item)
            elif item.send is not None:
                await self._connection.send(item.send.line(self._captured), self._lines.hear)
        finally:
            late = self._lines.late - late
            self._attempt.add("dialogue", self._net.clock.monotonic() - began - late)

    async def _hear(self, pattern: str, item: Item) -> None:
        looked_at = 0
        self._lines.begin()
        while (line := await self._lines.next()) is not None:
            looked_at += 1
            if "banner" not in self._attempt.facts:
                self._attempt.facts["banner"] = clipped(self._settings.scrub(line))
            if (captured := captures(pattern, line)) is not None:
                self._matched(pattern, line, captured, item)
                return
        self._assert(pattern, self._shown(self._lines.last or b""), ok=False)
        self._attempt.facts["regex_failed"] = True
        reason = Reason.BODY if looked_at else Reason.PROTOCOL
        raise Failure(reason, "the peer closed the connection")

    def _matched(self, pattern: str, line: str, captured: Captured, item: Item) -> None:
        self._captured = captured
        self._assert(pattern, self._settings.scrub(line), ok=True)
        if item.labels:
            self._attempt.facts["expect_info"] = ",".join(
                f'{name}="{escape(clipped(self._settings.scrub(value.filled(captured))))}"'
                for name, value in item.labels.items()
            )

    async def _switch(self) -> None:
        attempt = self._attempt
        if rest := self._lines.rest:
            # Whoever can write into the plain half must not be heard in the safe one.
            said = quoted(self._shown(rest))
            raise Failure(
                Reason.PROTOCOL, f"the peer went on in plain text where TLS begins: {said}"
            )
        await self._net.secure(
            self._connection, self._settings.endpoint.host, self._settings.policy
        )
        attempt.during = "dialogue"

    def _assert(self, pattern: str, actual: str, *, ok: bool) -> None:
        self.assertions.append(
            Assertion(
                f"item {self._number} of the dialogue",
                f"a line matches {quoted(pattern)}",
                quoted(actual) if actual else "nothing",
                ok,
            )
        )

    def _where(self) -> str:
        item = self._settings.dialogue[self._number - 1]
        which = f"item {self._number} of the dialogue"
        if item.starttls:
            return f"{which} begins TLS"
        if item.expect is None:
            return f"{which} was being sent, {self._heard()}"
        return f"{which} waited for {quoted(item.expect)}, {self._heard()}"

    def _heard(self) -> str:
        last, rest = self._lines.last, self._lines.unfinished
        if last is None:
            begun = f"only {quoted(self._shown(rest))} without a line end had come"
            return begun if rest else "nothing had come"
        then = f", then {quoted(self._shown(rest))} without a line end" if rest else ""
        return f"the last line was {quoted(self._shown(last))}{then}"

    def _shown(self, said: bytes) -> str:
        """The beginning of what the peer said, without passwords of ours."""
        return self._settings.scrub(said[:_SHOWN].decode(errors="replace"))
