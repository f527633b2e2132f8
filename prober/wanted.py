"""Are the browsers there that the journeys of a config are run in?"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from prober.config.model import Config
from prober.probes import chromium
from prober.probes.journey_options import Channel
from prober.probes.journey_settings import JourneyCheck

log = logging.getLogger(__name__)


class Wanted:
    """`env` is where they are looked for. Says each thing once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._has_said_missing = False
        self._said_unverified: str | None = None

    def missing(self, config: Config) -> str | None:
        """What keeps journeys of this config from being run, if there are any."""
        return chromium.missing(self._env, _channels(config))

    def say(self, config: Config) -> None:
        """What is missing, and what is not as good as it could be."""
        missing = self.missing(config)
        if missing and not self._has_said_missing:
            log.warning("journeys are not run, all other checks are: %s", missing)
        self._has_said_missing = missing is not None
        unverified = chromium.unverified(self._env, _channels(config))
        if unverified and unverified != self._said_unverified:
            log.warning("the vitals of journeys are unverified: %s", unverified)
        self._said_unverified = unverified


def _channels(config: Config) -> set[Channel]:
    """Of the browsers that have to be on this machine."""
    journeys = (one.journey for one in config.checks if isinstance(one, JourneyCheck))
    return {one.browser.channel for one in journeys if one.browser.connect is None}
