"""Do the TLS files that a check names load, and does the key belong to the certificate?"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import NamedTuple

from pydantic import BaseModel

from prober.config.desk import Desk, Raw, at
from prober.config.shape import file_places
from prober.config.tree import Path


class _File(NamedTuple):
    path: str
    digest: str  # so that what was found once holds as long as the file stays as it is


def look_into(desk: Desk, model: type[BaseModel], raw: Raw, *places: Path) -> None:
    """Reports every TLS file in `raw`, which names them by their whole path, that is of no use."""
    for group in dict.fromkeys(field[:-1] for field in file_places(model, raw)):
        ca, cert, key = (
            _file(desk, raw, (*group, f"{name}_file")) for name in ("ca", "cert", "key")
        )
        if ca and (said := _certificates(ca)):
            _report(desk, (*group, "ca_file"), said, *places)
        if cert and (said := _certificates(cert)):
            _report(desk, (*group, "cert_file"), said, *places)
        elif cert and (key or not at(raw, (*group, "key_file"))) and (said := _pair(cert, key)):
            _report(desk, (*group, "key_file" if key else "cert_file"), said, *places)


def _file(desk: Desk, raw: Raw, field: Path) -> _File | None:
    """None for one that is not named, or cannot be read."""
    name = at(raw, field)
    digest = desk.files.hashes.get(name) if isinstance(name, str) else None
    return _File(str(name), digest) if digest else None


def _report(desk: Desk, field: Path, said: str, *places: Path) -> None:
    name = desk.report.locate(field, places).value
    desk.report.error(field, f"{name!r} {said}", *places)


@lru_cache(maxsize=256)
def _certificates(file: _File) -> str:
    """What is wrong with it; nothing where it holds a certificate."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file.path)
    except (OSError, ValueError):
        return "has no certificate that can be read; name a PEM file with one"
    return ""


@lru_cache(maxsize=256)
def _pair(cert: _File, key: _File | None) -> str:
    """What is wrong with the key of `cert`, which is in the same file where there is no `key`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_cert_chain(cert.path, key and key.path, _refuse_passphrase)
    except _NeedsPassphrase:
        return "has a key with a passphrase; name one without"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "is not the key of the certificate in cert_file; name that certificate's"
        if error.reason:
            return f"cannot be used, {error.reason.lower().replace('_', ' ')}; name a better one"
    except OSError:
        pass
    else:
        return ""
    where = "name a PEM file with one" if key else "name its key_file"
    return f"has no private key that can be read; {where}"


class _NeedsPassphrase(Exception):
    pass


def _refuse_passphrase() -> str:
    """Instead of OpenSSL asking at the terminal."""
    raise _NeedsPassphrase
