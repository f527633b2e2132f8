"""What do the rules of a config become for one check, and what is wrong with its own?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue, ValidationError

from prober.alerts.rules import DEFAULT_RULES, DEFAULT_SEVERITIES, EffectiveRule, Rule, effective
from prober.check import Check, Model
from prober.config.report import Report
from prober.config.tree import Path

# For a rule that is wrong itself: what refers to it is not wrong for that.
STAND_IN = DEFAULT_RULES["down"]


class _Rules(Model):
    """Where a mistake in a check's own rules stands."""

    alerts: Mapping[str, Rule] = {}


class Overrides:
    """The rules of one check; every mistake in its own is reported at one of `places`."""

    def __init__(self, report: Report, check: Check, places: Sequence[Path]) -> None:
        self._report = report
        self._severity = check.severity
        self._places = places
        self._own: dict[str, Mapping[str, JsonValue] | None] = dict(check.alerts)

    def on(
        self, rules: Mapping[str, Rule] | None, severities: Sequence[str] | None
    ) -> tuple[EffectiveRule, ...]:
        """Nothing where one is wrong. None for `rules` or `severities`: these are wrong themselves."""
        base = dict.fromkeys(self._own, STAND_IN) if rules is None else dict(rules)
        known = self._words() if severities is None else severities
        while True:
            try:
                return effective(base, self._own, self._severity, known)
            except ValidationError as error:
                self._report.invalid(error, _Rules, self._places)
                strange = [one["loc"] for one in error.errors() if one["type"] == "override"]
                if not strange:
                    return ()
                for _, *rest in strange:
                    self._put_aside(*map(str, rest), base=base)

    def _put_aside(self, name: str, *key: str, base: dict[str, Rule]) -> None:
        """A wrong word hides what else is wrong with the rule, which is seen without it."""
        own = self._own[name]
        if own is None:
            del self._own[name]
        elif key:
            self._own[name] = {word: value for word, value in own.items() if word not in key}
        else:  # its name is wrong: as if it were there already
            base[name] = STAND_IN

    def _words(self) -> Sequence[str]:
        """Every severity that is written counts."""
        written = (own.get("severity") for own in self._own.values() if own)
        return tuple(word for word in written if isinstance(word, str)) or DEFAULT_SEVERITIES
