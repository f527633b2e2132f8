"""Which runs of an earlier life do the rules that look back ask for?

Read by its reader's own connection, check by check, while the agent runs.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass

from pydantic import TypeAdapter

from prober.alerts.past import Ran
from prober.result import Budget, Outcome, Reason

log = logging.getLogger(__name__)

_SINCE = """SELECT started_at, outcome, reason, seconds, {detail},
    iif(outcome = 'down' AND json_valid(detail), json_extract(detail, '$.message'), NULL) FROM results
    WHERE check_name = ? AND started_at >= ? AND started_at < ? AND coalesce(maintenance, '') = ''
    ORDER BY started_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detail:
    """What a window asks of it."""

    budgets: tuple[Budget, ...] = ()


_DETAIL = TypeAdapter(_Detail)


def runs(
    connection: sqlite3.Connection,
    check: str,
    since: float,
    before: float,
    *,
    budgets: bool = False,
) -> list[Ran]:
    """Those that began from `since` on and `before` this life, the oldest first.

    Without those that fell into a maintenance window. `budgets` costs the
    reading of each run's detail.
    """
    query = _SINCE.format(detail="detail" if budgets else "NULL")
    found, wrong = [], 0
    for row in connection.execute(query, (check, since, before)):
        try:
            found.append(_ran(*row))
        except (ValueError, TypeError):
            wrong += 1
    if wrong:
        log.warning("left out %d earlier runs of %s that cannot be read", wrong, check)
    return found


def _ran(
    started_at: float,
    outcome: str,
    reason: str | None,
    seconds: float,
    detail: str | None,
    message: str | None,
) -> Ran:
    return Ran(
        at=started_at + seconds,
        outcome=Outcome(outcome),
        reason=Reason(reason) if reason else None,
        seconds=float(seconds),
        budgets=_DETAIL.validate_json(detail).budgets if detail is not None else (),
        message=message or "",
    )
