"""How is the process of an agent set up, before it probes anything?"""

from __future__ import annotations

import gc
import logging
import resource
import sys

MOST_FILES = 1 << 20
THREAD_TURN = 0.0005  # seconds that another thread of ours may keep the loop waiting at a time
GARBAGE = (10_000, 5, 200)  # much at a time stops the loop for 50 ms, and often for 10 each

log = logging.getLogger(__name__)


def prepare() -> None:
    _raise_file_limit()
    sys.setswitchinterval(THREAD_TURN)
    gc.set_threshold(*GARBAGE)


def settle_down() -> None:
    """All that is here now stays: no collection needs to look at it again."""
    gc.collect()
    gc.freeze()


def sweep() -> None:
    """What has become garbage lately; where little happens it would come to that after hours."""
    gc.collect(0)


def _raise_file_limit() -> None:
    """A probe is a socket: take as many as we may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning("the limit of open files stays at %d: %s", soft, error)
