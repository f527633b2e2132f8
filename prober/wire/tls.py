"""How TLS is to be spoken, and the contexts that are kept for it."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from prober.wire.failure import OwnFault
from prober.wire.threads import Threads

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD = frozenset({"1.0", "1.1"})


Offer = tuple[str, ...]  # by ALPN, the best first; none where the extension is not sent


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPolicy:
    """How to speak TLS, and whom to trust. Files are PEM; versions are "1.0" to "1.3".

    `server_name` is what SNI asks for and the certificate must be valid for,
    where that is not the host's own name.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
    min_version: str | None = None
    max_version: str | None = None


class Contexts:
    """One SSLContext per policy and offer, made in a thread: the system's CAs take 20 ms to load.

    It is made anew when one of the policy's files has changed, so that a
    renewed client certificate is used without a restart.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._made: dict[_Key, tuple[_Written, asyncio.Future[ssl.SSLContext]]] = {}

    async def get(self, policy: TlsPolicy, offer: Offer = ()) -> ssl.SSLContext:
        """Raises OwnFault where a file of the policy cannot be used."""
        if policy.server_name is not None:
            policy = replace(policy, server_name=None)
        written = tuple(map(_written, (policy.ca_file, policy.cert_file, policy.key_file)))
        key = policy, offer
        kept = self._made.get(key)
        if kept is None or kept[0] != written:
            kept = self._made[key] = written, self._threads.call(partial(_context, *key))
        future = kept[1]
        if not future.done():
            await asyncio.wait((future,))  # which leaves it to others if this one is cancelled
        if future.exception() is not None:
            self._made.pop(key, None)
        return future.result()


_Written = tuple[int, ...]
_Key = tuple[TlsPolicy, Offer]


def _written(file: Path | None) -> int:
    try:
        return file.stat().st_mtime_ns if file is not None else 0
    except OSError:
        return 0


def _context(policy: TlsPolicy, offer: Offer) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if policy.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif policy.ca_file is None:
        context.load_default_certs()
    else:
        _use("ca_file", policy.ca_file, partial(context.load_verify_locations, policy.ca_file))
        # Whatever stands in the file is trusted, an intermediate's certificate too.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if policy.cert_file is not None:
        load = partial(context.load_cert_chain, policy.cert_file, policy.key_file, _no_password)
        _use("cert_file", policy.cert_file, load)
    _set_versions(context, policy)
    if offer:
        context.set_alpn_protocols(offer)
    return context


def _use(field: str, file: Path, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, ssl.SSLError) and error.reason:
            said = error.reason.lower().replace("_", " ")
        raise OwnFault(f"{field} {str(file)!r} cannot be used: {said or error}") from error


def _no_password() -> str:
    """Instead of OpenSSL asking at the terminal."""
    raise ValueError("its key is encrypted; one without a passphrase is needed")


def _set_versions(context: ssl.SSLContext, policy: TlsPolicy) -> None:
    if not _OLD.isdisjoint((policy.min_version, policy.max_version)):
        # OpenSSL 3 has these only at level 0, and Python warns of them; they were asked for.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if policy.max_version is not None:
            context.maximum_version = _VERSIONS[policy.max_version]
            # The default minimum may be above it, and a range without a version fails for ever.
            context.minimum_version = min(context.minimum_version, context.maximum_version)
        if policy.min_version is not None:
            context.minimum_version = _VERSIONS[policy.min_version]
