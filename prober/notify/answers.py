"""What does it mean that a receiver did not accept, and how is it said?

400, 413 and 422 say that this message will never be right, and are permanent.
408, 425, 429, 5xx and whatever goes wrong on the way is worth another try for a
day. Any other answer, a redirect too, is so for some minutes, since that is how a
login page before the receiver, an ingress or a token that is being replaced looks.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from prober.errors import DeliveryError
from prober.wire.failure import words

AGAIN = frozenset({408, 425})  # and every 5xx
REFUSED = frozenset({400, 413, 422})
TOO_MANY, UNAVAILABLE = 429, 503
RETRY_AFTER_AT_MOST = 3600.0
_NUMBER = re.compile(r"^\[Errno -?\d+\] ")


class TurnedAway(DeliveryError):
    """Whoever answers does not know us or the address: permanent only if it lasts."""


class Busy(DeliveryError):
    """The receiver wants nothing of us for a while, whatever it is about: for `retry_after`, if it says so."""


def meaning(status: int, message: str, wish: float | None) -> DeliveryError:
    """By the status alone; `wish` is what its Retry-After says."""
    if status == TOO_MANY or (status == UNAVAILABLE and wish is not None):
        return Busy(message, retry_after=wish)
    if status in AGAIN or status >= 500:
        return DeliveryError(message, retry_after=wish)
    if status in REFUSED:
        return DeliveryError(message, permanent=True)
    return TurnedAway(message, retry_after=wish)


def alike(error: DeliveryError, message: str) -> DeliveryError:
    """What `error` means, in other words."""
    match error:
        case Busy():
            return Busy(message, retry_after=error.retry_after)
        case TurnedAway():
            return TurnedAway(message, retry_after=error.retry_after)
        case _:
            wish = error.retry_after
            return DeliveryError(message, permanent=error.permanent, retry_after=wish)


def cause(error: BaseException) -> str:
    """What the network said, as of a check; the libraries in between tend to say little."""
    said = ""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and _is_plain(seen):
            return words(seen)
        said = said or str(seen)
        several = seen.exceptions if isinstance(seen, BaseExceptionGroup) else ()
        seen = several[0] if several else seen.__cause__ or seen.__context__
    return _NUMBER.sub("", str(error) or said) or type(error).__name__


def _is_plain(error: OSError) -> bool:
    """Of a connection: not of a file, and with no numbers of a resolver's or of TLS."""
    builtin = type(error).__module__ == OSError.__module__
    return builtin and bool(error.errno) and error.filename is None


def without_answer(message: str) -> str:
    """A message less what a receiver said: request ids in it are no news."""
    return re.sub(r", saying (['\"]).*?\1(?=;|$)", "", message)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds from now, at most an hour; the header is a number of them or an HTTP date."""
    if value is None:
        return None
    try:
        wish = float(value) if value.strip().isdigit() else _moment(value) - now
    except (ValueError, TypeError):
        return None
    return min(max(0.0, wish), RETRY_AFTER_AT_MOST)


def _moment(value: str) -> float:
    date = parsedate_to_datetime(value)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
