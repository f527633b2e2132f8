from __future__ import annotations

from prober.export.histogram import without_exemplars
from prober.export.tally import CODES, EDGES, JOURNEY_EDGES, Tally
from prober.result import Finding, Reason
from tests.export.samples import OURS, REFUSED, TIMED_OUT, UP, Trip, result, visit

LABELS = 'check="shop 100%",region="r"'


def tally(*reasons: Reason, kind: str = "http") -> Tally:
    return Tally(kind, LABELS, reasons)


def lines(subject: Tally, family: str) -> str:
    return without_exemplars(dict(subject.texts()).get(family, "").encode()).decode()


def edges(subject: Tally) -> list[str]:
    written = lines(subject, "prober_run_duration_seconds").splitlines()
    return [line.split('le="')[1].split('"')[0] for line in written[:-2]]


def failures(subject: Tally) -> str:
    return lines(subject, "prober_failures_total")


def test_what_seldom_changes_is_said_once_and_again_when_it_has() -> None:
    subject = tally(Reason.CONNECT)
    assert failures(subject)

    subject.count(result(finding=UP))
    assert not failures(subject)
    subject.count(result(finding=REFUSED))
    assert 'reason="connect"} 1\n' in failures(subject)
    subject.count(result(finding=UP, attempts=2))
    assert lines(subject, "prober_runs_flaky_total").endswith(" 1\n")


def test_children_that_can_occur_are_there_at_zero() -> None:
    subject = tally(Reason.DNS, Reason.TIMEOUT)

    said = dict(subject.texts())

    assert said["prober_runs_total"] == "".join(
        f'prober_runs_total{{{LABELS},outcome="{outcome}"}} 0\n'
        for outcome in ("up", "down", "unknown", "maintenance")
    )
    assert said["prober_failures_total"] == (
        f'prober_failures_total{{{LABELS},reason="dns"}} 0\n'
        f'prober_failures_total{{{LABELS},reason="timeout"}} 0\n'
    )


def test_a_reason_nobody_expected_is_counted_all_the_same() -> None:
    subject = tally(Reason.DNS)
    subject.count(result(finding=REFUSED))

    assert f'{{{LABELS},reason="connect"}} 1\n' in failures(subject)


def test_an_edit_drops_reasons_that_cannot_occur_and_never_did() -> None:
    subject = tally(Reason.DNS, Reason.CONNECT)
    subject.count(result(finding=REFUSED))
    subject.expect((Reason.STATUS,))

    said = failures(subject)
    assert 'reason="dns"' not in said
    assert 'reason="connect"} 1\n' in said
    assert 'reason="status"} 0\n' in said


def test_unknown_is_counted_as_an_outcome_and_as_no_failure() -> None:
    subject = tally()
    subject.count(result(finding=OURS))

    assert 'outcome="unknown"} 1\n' in lines(subject, "prober_runs_total")
    assert not failures(subject)


def test_only_durations_that_say_something_are_measured() -> None:
    subject = tally()
    slow = Finding.down(Reason.LATENCY, "slow")
    for finding in (UP, slow, TIMED_OUT, REFUSED, OURS):
        subject.count(result(finding=finding))

    assert f"prober_run_duration_seconds_count{{{LABELS}}} 3\n" in lines(
        subject, "prober_run_duration_seconds"
    )


def test_buckets_are_cumulative_and_hold_their_edge() -> None:
    subject = tally()
    for seconds in (0.005, 0.3, 1.0, 99.0):
        subject.count(result(seconds=seconds))
    written = lines(subject, "prober_run_duration_seconds").splitlines()

    bounds = [repr(edge) for edge in EDGES] + ["+Inf"]
    counts = [1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 4]
    assert written[:12] == [
        f'prober_run_duration_seconds_bucket{{{LABELS},le="{edge}"}} {count}'
        for edge, count in zip(bounds, counts, strict=True)
    ]
    assert written[12:] == [
        f"prober_run_duration_seconds_sum{{{LABELS}}} 100.305",
        f"prober_run_duration_seconds_count{{{LABELS}}} 4",
    ]


def test_only_so_many_codes_are_told_apart() -> None:
    subject = tally()
    for code in (*range(200, 200 + CODES), 500, 501, 200):
        subject.count(result(facts={"status_code": code}))
    subject.count(result(facts={}))
    text = lines(subject, "prober_http_responses_total")

    assert text.count("\n") == CODES + 1
    assert 'code="other"} 2\n' in text
    assert 'code="200"} 2\n' in text


def test_flaky_is_up_but_not_at_once() -> None:
    subject = tally()
    for finding, attempts in ((UP, 1), (UP, 2), (REFUSED, 3), (UP, 3)):
        subject.count(result(finding=finding, attempts=attempts))

    flaky = lines(subject, "prober_runs_flaky_total")
    assert flaky == f"prober_runs_flaky_total{{{LABELS}}} 2\n"


def test_journeys_have_wider_edges() -> None:
    subject = tally(kind="journey")
    subject.count(result(kind="journey", seconds=61))
    written = lines(subject, "prober_run_duration_seconds").splitlines()

    assert edges(subject) == [
        "0.5", "1.0", "2.5", "5.0", "10.0", "20.0", "30.0", "60.0", "120.0", "+Inf",
    ]  # fmt: skip
    assert written[7].endswith(" 0")
    assert written[8].endswith(" 1")


def test_edges_of_its_own_stand_among_those_of_all() -> None:
    subject = Tally("http", LABELS, (), (0.3, 2.5, 0.7000000000000001))
    for seconds in (0.3, 0.7, 0.71):
        subject.count(result(seconds=seconds))
    written = lines(subject, "prober_run_duration_seconds")

    whole = sorted([*EDGES, 0.3, 0.7])
    assert edges(subject) == [*map(repr, whole), "+Inf"]
    for edge, count in (("0.25", 0), ("0.3", 1), ("0.5", 1), ("0.7", 2), ("1.0", 3)):
        assert f'le="{edge}"}} {count}\n' in written


def test_a_journeys_own_edges_stand_among_those_of_journeys() -> None:
    subject = Tally("journey", LABELS, (), (45.0,))

    assert edges(subject) == [*map(repr, sorted([*JOURNEY_EDGES, 45.0])), "+Inf"]


def test_what_was_counted_by_other_edges_is_dropped_and_by_the_same_kept() -> None:
    subject = Tally("http", LABELS, (), (0.3,))
    subject.count(result(seconds=0.2))

    assert not subject.measure((0.3,))
    assert not subject.measure((0.3, 1.0, 0.3))
    assert "_count{" + LABELS + "} 1\n" in lines(subject, "prober_run_duration_seconds")
    assert subject.measure(())
    assert "_count{" + LABELS + "} 0\n" in lines(subject, "prober_run_duration_seconds")
    assert edges(subject) == [*map(repr, EDGES), "+Inf"]


def test_vitals_are_those_of_runs_that_say_something_of_the_target() -> None:
    subject = tally(kind="journey")
    for finding in (UP, REFUSED, OURS):
        subject.count(result(kind="journey", finding=finding, trip=Trip(visits=[visit("/")])))

    assert 'page="/"} 2\n' in lines(subject, "prober_web_vital_lcp_seconds")
