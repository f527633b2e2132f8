"""What has come of an HTTP/2 response so far, and what is to be said to it? Without any I/O.

h2 knows the frames and their order. It is handed one frame at a time, so that
nothing that comes after the answer can spoil it, and never a GOAWAY: it would
take no answer after one, where a server that goes away still owes us ours.
"""

from __future__ import annotations

import re

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import DenialOfServiceError, H2Error, InvalidBodyLengthError, ProtocolError
from h2.settings import SettingCodes, Settings
from hpack.exceptions import HPACKError
from hyperframe.exceptions import HyperframeError

from prober.result import Reason
from prober.wire.failure import QUOTED, Failure, OwnFault, quoted
from prober.wire.http1 import Limits, Lines, Request
from prober.wire.payload import Payload, show_size

_OURS = 1  # the number of our only stream
_WINDOW = 1 << 24  # bytes under way to us: no answer waits for leave to be sent
_DEFAULT_WINDOW = 65535
_AT_ONCE = 1 << 18  # bytes of a request's body to hand out at once
_HEAD, _MOST_PAYLOAD = 9, 16384  # bytes of a frame
_MOST_HEADERS = 1000
_MOST_ASIDE = 1000  # frames without progress
_PER_HEADER = 32  # bytes that HPACK adds to each when it measures them
_SHOWN = 120  # characters of what h2 says
_KINDS = (
    *("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS"),
    *("PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"),
)
_SETTINGS, _GOAWAY = _KINDS.index("SETTINGS"), _KINDS.index("GOAWAY")
_STATUS = re.compile(rb"[2-9]\d\d")
_LENGTH = re.compile(r"[0-9]{1,18}")
_OF_THE_CONNECTION = frozenset(
    {
        *("host", "connection", "keep-alive", "proxy-connection", "transfer-encoding"),
        *("upgrade", "http2-settings", "te"),
    }
)

Fields = list[tuple[bytes, bytes]]


