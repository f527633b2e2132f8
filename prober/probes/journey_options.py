"""Which browser carries a journey, and as what does it present itself?"""

from __future__ import annotations

from typing import Literal, TypeAlias

from prober.check import Model
from prober.secret import Secret

Channel: TypeAlias = Literal[
    "chromium-headless-shell", "chromium", "chrome", "chrome-beta", "msedge"
]
Network: TypeAlias = Literal["slow-3g", "fast-3g", "slow-4g", "fast-4g"]
Keep: TypeAlias = Literal["failure", "always", "never"]


class JourneyBrowser(Model):
    """`connect` is where a browser runs already: a Playwright server, or one that speaks CDP."""

    channel: Channel = "chromium-headless-shell"
    connect: Secret | None = None
