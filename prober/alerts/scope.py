"""Which checks are meant? By their names, kinds, regions and labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from prober.check import LabelName, Model


def listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


# A scalar is a list of one; an empty list could never match, so it is a mistake.
OneOf = Annotated[tuple[str, ...], BeforeValidator(listed), Field(min_length=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(listed)]  # of notifiers; may be none


class Scope(Model):
    """Keys are ANDed, the items of a list ORed; no keys mean everything."""

    labels: Mapping[LabelName, OneOf] = {}
    checks: OneOf | None = None
    kinds: OneOf | None = None
    regions: OneOf | None = None

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether a check, or an alert of one, with these labels (ours among them) is meant."""
        wanted = {"check": self.checks, "kind": self.kinds, "region": self.regions}
        return all(
            items is None or labels.get(name) in items for name, items in wanted.items()
        ) and all(labels.get(name) in items for name, items in self.labels.items())


def labels_of(region: str, check: str, kind: str, labels: Mapping[str, str]) -> dict[str, str]:
    """A check's own labels and ours, as its alerts have them; make them once, not at every run."""
    return {**labels, "check": check, "kind": kind, "region": region}
