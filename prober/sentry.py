"""Where do the agent's own faults go besides the log? To Sentry, where SENTRY_DSN names one.

Only what is logged with a traceback of ours, without the values of variables,
and with the secrets taken out. A target that is down is no fault of the agent's
and never goes there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from prober import __version__
from prober.secret import Scrubber

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

FLUSH_WITHIN = 2.0  # seconds, where the process is about to end
OURS = "prober"

log = logging.getLogger(__name__)


def set_up(dsn: str, scrub: Scrubber | None = None) -> None:
    """From now on faults go to `dsn`, without what `scrub` knows; "" for nowhere."""
    ours = logging.getLogger(OURS)
    known = next((one for one in ours.handlers if isinstance(one, _Faults)), None)
    if known is not None:
        known.scrub = scrub or known.scrub
    elif dsn.strip():
        faults = _Faults(scrub or Scrubber())
        if _begun(dsn.strip(), faults):
            ours.addHandler(faults)


class _Faults(logging.Handler):
    """Of the log's records those that are a fault of ours."""

    def __init__(self, scrub: Scrubber) -> None:
        super().__init__(logging.ERROR)
        self.scrub = scrub

    def emit(self, record: logging.LogRecord) -> None:
        import sentry_sdk

        if not record.exc_info or record.exc_info[1] is None:
            return
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("logger", record.name)
            scope.set_extra("message", record.getMessage())
            scope.set_level("fatal" if record.levelno >= logging.CRITICAL else "error")
            scope.capture_exception(record.exc_info)
        if record.levelno >= logging.CRITICAL:
            sentry_sdk.flush(FLUSH_WITHIN)

    def scrubbed(self, event: Event, _: Hint) -> Event:
        for name in [*event]:
            event[name] = self._clean(event[name])  # type: ignore[literal-required] # whatever it holds
        return event

    def _clean(self, value: object) -> object:
        match value:
            case str():
                return self.scrub(value)
            case Mapping():
                return {name: self._clean(one) for name, one in value.items()}
            case list() | tuple():
                return [self._clean(one) for one in value]
            case _:
                return value


def _begun(dsn: str, faults: _Faults) -> bool:
    if find_spec("sentry_sdk") is None:
        _warn("SENTRY_DSN is set, but not used; run pip install 'prober[sentry]'")
        return False
    import sentry_sdk
    from sentry_sdk.utils import BadDsn

    try:
        sentry_sdk.init(
            dsn=dsn,
            release=f"prober@{__version__}",
            before_send=faults.scrubbed,
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
            include_source_context=False,
            send_default_pii=False,
            max_breadcrumbs=0,
            max_value_length=4096,
        )
    except BadDsn:
        _warn("SENTRY_DSN is set, but is no DSN; write https://KEY@HOST/PROJECT")
        return False
    return True


@cache
def _warn(said: str) -> None:
    """Once, however often the log is set up."""
    log.warning(said)
