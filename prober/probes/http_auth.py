"""Who is asking? What can be written under `auth:`, and what it makes of a request.

Everything here is secret but how it is sent. Basic and Bearer are a header
that is known from the start; for OAuth 2 a token has to be asked first (see
`http_token`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import quote_plus

from pydantic import AfterValidator, model_validator

from prober.check import Model
from prober.probes.address import Url
from prober.probes.http_file import NamedFile
from prober.probes.http_headers import refuse_unsendable
from prober.secret import Given, Secret

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, 3.3
_OURS = ("grant_type", "client_id", "client_secret", "scope")


def _password(value: Secret) -> Secret:
    refuse_unsendable(value.reveal(), "password")
    return value


def _bearer(value: Secret) -> Secret:
    text = value.reveal().strip()
    if not text:
        raise ValueError("bearer is empty; write the token")
    refuse_unsendable(text, "bearer")
    return Secret(text)


def _user(value: Secret) -> Secret:
    if ":" in value.reveal():
        raise ValueError("a username cannot have a colon; HTTP would take the rest for a password")
    refuse_unsendable(value.reveal(), "username")
    return value


def _scopes(value: tuple[str, ...]) -> tuple[str, ...]:
    for scope in value:
        if not _SCOPE.fullmatch(scope):
            raise ValueError(f"{scope!r} is not one scope; write a list of words")
    return value


def _params(value: Mapping[str, Secret]) -> Mapping[str, Secret]:
    for name in value:
        if name in _OURS:
            raise ValueError(f"{name!r} is sent anyway; take it out of params")
    return value


class Basic(Model):
    """A user and a password; without one it is empty."""

    username: Annotated[Secret, AfterValidator(_user)]
    password: Annotated[Given, AfterValidator(_password)] | None = None
    password_file: NamedFile | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file are both there; write one of them")
        return self

    @property
    def pair(self) -> Secret:
        """`user:password`. Raises OwnFault where the password's file cannot be read."""
        password = self.password.reveal() if self.password else ""
        if self.password_file is not None:
            password = self.password_file.text("password_file")
        return Secret(f"{self.username.reveal()}:{password}")


class OAuth2(Model):
    """Client credentials (RFC 6749, 4.4)."""

    token_url: Url
    client_id: Given
    client_secret: Given
    scopes: Annotated[tuple[str, ...], AfterValidator(_scopes)] = ()
    params: Annotated[Mapping[str, Secret], AfterValidator(_params)] = {}
    auth_style: Literal["header", "body"] = "header"

    @model_validator(mode="after")
    def _one_client(self) -> Self:
        if self.token_url.userinfo is not None:
            raise ValueError("token_url has a user in it; client_id and client_secret say who asks")
        return self

    @property
    def pair(self) -> Secret:
        """`id:secret` as a client shows it in a header (RFC 6749, 2.3.1)."""
        known = (self.client_id, self.client_secret)
        return Secret(":".join(quote_plus(one.reveal()) for one in known))


class Auth(Model):
    """Exactly one way to say who is asking."""

    basic: Basic | None = None
    bearer: Annotated[Secret, AfterValidator(_bearer)] | None = None
    oauth2: OAuth2 | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        there = [name for name in ("basic", "bearer", "oauth2") if getattr(self, name) is not None]
        if not there:
            raise ValueError("auth is empty; write one of basic, bearer and oauth2")
        if len(there) > 1:
            raise ValueError(f"{' and '.join(there)} are both there; write one of them")
        return self

    @property
    def header(self) -> Secret | None:
        """The Authorization header; None where a token has to be asked for."""
        if self.basic is not None:
            return basic_header(self.basic.pair)
        return Secret(f"Bearer {self.bearer.reveal()}") if self.bearer is not None else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is to be masked beside the values as they are written."""
        if self.basic is not None:
            pair = self.basic.pair.reveal()
            return (pair, pair.partition(":")[2])
        if self.oauth2 is not None:
            return (self.oauth2.pair.reveal(),)
        return ()


def basic_header(pair: Secret) -> Secret:
    """The header for a `user:password`."""
    return Secret(f"Basic {base64.b64encode(pair.reveal().encode()).decode()}")
