"""How is a family of series written as text?

One family is its head (help and type) and, per check, the ready lines of that
check. Both formats share the lines, but for the exemplars that only OpenMetrics
knows; and the head of a counter differs.

The checks are in groups, so that what has not changed since the last scrape
need not be packed again. A group is of checks that run one after the other
(`schedule.share`): between two scrapes whole groups stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prober.export.pack import Packed, packed
from prober.schedule import share
from prober.series import escape

GROUPS = 16

_SPECIAL = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def number(value: float) -> str:
    """The shortest text that reads back as `value`; whole numbers without a point."""
    text = repr(value + 0.0)  # an int or a bool becomes a float, as it is to Prometheus
    if text[-2:] == ".0":
        return text[:-2]
    return text if text[-1] not in "fn" else _SPECIAL[text]


def label_pairs(**labels: str) -> str:
    """Label text as it stands between braces; a label without a value is left out."""
    return ",".join(f'{name}="{escape(value)}"' for name, value in labels.items() if value)


def group_of(check: str) -> int:
    return int(share(check) * GROUPS)


class Lines(dict[str, str]):
    """The lines of one family and one group, by check, each line ended by a newline."""

    __slots__ = ("_is_stale", "_packed")

    def __init__(self) -> None:
        super().__init__()
        self._is_stale = True
        self._packed = packed(b"")

    def put(self, check: str, text: str) -> None:
        """Replaces the lines of a check; "" takes them away."""
        if self.get(check, "") == text:
            return
        if text:
            self[check] = text
        else:
            del self[check]
        self._is_stale = True

    def text(self, openmetrics: bool = False) -> bytes:
        return "".join(self.values()).encode(errors="replace")

    def packed(self, openmetrics: bool = False) -> Packed:
        """May be called from the one thread that packs: what is put meanwhile is for the next time."""
        if self._is_stale:
            self._is_stale = False
            self._packed = packed(self.text(openmetrics))
        return self._packed


class TwofoldLines(Lines):
    """The same where the lines are OpenMetrics', and `plain` makes those of the other format of them."""

    __slots__ = ("_is_plain_stale", "_plain", "_plain_packed")

    def __init__(self, plain: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._plain = plain
        self._is_plain_stale = True
        self._plain_packed = packed(b"")

    def put(self, check: str, text: str) -> None:
        super().put(check, text)
        self._is_plain_stale = True

    def text(self, openmetrics: bool = False) -> bytes:
        whole = super().text(openmetrics)
        return whole if openmetrics else self._plain(whole)

    def packed(self, openmetrics: bool = False) -> Packed:
        if openmetrics:
            return super().packed(openmetrics)
        if self._is_plain_stale:
            self._is_plain_stale = False
            self._plain_packed = packed(self.text(openmetrics))
        return self._plain_packed


class Family:
    """All series of one name; `plain` is how lines that are written as OpenMetrics' are made plain."""

    __slots__ = ("_help", "_type", "groups", "name")

    def __init__(
        self,
        name: str,
        type_: str,
        help_text: str,
        plain: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.name = name
        self._type = type_
        self._help = help_text
        self.groups = tuple(
            Lines() if plain is None else TwofoldLines(plain) for _ in range(GROUPS)
        )

    def head(self, openmetrics: bool) -> str:
        name, text = self.name, self._help.replace("\\", "\\\\").replace("\n", "\\n")
        if openmetrics:
            name, text = name.removesuffix("_total"), escape(self._help)
        return f"# HELP {name} {text}\n# TYPE {name} {self._type}\n"

    def texts(self, openmetrics: bool) -> Iterator[bytes]:
        """The head and the lines, group by group; nothing where no check has lines."""
        if any(self.groups):
            yield self.head(openmetrics).encode()
            yield from (lines.text(openmetrics) for lines in self.groups if lines)

    def parts(self, openmetrics: bool) -> Iterator[Packed]:
        """The same, packed."""
        if any(self.groups):
            yield packed(self.head(openmetrics).encode())
            yield from (lines.packed(openmetrics) for lines in self.groups if lines)

    def pack(self) -> None:
        """Whatever is not packed yet, for both formats: `parts` has it then."""
        for lines in self.groups:
            for openmetrics in (True, False):
                lines.packed(openmetrics)
