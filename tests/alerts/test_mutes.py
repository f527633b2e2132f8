"""Whether a notice is held back depends on its labels and the time, and on nothing asked before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from prober.alerts.decisions import Mute
from prober.alerts.hold import FREE, Holding
from prober.alerts.matchers import parse
from prober.alerts.mutes import FORGOTTEN_AFTER, Mutes, Open
from prober.alerts.scope import labels_of
from prober.alerts.windows import Maintenance, Span, unix

HOUR = 3600.0
SUNDAY = unix("2026-05-03T03:00Z")
LABELS = {
    "api": labels_of("eu", "api", "http", {"team": "payments"}),
    "shop": labels_of("eu", "shop", "journey", {"team": "shop"}),
}
ALERT = {"alertname": "ProberDown", "alert": "down", "severity": "critical"}


def window(name: str = "weekly", **given: JsonValue) -> Maintenance:
    return Maintenance.model_validate(
        {"name": name, "schedule": "0 3 * * SUN", "duration": "2h", **given}
    )


def mute(
    *matchers: str,
    kind: Literal["silence", "maintenance"] = "silence",
    start: float = SUNDAY,
    end: float = SUNDAY + HOUR,
    id_: str = "3f9a",
) -> Mute:
    return Mute(
        id=id_,
        kind=kind,
        matchers=tuple(map(parse, matchers)),
        starts_at=start,
        ends_at=end,
        by="ann@x",
        comment="because",
        at=start,
    )


def why(mutes: Holding, now: float, check: str = "api", **labels: str) -> str:
    return mutes.why(check, {**LABELS.get(check, {}), **ALERT, **labels}, now)


def windowed(mutes: Mutes, now: float, check: str = "api") -> tuple[str, bool]:
    return mutes.maintenance_of(check, LABELS[check], now), mutes.probes(check, LABELS[check], now)


def test_nothing_is_held_back_where_nothing_says_so() -> None:
    for holding in (FREE, Mutes()):
        assert why(holding, SUNDAY) == ""
        assert holding.next(SUNDAY) is None
    assert windowed(Mutes(), SUNDAY) == ("", True)


def test_free_stays_free_whatever_it_is_told() -> None:
    FREE.put(mute("check=api"))
    FREE.drop("3f9a")

    assert why(FREE, SUNDAY) == ""


def test_a_window_holds_back_what_it_covers_from_its_start_until_just_before_its_end() -> None:
    mutes = Mutes([window(match={"labels": {"team": "payments"}})])
    end = SUNDAY + 2 * HOUR
    moments = (SUNDAY - 1, SUNDAY, end - 1, end)

    assert [why(mutes, now) for now in moments] == [
        "",
        "maintenance weekly",
        "maintenance weekly",
        "",
    ]
    assert [windowed(mutes, now)[0] for now in moments] == ["", "weekly", "weekly", ""]
    assert [why(mutes, now, "shop") for now in moments] == [""] * 4
    assert [mutes.next(now) for now in moments[:3]] == [SUNDAY, end, end]
    assert mutes.next(end) == SUNDAY + 7 * 24 * HOUR


def test_of_several_windows_the_first_gives_the_name_and_any_can_stop_the_runs() -> None:
    mutes = Mutes([window(), window("move", match={"checks": "api"}, probe=False)])

    assert windowed(mutes, SUNDAY, "api") == ("weekly", False)
    assert windowed(mutes, SUNDAY, "shop") == ("weekly", True)


def test_the_open_windows_are_those_that_are_active() -> None:
    weekly, later = window(), window("later", schedule="0 4 * * SUN", duration="10m")
    mutes = Mutes([weekly, later])

    assert mutes.open(SUNDAY - 1) == {}
    assert mutes.open(SUNDAY) == {"weekly": Open(weekly, Span(SUNDAY, SUNDAY + 2 * HOUR))}
    assert list(mutes.open(SUNDAY + HOUR)) == ["weekly", "later"]


def test_a_window_without_keys_is_of_the_agents_own_alerts_too() -> None:
    own = {"kind": "agent", "region": "eu"}

    assert why(Mutes([window()]), SUNDAY, "", **own) == "maintenance weekly"
    assert why(Mutes([window(match={"kinds": "http"})]), SUNDAY, "", **own) == ""


@pytest.mark.parametrize("kind", ["silence", "maintenance"])
def test_what_people_decide_holds_while_it_says_so(kind: Literal["silence", "maintenance"]) -> None:
    mutes = Mutes()
    mutes.put(mute("check=api", kind=kind))
    moments = (SUNDAY - 1, SUNDAY, SUNDAY + HOUR - 1, SUNDAY + HOUR)

    assert [why(mutes, now) for now in moments] == ["", f"{kind} 3f9a", f"{kind} 3f9a", ""]
    assert why(mutes, SUNDAY, "shop") == ""
    assert [mutes.next(now) for now in moments] == [SUNDAY, SUNDAY + HOUR, SUNDAY + HOUR, None]

    mutes.drop("3f9a")
    mutes.drop("gone")

    assert why(mutes, SUNDAY) == ""
    assert mutes.next(SUNDAY) is None


def test_a_silence_is_of_notices_and_maintenance_of_runs_as_well() -> None:
    silent, kept = Mutes(), Mutes()
    silent.put(mute("check=api"))
    kept.put(mute("check=api", kind="maintenance"))

    assert windowed(silent, SUNDAY) == ("", True)
    assert silent.is_quiet(SUNDAY)
    assert not silent.is_free(SUNDAY)
    assert windowed(kept, SUNDAY) == ("3f9a", True)
    assert not kept.is_quiet(SUNDAY)
    assert silent.is_free(SUNDAY + HOUR)
    assert kept.is_free(SUNDAY + HOUR)


def test_a_silence_may_be_of_one_alert_and_maintenance_is_of_all_of_a_check() -> None:
    mutes = Mutes()
    mutes.put(mute("check=api", "severity=low"))
    assert (why(mutes, SUNDAY, severity="low"), why(mutes, SUNDAY)) == ("silence 3f9a", "")

    mutes.put(mute("check=api", "severity!=low", kind="maintenance"))
    assert why(mutes, SUNDAY, severity="low") == why(mutes, SUNDAY) == "maintenance 3f9a"
    assert windowed(mutes, SUNDAY) == ("3f9a", True)


def test_the_same_id_is_the_same_mute() -> None:
    mutes = Mutes()
    mutes.put(mute("check=api"))
    mutes.put(mute("check=shop"))

    assert list(mutes.mutes) == ["3f9a"]
    assert (why(mutes, SUNDAY), why(mutes, SUNDAY, "shop")) == ("", "silence 3f9a")


def test_while_the_agent_is_cut_off_nothing_is_said_but_of_itself() -> None:
    mutes = Mutes([window()])
    mutes.offline = True
    before = SUNDAY - HOUR

    assert why(mutes, before) == "offline"
    assert not mutes.is_free(before)
    assert why(mutes, before, "", kind="agent") == ""
    assert why(mutes, SUNDAY) == "maintenance weekly"
    assert windowed(mutes, before) == ("", True)

    mutes.offline = False
    assert why(mutes, before) == ""


def test_a_new_config_counts_at_once() -> None:
    mutes = Mutes([window(match={"labels": {"team": "payments"}})])
    assert windowed(mutes, SUNDAY) == ("weekly", True)
    moved = {**LABELS["api"], "team": "shop"}

    mutes.configure([window("other", match={"labels": {"team": "shop"}})])
    assert mutes.maintenance_of("api", moved, SUNDAY) == "other"

    mutes.configure([])
    assert windowed(mutes, SUNDAY) == ("", True)
    assert mutes.next(SUNDAY) is None


def test_what_an_incident_was_called_when_it_fired_does_not_count_for_runs() -> None:
    mutes = Mutes([window(match={"labels": {"team": "shop"}})])

    assert why(mutes, SUNDAY, team="shop") == "maintenance weekly"
    assert windowed(mutes, SUNDAY) == ("", True)
    assert why(mutes, SUNDAY, team="shop") == "maintenance weekly"


def test_what_is_over_is_forgotten_a_day_later() -> None:
    mutes = Mutes()
    mutes.put(mute("check=api"))
    over = SUNDAY + HOUR + FORGOTTEN_AFTER

    assert mutes.next(over - 1) is None
    assert list(mutes.mutes) == ["3f9a"]
    assert why(mutes, SUNDAY) == "silence 3f9a"  # somebody set the clock back

    mutes.configure([])
    assert mutes.next(over) is None
    assert not mutes.mutes


class _Counted(dict[str, str]):
    """Labels that know how often they were looked at."""

    looks = 0

    def get(self, *asked: object) -> str | None:  # type: ignore[override] # what is asked for is a text
        self.looks += 1
        return super().get(str(asked[0]))


def test_labels_are_looked_at_once_while_nothing_changes_and_never_while_all_is_quiet() -> None:
    mutes = Mutes([window(match={"labels": {"team": "payments"}})])
    labels = _Counted(LABELS["api"])
    for second in range(100):
        mutes.maintenance_of("api", labels, SUNDAY - HOUR + second)
        mutes.probes("api", labels, SUNDAY - HOUR + second)
    assert labels.looks == 0

    mutes.maintenance_of("api", labels, SUNDAY)
    first = labels.looks
    for second in range(100):
        assert mutes.maintenance_of("api", labels, SUNDAY + second) == "weekly"
    assert labels.looks == first > 0


_TEAMS = st.sampled_from(["check=api", "team=shop", "kind=~http|tcp", "region=us", "severity=low"])
_MOMENTS = st.floats(-3 * HOUR, 9 * 24 * HOUR).map(lambda after: SUNDAY + after)
_MUTES = st.builds(
    lambda matcher, kind, start, length, id_: mute(
        matcher, kind=kind, start=start, end=start + length, id_=id_
    ),
    _TEAMS,
    st.sampled_from(["silence", "maintenance"]),
    _MOMENTS,
    st.floats(1, 30 * HOUR),
    st.sampled_from("abc"),
)
_WINDOWS = [
    window(match={"labels": {"team": "payments"}}),
    window("nights", schedule="30 22 * * *", duration="3h", timezone="Europe/Berlin"),
    window("hours", schedule="15 * * * *", duration="10m", match={"kinds": "journey"}, probe=False),
    Maintenance.model_validate({"name": "x", "start": "2026-05-04T12:00Z", "end": "2026-05-05T00:00Z"}),
]  # fmt: skip


def answers(mutes: Mutes, now: float) -> Mapping[str, object]:
    return {
        check: (why(mutes, now, check), windowed(mutes, now, check), mutes.next(now))
        for check in LABELS
    } | {"quiet": (mutes.is_quiet(now), mutes.is_free(now), sorted(mutes.open(now)))}


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(_WINDOWS), unique_by=lambda one: one.name),
    st.lists(_MUTES, max_size=4),
    st.lists(_MOMENTS, min_size=1, max_size=30),
)
def test_the_answer_is_the_same_whatever_was_asked_before(
    windows: list[Maintenance], decided: list[Mute], moments: list[float]
) -> None:
    mutes = Mutes(windows)
    for one in decided:
        mutes.put(one)
    for now in moments:
        fresh = Mutes(windows)
        for one in mutes.mutes.values():
            fresh.put(one)

        assert answers(mutes, now) == answers(fresh, now)


@settings(deadline=None)
@given(st.lists(_MUTES, max_size=4), _MOMENTS)
def test_nothing_changes_before_the_moment_that_was_told(decided: list[Mute], now: float) -> None:
    mutes = Mutes(_WINDOWS)
    for one in decided:
        mutes.put(one)
    before, bound = answers(mutes, now), mutes.next(now)

    assert bound is not None
    assert bound > now
    # Where no number lies between the two, the half is the bound itself.
    assert answers(mutes, min((now + bound) / 2, math.nextafter(bound, now))) == before
    assert answers(mutes, max(now, bound - 0.001)) == before
