"""What value does a scalar of the file stand for?

Its references are filled in, secrets are noted, and only what is then still a
plain scalar has another type than text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue
from yaml import ScalarEvent

from prober.config import hidden, scalars
from prober.config.fill import Filled, Filler
from prober.config.hidden import Field, Hidden
from prober.config.tree import Spot, Tree
from prober.secret import FromFile

SHORT = f"a secret under {hidden.SHORT} characters; make it longer"


@dataclass(slots=True)
class Values:
    """`wrong` and `short` wait for whoever knows where the scalar stands."""

    tree: Tree
    filler: Filler
    hidden: Hidden
    allow_unset: bool = False
    wrong: list[str] = field(default_factory=list)
    short: bool = False

    def value(self, event: ScalarEvent, where: Field, spot: Spot | None) -> JsonValue:
        """The value of `event` in a field such as `where`, to be put at `spot`."""
        text, typed = event.value, scalars.is_plain(event)
        complete = True
        if "${" in text:
            filled = self.filler.fill(text)
            self._on_filled(filled, spot)
            text, typed, complete = filled.text, False, not filled.missing
            if filled.secrets:
                text = FromFile(text)
        if where.hides:
            # As written: 0123 is a password of four signs, not the number 123.
            if typed and text in scalars.NULLS:
                return None
            if complete:
                self._note(self.hidden.add(text, where))
            return text
        for userinfo in hidden.userinfos(text) if complete else ():
            self._note(self.hidden.userinfo(userinfo))
        return self._typed(event, text, spot) if typed or event.tag else text

    def hide(self, value: JsonValue, where: Field) -> None:
        """Makes everything in `value` secret; an alias can put it where only secrets stand."""
        pending: list[JsonValue] = [value]
        seen: set[int] = set()
        while pending:
            one = pending.pop()
            if isinstance(one, dict | list):
                if id(one) not in seen:
                    seen.add(id(one))
                    pending.extend(one.values() if isinstance(one, dict) else one)
            elif one is not None:
                self._note(self.hidden.add(str(one), where))

    def _typed(self, event: ScalarEvent, text: str, spot: Spot | None) -> JsonValue:
        if event.tag is None:
            value = scalars.plain(text)
        else:
            try:
                value = scalars.tagged(event.tag, text)
            except ValueError as error:
                self.wrong.append(str(error))
                return text
        if spot is not None and value is not None and not isinstance(value, str):
            self.tree.written[spot] = text
        return value

    def _on_filled(self, filled: Filled, spot: Spot | None) -> None:
        self.wrong.extend(filled.wrong)
        for secret in filled.secrets:
            self._note(self.hidden.add(secret))
        if filled.missing and spot is not None:
            self.tree.unset.add(spot)
        if not self.allow_unset:
            self.wrong.extend(filled.missing)

    def _note(self, long_enough: bool) -> None:
        self.short = self.short or not long_enough
