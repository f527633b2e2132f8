"""When did an exchange begin, and when did the first and the last byte of its answer come?"""

from __future__ import annotations

from abc import ABC, abstractmethod

from prober.wire.connection import Connection
from prober.wire.failure import Failure


class Course(ABC):
    """One exchange under way, of whatever version: its phases are processing and transfer."""

    __slots__ = ("_began", "_broken", "_connection", "_first", "_last")

    def __init__(self, connection: Connection) -> None:
        connection.attempt.during = "processing"
        self._connection = connection
        self._broken: Failure | None = None  # what came while we were sending
        self._first = self._last = 0.0
        self._began = connection.clock.monotonic()

    @abstractmethod
    def _heed(self, data: bytes) -> None:
        """What has come, b"" for the end. Raises Failure."""

    @abstractmethod
    def _is_answered(self) -> bool:
        """So that nothing more needs to be sent."""

    def _overheard(self, data: bytes) -> bool:
        """While we send. Is there nothing more to say?"""
        try:
            self._heed(data)
        except Failure as failure:
            self._broken = failure
        return self._broken is not None or self._is_answered()

    def _note_first(self) -> None:
        self._first = self._connection.arrived
        self._connection.attempt.during = "transfer"

    def _note_status(self, status: int, version: str) -> None:
        facts = self._connection.attempt.facts
        facts["status_code"] = status
        facts["http_version"] = version

    def close(self) -> None:
        attempt = self._connection.attempt
        end = self._last or self._connection.clock.monotonic()
        attempt.add("processing", (self._first or end) - self._began)
        if self._first:
            attempt.add("transfer", end - self._first)
