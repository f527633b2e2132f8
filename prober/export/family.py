"""How is a family of series written as text?

One family is its head (help and type) and, per check, the ready lines of that
check. Both formats share the lines; only the head of a counter differs.
"""

from __future__ import annotations

from prober.series import escape

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


class Family:
    """All series of one name. `lines` maps a check to its lines, each ended by a newline."""

    __slots__ = ("_help", "_type", "lines", "name")

    def __init__(self, name: str, type_: str, help_text: str) -> None:
        self.name = name
        self._type = type_
        self._help = help_text
        self.lines: dict[str, str] = {}

    def head(self, openmetrics: bool) -> str:
        name, text = self.name, self._help.replace("\\", "\\\\").replace("\n", "\\n")
        if openmetrics:
            name, text = name.removesuffix("_total"), escape(self._help)
        return f"# HELP {name} {text}\n# TYPE {name} {self._type}\n"
