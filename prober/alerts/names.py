"""What is an alert called outside, and is that name still free?"""

from __future__ import annotations

import re
from collections.abc import Iterable

# The agent's own alerts are kept like rules, under these names.
OWN = ("agent-fault", "offline", "orphans", "undelivered", "store")
# What Prometheus is given to watch.
GENERATED = ("quorum-down", "regional-issue", "region-lost", "region-absent", "stuck", "blind", "SLO-burn", "certificate", "budget")  # fmt: skip


def alertname(rule: str) -> str:
    """`down` → ProberDown, `slow-checkout` → ProberSlowCheckout."""
    words = re.split(r"[^A-Za-z0-9]+", rule)
    return "Prober" + "".join(word[:1].upper() + word[1:] for word in words)


_TAKEN = {
    alertname(name).lower(): (alertname(name), whose)
    for names, whose in (
        (OWN, "the agent's own alert"),
        (GENERATED, "an alert of the generated Prometheus rules"),
    )
    for name in names
}


def clash(rule: str, others: Iterable[str]) -> str | None:
    """Why a rule cannot be called so beside `others`; None where it can."""
    mine = alertname(rule)
    if (taken := _TAKEN.get(mine.lower())) is not None:
        name, whose = taken
        return f"{rule!r} is {name}, which is {whose}; choose another name"
    for other in others:
        if other != rule and alertname(other) == mine:
            return f"{rule!r} and {other!r} are both {mine}; rename one"
    return None
