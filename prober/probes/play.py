"""How is a journey played when its author looks on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR")


@dataclass(frozen=True, slots=True)
class Play:
    """As an agent does it, unless said otherwise. `slow_mo` is in seconds between two actions."""

    headless: bool = True
    slow_mo: float = 0.0
    debug: bool = False

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """What a journey's process needs of `env` beside what it gets always."""
        if self.headless and not self.debug:
            return {}
        shown = {name: env[name] for name in _DISPLAY if name in env}
        if "HOME" in env:  # where X looks for it; a journey has a home of its own
            shown.setdefault("XAUTHORITY", f"{env['HOME']}/.Xauthority")
        return {**shown, "PWDEBUG": "1"} if self.debug else shown


UNATTENDED = Play()
