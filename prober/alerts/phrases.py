"""In what words is it said that a check does what its rule is about?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from prober.alerts.met import OFTEN
from prober.alerts.standing import AlertState


class Phrases(NamedTuple):
    """After the name of the check. `lasts` begins the description, `was` that of the end."""

    begun: str
    still: str
    over: str
    lasts: str = "found since"
    was: str = "found"
    of: str = ""  # what it was over after so long


_DOWN = Phrases("is down", "is still down", "is up again", "failing since", "failed")
_OFTEN = Phrases(
    "fails often", "still fails often", "fails often no longer", "failing since", "failed"
)
_UNSTEADY = Phrases(
    "fails and recovers again and again",
    "still fails and recovers again and again",
    "is steadily up again",
    "unsteady since",
    "was unsteady",
    " of ups and downs",
)
_FLAPS = Phrases("flaps", "still flaps", "flaps no longer", "flapping since", "flapped")
# By what the state says that it is about; nothing of failures.
_BY_ABOUT: Mapping[str, Phrases] = {
    "error_rate": Phrases(
        "fails too often",
        "still fails too often",
        "fails too often no longer",
        "failing since",
        "failed",
    ),
    "latency": Phrases("is slow", "is still slow", "is slow no longer"),
    "budget": Phrases("is over budget", "is still over budget", "is within its budgets again"),
    "certificate": Phrases(
        "has a certificate that ends soon",
        "still has a certificate that ends soon",
        "has a certificate that is valid for longer",
    ),
    "value": Phrases(
        "reports a value out of bounds",
        "still reports a value out of bounds",
        "reports a value within bounds again",
    ),
    "step": Phrases("has a slow step", "still has a slow step", "has no slow step any more"),
}


def phrases(state: AlertState) -> Phrases:
    about = state.details.get("about", "")
    if state.flapping:
        return _FLAPS if about else _UNSTEADY
    if about == OFTEN:
        count = state.details.get("count")
        return _OFTEN._replace(begun=f"fails often, in {count},") if count else _OFTEN
    return _BY_ABOUT.get(about, _DOWN)
