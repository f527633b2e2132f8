"""TLS without a socket: bytes of the peer's in, bytes for the peer out."""

from __future__ import annotations

import ssl

from prober.result import Reason
from prober.wire.failure import QUOTED, Failure, quoted

_RECORDS = range(0x14, 0x18)  # the first byte of a TLS record; the second is 3

_UNWELCOME = "the server does not accept the client certificate"
_MEANT = {
    "protocol version": "the server speaks no version of TLS that is allowed here",
    "handshake failure": "the server shares no cipher with us, or wants a client certificate",
    "certificate required": "the server wants a client certificate",
    "bad certificate": _UNWELCOME,
    "certificate unknown": _UNWELCOME,
    "certificate expired": _UNWELCOME,
    "certificate revoked": _UNWELCOME,
    "unsupported certificate": _UNWELCOME,
    "unknown ca": _UNWELCOME,
    "unrecognized name": "the server does not know the name that it was asked for",
}


class Unverified(Failure):
    """The peer's certificate is not accepted; `code` is OpenSSL's X509_V_ERR number.

    `tls` still holds the chain that was turned down, from OpenSSL 3 on.
    """

    def __init__(self, code: int, message: str, tls: ssl.SSLObject) -> None:
        super().__init__(Reason.CERTIFICATE, message)
        self.code = code
        self.tls = tls


class Session:
    """The client's side of one TLS connection. `tls` tells of versions and certificates.

    `cut_short` once the connection has ended without the peer's goodbye.
    """

    __slots__ = ("_first", "_incoming", "_outgoing", "cut_short", "tls")

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._first = b""
        self.cut_short = False
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name.encode()
        )

    @property
    def protocol(self) -> str:
        """What ALPN has chosen; without a choice it is HTTP/1.1 that is spoken."""
        return self.tls.selected_alpn_protocol() or "http/1.1"

    def feed(self, data: bytes) -> None:
        """Bytes of the peer's; b"" is its end."""
        if not self._first:
            self._first = data[: QUOTED + 1]
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def outgoing(self) -> bytes:
        """What has to be sent to the peer now; b"" for nothing."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """One step; True when it is done. Raises Failure, Unverified for the certificate."""
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise Unverified(error.verify_code, error.verify_message, self.tls) from error
        except ssl.SSLError as error:
            raise Failure(Reason.TLS, self._why(error)) from error

    def encrypt(self, data: bytes | memoryview) -> bytes:
        try:
            self.tls.write(data)
        except ssl.SSLError as error:
            raise Failure(Reason.TLS, _said(error)) from error
        return self._outgoing.read()

    def decrypt(self, limit: int) -> bytes | None:
        """Plain bytes, b"" at the end, None when more of the peer's are needed."""
        try:
            return self.tls.read(limit)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLEOFError:
            self.cut_short = True  # whoever reads knows whether something is missing
            return b""
        except ssl.SSLError as error:
            raise Failure(Reason.TLS, _said(error)) from error

    def _why(self, error: ssl.SSLError) -> str:
        if self._first and not _is_record(self._first):
            return f"the server does not speak TLS, it said {quoted(self._first)}"
        if isinstance(error, ssl.SSLEOFError):
            return "the server closed the connection during the TLS handshake"
        return _said(error)


def _is_record(data: bytes) -> bool:
    return data[0] in _RECORDS and data[1:2] in (b"\x03", b"")


def _said(error: ssl.SSLError) -> str:
    """OpenSSL names an alert of the peer's `TLSV1_ALERT_PROTOCOL_VERSION`."""
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if " alert " in reason:
        alert = reason.partition(" alert ")[2]
        meant = f"{_MEANT[alert]}: it" if alert in _MEANT else "the server"
        return f"{meant} ended TLS with the alert {alert!r}"
    return f"TLS failed: {reason}"