class Stream:
    """One request and its answer, which is whole once `done`. Raises Failure.

    `begun` once something of the answer has come; `unsent` while there is more
    of the request than the peer has given leave for, or than was handed out.
    """

    def __init__(self, request: Request, stamps: Lines, limits: Limits) -> None:
        self.status = 0
        self.headers: Lines = ()
        self.wire_length: int | None = None
        self.begun = False
        self.done = False
        self.payload = Payload(limits.body)
        self._limit = limits.head
        self._settled = False  # it has said how it wants to be spoken to
        self._bodiless = request.method == "HEAD"
        self._fields = 0  # bytes of all headers
        self._came = 0  # bytes of the body
        self._aside = 0  # frames since something came of the body, or was said of the request
        self._held = bytearray()  # less than a frame
        self._rest = memoryview(request.body)
        self._h2 = _opened(limits)
        try:
            self._h2.send_headers(_OURS, _fields(request, stamps), end_stream=not request.body)
        except ProtocolError:  # which may quote what is secret
            raise OwnFault("the head of the request cannot be told in HTTP/2") from None

    @property
    def unsent(self) -> bool:
        return bool(self._rest)

    def outgoing(self) -> bytes:
        """The next that is to be sent; b"" for nothing before the peer has said more."""
        budget = _AT_ONCE
        while self._rest and (size := min(budget, len(self._rest), self._leave())) > 0:
            last = size == len(self._rest)
            self._h2.send_data(_OURS, self._rest[:size].tobytes(), end_stream=last)
            self._rest = self._rest[size:]
            self._aside = 0
            budget -= size
        return self._h2.data_to_send()

    def _leave(self) -> int:
        """Bytes of the body that may be said in one frame."""
        return min(self._h2.local_flow_control_window(_OURS), self._h2.max_outbound_frame_size)

    def feed(self, data: bytes) -> None:
        """Bytes of the peer's; what comes after the answer is not looked at."""
        self._held += data
        while not self.done and (frame := self._next()):
            self._heed(frame)

    def _next(self) -> bytes:
        held = self._held
        if len(held) < _HEAD:
            return b""
        size = int.from_bytes(held[:3], "big")
        if not self._settled and held[3] != _SETTINGS:
            raise self._not_http2(bytes(held[: QUOTED + 1]))
        if size > _MOST_PAYLOAD:
            raise self._broken(f"a frame of {size} bytes")
        if len(held) < _HEAD + size:
            return b""
        frame = bytes(held[: _HEAD + size])
        del held[: _HEAD + size]
        return frame

    def _heed(self, frame: bytes) -> None:
        kind = frame[3]
        self._settled = True
        self._aside += 1
        if self._aside > _MOST_ASIDE:
            name = _KINDS[kind] if kind < len(_KINDS) else f"unknown ({kind})"
            said = f"the server sends frames without an answer in them, the last {name}"
            raise Failure(Reason.PROTOCOL, f"{said}: over {_MOST_ASIDE} {self.progress}")
        if kind == _GOAWAY:
            self._let_go(frame[_HEAD:])
            return
        try:
            events = self._h2.receive_data(frame)
        except InvalidBodyLengthError as error:
            if self._bodiless and not error.actual_length:
                self.done = True  # an empty frame more than needed
                return
            said = f"its body has {error.actual_length} bytes and not {error.expected_length}"
            raise Failure(Reason.PROTOCOL, f"the answer is not what it says: {said}") from error
        except DenialOfServiceError as error:
            raise self._endless() from error
        except (H2Error, HPACKError, HyperframeError) as error:
            said = str(error)  # of some, only the number of a stream
            why = type(error).__name__ if not said or said.isdigit() else said
            raise self._broken(why) from error
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived(headers=headers):
                self._take_head(list(headers or ()))
            case InformationalResponseReceived(headers=headers) | TrailersReceived(headers=headers):
                self._measure(list(headers or ()))
            case DataReceived(data=data, flow_controlled_length=size):
                self._take_body(data or b"", size or 0)
            case StreamEnded():
                self._end()
            case StreamReset(error_code=code):
                said = f"the server reset the stream with {_named(code)} {self.progress}"
                raise Failure(Reason.PROTOCOL, said)
            case _:
                pass  # h2 has seen to it

    def _measure(self, fields: Fields) -> None:
        self.begun = True
        self._fields += sum(len(name) + len(value) + 4 for name, value in fields)
        if self._fields > self._limit:
            raise self._endless()
        if len(fields) > _MOST_HEADERS:
            raise Failure(Reason.PROTOCOL, f"there are more than {_MOST_HEADERS} headers")

    def _take_head(self, fields: Fields) -> None:
        self._measure(fields)
        status = next((value for name, value in fields if name == b":status"), b"")
        if not _STATUS.fullmatch(status):
            raise self._broken(f"its status is {quoted(status)}" if status else "it has no status")
        self.status = int(status)
        self.headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1").strip())
            for name, value in fields
            if not name.startswith(b":")
        )
        for name, value in self.headers:
            if name == "content-length":
                if not _LENGTH.fullmatch(value):  # h2 does not look at it where it answers a HEAD
                    raise self._broken(f"its content-length is {quoted(value.encode())}")
                self.wire_length = int(value)
            elif name == "content-encoding":
                self.payload.coded(value)
        self._bodiless = self._bodiless or self.status in (204, 304)
        if not self._bodiless:
            self.payload.expect(self.wire_length or 0)

    def _take_body(self, data: bytes, size: int) -> None:
        self._came += len(data)
        self.payload.pieces.append(data)
        self._h2.acknowledge_received_data(size, _OURS)
        if data:
            self._aside = 0

    def _end(self) -> None:
        if not self._bodiless and self._came < (self.wire_length or 0):
            raise Failure(Reason.PROTOCOL, f"the answer is cut off {self.progress}")
        self.done = True

    def _let_go(self, payload: bytes) -> None:
        """The server goes: after our answer, if it says that it has heard us."""
        last, code = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF, payload[4:8]
        why = _named(int.from_bytes(code, "big"))
        if why != ErrorCodes.NO_ERROR.name or last < _OURS:
            said = f"the server ended the connection with GOAWAY, {why}"
            detail = f", {quoted(payload[8:])}" if payload[8:] else ""
            raise Failure(Reason.PROTOCOL, f"{said}{detail}, {self.progress}")

    def end(self) -> None:
        """The peer has closed the connection, with its goodbye or without it."""
        said = "the answer is cut off" if self.begun else "the server closed the connection"
        raise Failure(Reason.PROTOCOL, f"{said} {self.progress}")

    @property
    def progress(self) -> str:
        """How far it has come, as the end of a sentence."""
        if not self.status:
            return "without an answer"
        of = "" if self.wire_length is None else f" of {self.wire_length}"
        return f"after {self._came}{of} bytes of the body"

    def _endless(self) -> Failure:
        return Failure(Reason.PROTOCOL, f"the headers are larger than {show_size(self._limit)}")

    def _broken(self, why: str) -> Failure:
        return Failure(Reason.PROTOCOL, f"the answer is not valid HTTP/2: {why[:_SHOWN]}")

    def _not_http2(self, data: bytes) -> Failure:
        said = f"the answer is not HTTP/2, which was agreed upon: it begins with {quoted(data)}"
        return Failure(Reason.PROTOCOL, said)


def _opened(limits: Limits) -> H2Connection:
    # Browsers take what breaks the finer rules of names and values, so it is no outage.
    h2 = H2Connection(H2Configuration(client_side=True, validate_inbound_headers=False))
    h2.local_settings = Settings(
        client=True,
        initial_values={
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.head,
        },
    )
    h2.decoder.max_header_list_size = limits.head + _PER_HEADER * _MOST_HEADERS
    h2.initiate_connection()
    h2.increment_flow_control_window(_WINDOW - _DEFAULT_WINDOW)
    return h2


def _fields(request: Request, stamps: Lines) -> Fields:
    """The head as HTTP/1.1 would send it, told in HTTP/2."""
    lines = request.head.decode().split("\r\n")[1:-1]
    given = [
        (name.lower(), value.strip()) for name, _, value in (ln.partition(":") for ln in lines)
    ]
    host = next((value for name, value in given if name == "host"), "")
    first = ((":method", request.method), (":scheme", "https"), (":path", request.target))
    rest = [(name, value) for name, value in given if name and name not in _OF_THE_CONNECTION]
    rest += [(name.lower(), value) for name, value in stamps]
    fields = (*first, (":authority", host), *rest)
    return [(name.encode(), value.encode()) for name, value in fields]


def _named(code: ErrorCodes | int | None) -> str:
    try:
        return ErrorCodes(code or 0).name
    except ValueError:
        return f"error {code}"
