"""How is a TLS server to be verified, and who are we to it?"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prober.check import Model
from prober.probes.address import valid_host
from prober.wire.tls import TlsPolicy


def _version(value: object) -> object:
    return str(value) if isinstance(value, float) else value


Version = Annotated[Annotated[str, Field(pattern=r"^1\.[0-3]$")] | None, BeforeValidator(_version)]


class TlsSettings(Model):
    """How a TLS server is to be verified, and who we are to it."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: Annotated[str, AfterValidator(valid_host)] | None = None
    insecure_skip_verify: bool = False
    min_version: Version = None
    max_version: Version = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("key_file stands without cert_file; write both, or neither")
        least, most = self.min_version, self.max_version
        if least and most and least > most:
            raise ValueError(f"min_version {least} is above max_version {most}; swap them")
        return self

    @cached_property
    def policy(self) -> TlsPolicy:
        return TlsPolicy(
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            server_name=self.server_name,
            insecure_skip_verify=self.insecure_skip_verify,
            min_version=self.min_version,
            max_version=self.max_version,
        )

    @cached_property
    def policy_elsewhere(self) -> TlsPolicy:
        """For other hosts: they are verified alike, but are not who was named, nor told who we are."""
        return replace(self.policy, cert_file=None, key_file=None, server_name=None)
