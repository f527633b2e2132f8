"""Certificates for servers of tests: good ones, and each way to be bad."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import trustme


class Authority:
    """A certificate authority that clients trust through `ca_file`."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def server(
        self,
        *names: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> ssl.SSLContext:
        leaf = self._authority.issue_cert(
            *(names or ("localhost", "127.0.0.1")),
            not_before=not_before,
            not_after=not_after or datetime(2999, 1, 1, tzinfo=UTC),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    def server_that_asks(self) -> ssl.SSLContext:
        """For a client's certificate."""
        context = self.server()
        context.verify_mode = ssl.CERT_REQUIRED
        self._authority.configure_trust(context)
        return context

    def self_signed_server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = trustme.CA(key_type=trustme.KeyType.ECDSA)
        own_file = self._folder / "self-signed.pem"
        own.private_key_pem.write_to_path(str(own_file))
        own.cert_pem.write_to_path(str(own_file), append=True)
        context.load_cert_chain(own_file)
        return context

    def client(self) -> tuple[Path, Path]:
        """The files of a client's certificate and key."""
        leaf = self._authority.issue_cert("client@example.com")
        cert, key = self._folder / "client.pem", self._folder / "client.key"
        leaf.cert_chain_pems[0].write_to_path(str(cert))
        leaf.private_key_pem.write_to_path(str(key))
        return cert, key
