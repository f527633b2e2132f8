"""Does PagerDuty have a word for every severity, and does a key look like one of its keys?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prober.config.desk import Desk
from prober.config.tree import Path
from prober.notify import AnyNotifier
from prober.notify.pagerduty import KEY_LENGTH, PagerdutyNotifier


def look_at_pagers(
    desk: Desk, notifiers: Mapping[str, AnyNotifier], severities: Sequence[str] | None
) -> None:
    """`severities` is None where they are wrong themselves."""
    for name, notifier in notifiers.items():
        if isinstance(notifier, PagerdutyNotifier):
            place: Path = ("notifiers", name, "pagerduty")
            _look_at_key(desk, notifier, (*place, "routing_key"))
            if severities is not None:
                _look_at_severities(desk, notifier, severities, (*place, "severities"))


def _look_at_key(desk: Desk, notifier: PagerdutyNotifier, place: Path) -> None:
    """Only odd: what else speaks PagerDuty's protocol has keys of its own."""
    settings = notifier.pagerduty
    theirs = settings.url.reveal().host.endswith(".pagerduty.com")
    length = len(settings.routing_key.reveal())
    if theirs and length != KEY_LENGTH and not desk.tree.has_unset(place):
        said = f"has {length} characters; an integration key of PagerDuty's has {KEY_LENGTH}"
        desk.report.warn(place, said)


def _look_at_severities(
    desk: Desk, notifier: PagerdutyNotifier, severities: Sequence[str], place: Path
) -> None:
    for word in notifier.pagerduty.severities:
        if word not in severities:
            said = f"{word!r} is not one of the severities: {', '.join(severities)}"
            desk.report.error((*place, word), said)
    if strange := notifier.strange(severities):
        shown = " and ".join(repr(word) for word in strange)
        right = f"severities: {{{strange[0]}: critical}}"
        said = f"PagerDuty has no word for {shown}; add each, such as {right}"
        desk.report.error(place, said)
