"""Certificates for servers of tests: good ones, and each way to be bad."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


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

    def files(self, *names: str) -> tuple[Path, Path]:
        """A server's chain and key, for one that reads them itself."""
        leaf = self._authority.issue_cert(*names, not_after=datetime(2999, 1, 1, tzinfo=UTC))
        chain, key = self._folder / "chain.pem", self._folder / "leaf.key"
        for number, pem in enumerate(leaf.cert_chain_pems):
            pem.write_to_path(str(chain), append=number > 0)
        leaf.private_key_pem.write_to_path(str(key))
        return chain, key

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

    def unreadable_server(self, name: str, latin: bytes) -> tuple[ssl.SSLContext, str]:
        """Valid for `name` and for bytes that Python cannot decode; and its fingerprint."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._signed(
            x509.CertificateBuilder(
                subject_name=x509.Name([]),
                public_key=key.public_key(),
                serial_number=x509.random_serial_number(),
                not_valid_before=datetime(2020, 1, 1, tzinfo=UTC),
                not_valid_after=datetime(2999, 1, 1, tzinfo=UTC),
            ).add_extension(_alternative_names(name.encode(), latin), critical=False)
        )
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        file = self._folder / "unreadable.pem"
        file.write_bytes(
            leaf.public_bytes(pem)
            + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context, leaf.fingerprint(hashes.SHA256()).hex()

    def _signed(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        own = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        key = serialization.load_pem_private_key(self._authority.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return builder.issuer_name(own.subject).sign(key, hashes.SHA256())

    def client(self) -> tuple[Path, Path]:
        """The files of a client's certificate and key."""
        leaf = self._authority.issue_cert("client@example.com")
        cert, key = self._folder / "client.pem", self._folder / "client.key"
        leaf.cert_chain_pems[0].write_to_path(str(cert))
        leaf.private_key_pem.write_to_path(str(key))
        return cert, key


def _alternative_names(*names: bytes) -> x509.UnrecognizedExtension:
    """As the DER that it is, so that the names may be any bytes."""
    written = b"".join(b"\x82" + bytes((len(name),)) + name for name in names)
    return x509.UnrecognizedExtension(
        x509.oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30" + bytes((len(written),)) + written
    )
