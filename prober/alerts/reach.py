"""Is there an alert at all that what somebody decides could hold back?

A slip of the keys makes matchers that nothing meets, and nobody would hear of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.alerts.decisions import Mute
from prober.alerts.faults import AGENT, watched
from prober.alerts.matchers import matches
from prober.alerts.mutes import OF_ALERTS
from prober.alerts.notice import identity
from prober.alerts.plan import Plan, Watched
from prober.alerts.scope import labels_of


def reaches(mute: Mute, plan: Plan) -> bool:
    """Whether something that `plan` watches can have labels that `mute` means."""
    everything = _labels(plan, alerts=mute.kind == "silence")
    return any(matches(mute.matchers, labels) for labels in everything)


def _labels(plan: Plan, *, alerts: bool) -> Iterator[Mapping[str, str]]:
    """Of each alert there can be, or of each check: maintenance is of checks as a whole."""
    for name, its in _watched(plan):
        if alerts:
            for rule in its.rules:
                yield identity(plan.region, name, its.kind, rule, its.labels)
        else:
            labels = labels_of(plan.region, name, its.kind, its.labels)
            yield {key: value for key, value in labels.items() if key not in OF_ALERTS}


def _watched(plan: Plan) -> Iterator[tuple[str, Watched]]:
    yield AGENT, watched(plan)
    yield from plan.checks.items()
