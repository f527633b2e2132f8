"""Does PagerDuty have a word for every severity, and does a key look like one of its keys?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prober.config.desk import Desk
from prober.config.named import refuse_severity
from prober.config.tree import Path
from prober.notify import AnyNotifier
from prober.notify.pagerduty import KEY_LENGTH, PagerdutyNotifier, strange


def look_at_keys(desk: Desk, notifiers: Mapping[str, AnyNotifier]) -> None:
    """Only odd: what else speaks PagerDuty's protocol has keys of its own."""
    for name, notifier in notifiers.items():
        if isinstance(notifier, PagerdutyNotifier):
            place: Path = ("notifiers", name, "pagerduty", "routing_key")
            settings = notifier.pagerduty
            theirs = settings.url.reveal().host.endswith(".pagerduty.com")
            length = len(settings.routing_key.reveal())
            if theirs and length != KEY_LENGTH and not desk.tree.has_unset(place):
                said = (
                    f"has {length} characters; an integration key of PagerDuty's has {KEY_LENGTH}"
                )
                desk.report.warn(place, said)


def look_at_severities(
    desk: Desk, kinds: Mapping[str, type[AnyNotifier]], severities: Sequence[str] | None
) -> None:
    """Of each that is a pager, right or wrong; `severities` is None where they are wrong themselves."""
    for name, kind in kinds.items():
        place: Path = ("notifiers", name, PagerdutyNotifier.kind)
        settings = desk.tree.reach(place).value
        if kind is not PagerdutyNotifier or severities is None or not isinstance(settings, dict):
            continue
        own = settings.get("severities") or {}
        if isinstance(own, dict):
            _look_at_severities(desk, own, severities, (*place, "severities"))


def _look_at_severities(
    desk: Desk, own: Mapping[str, object], severities: Sequence[str], place: Path
) -> None:
    for word in own:
        refuse_severity(desk, (*place, word), word, severities)
    if lacking := strange(severities, own):
        shown = " and ".join(repr(word) for word in lacking)
        right = f"severities: {{{lacking[0]}: critical}}"
        said = f"PagerDuty has no word for {shown}; add each, such as {right}"
        desk.report.error(place, said)
