from __future__ import annotations

from prober.export.tally import CODES, EDGES, Tally
from prober.result import Finding, Reason
from tests.export.samples import OURS, REFUSED, TIMED_OUT, UP, result

LABELS = 'check="shop 100%",region="r"'


def tally(*reasons: Reason) -> Tally:
    return Tally(LABELS, reasons)


def test_children_that_can_occur_are_there_at_zero() -> None:
    subject = tally(Reason.DNS, Reason.TIMEOUT)

    assert subject.runs() == "".join(
        f'prober_runs_total{{{LABELS},outcome="{outcome}"}} 0\n'
        for outcome in ("up", "down", "unknown", "maintenance")
    )
    assert subject.failures() == (
        f'prober_failures_total{{{LABELS},reason="dns"}} 0\n'
        f'prober_failures_total{{{LABELS},reason="timeout"}} 0\n'
    )


def test_a_reason_nobody_expected_is_counted_all_the_same() -> None:
    subject = tally(Reason.DNS)
    subject.count(result(finding=REFUSED))

    assert f'{{{LABELS},reason="connect"}} 1\n' in subject.failures()


def test_an_edit_drops_reasons_that_cannot_occur_and_never_did() -> None:
    subject = tally(Reason.DNS, Reason.CONNECT)
    subject.count(result(finding=REFUSED))
    subject.expect((Reason.STATUS,))

    assert 'reason="dns"' not in subject.failures()
    assert 'reason="connect"} 1\n' in subject.failures()
    assert 'reason="status"} 0\n' in subject.failures()


def test_unknown_is_counted_as_an_outcome_and_as_no_failure() -> None:
    subject = tally()
    subject.count(result(finding=OURS))

    assert 'outcome="unknown"} 1\n' in subject.runs()
    assert not subject.failures()


def test_only_durations_that_say_something_are_measured() -> None:
    subject = tally()
    slow = Finding.down(Reason.LATENCY, "slow")
    for finding in (UP, slow, TIMED_OUT, REFUSED, OURS):
        subject.count(result(finding=finding))

    assert f"prober_run_duration_seconds_count{{{LABELS}}} 3\n" in subject.durations()


def test_buckets_are_cumulative_and_hold_their_edge() -> None:
    subject = tally()
    for seconds in (0.005, 0.3, 1.0, 99.0):
        subject.count(result(seconds=seconds))
    lines = subject.durations().splitlines()

    edges = [repr(edge) for edge in EDGES] + ["+Inf"]
    counts = [1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 4]
    assert lines[:12] == [
        f'prober_run_duration_seconds_bucket{{{LABELS},le="{edge}"}} {count}'
        for edge, count in zip(edges, counts, strict=True)
    ]
    assert lines[12:] == [
        f"prober_run_duration_seconds_sum{{{LABELS}}} 100.305",
        f"prober_run_duration_seconds_count{{{LABELS}}} 4",
    ]


def test_only_so_many_codes_are_told_apart() -> None:
    subject = tally()
    for code in (*range(200, 200 + CODES), 500, 501, 200):
        subject.count(result(facts={"status_code": code}))
    subject.count(result(facts={}))
    subject.count(result(kind="tcp", facts={"status_code": 999}))
    text = subject.responses()

    assert text.count("\n") == CODES + 1
    assert 'code="other"} 2\n' in text
    assert 'code="200"} 2\n' in text


def test_flaky_is_up_but_not_at_once() -> None:
    subject = tally()
    for finding, attempts in ((UP, 1), (UP, 2), (REFUSED, 3), (UP, 3)):
        subject.count(result(finding=finding, attempts=attempts))

    assert subject.flaky == 2
