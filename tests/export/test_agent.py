from __future__ import annotations

import re

from prober import __version__
from prober.export.agent import AgentMetrics


def text(subject: AgentMetrics) -> str:
    return subject.render(openmetrics=False).decode()


def test_the_families_of_the_agent_are_there_from_the_start() -> None:
    shown = text(AgentMetrics())

    assert f'version="{__version__}"}} 1.0\n' in shown
    assert 'prober_runs_skipped_total{reason="overrun"} 0.0\n' in shown
    assert 'prober_runs_skipped_total{reason="late"} 0.0\n' in shown
    assert "prober_schedule_lag_seconds_count 0.0\n" in shown
    assert 'prober_loop_lag_seconds_bucket{le="5.0"} 0.0\n' in shown
    assert "prober_store_up 1.0\n" in shown
    assert 'prober_store_commit_seconds_bucket{le="0.001"} 0.0\n' in shown
    assert "prober_config_last_reload_successful 0.0\n" in shown
    assert "process_cpu_seconds_total" in shown
    assert "_created" not in shown


def test_what_journeys_wait_for_is_measured_from_the_start() -> None:
    subject = AgentMetrics()
    subject.journey_queue.observe(0.1)
    subject.journey_startup.observe(31)
    shown = text(subject)

    edges = {
        "queue": ["0.1", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "300.0", "+Inf"],
        "startup": ["0.25", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "+Inf"],
    }
    for name, bounds in edges.items():
        family = f"prober_journey_{name}_seconds"
        assert re.findall(rf'{family}_bucket{{le="(.+)"}}', shown) == bounds
    assert 'prober_journey_queue_seconds_bucket{le="0.1"} 1.0\n' in shown
    assert 'prober_journey_startup_seconds_bucket{le="30.0"} 0.0\n' in shown


def test_a_notifier_has_its_series_before_it_is_needed_and_takes_them_along() -> None:
    subject = AgentMetrics()
    subject.configure(["hook", "am"])
    subject.dead_letters.labels("hook").inc()
    subject.configure(["am", "mail"])
    shown = text(subject)

    assert "hook" not in shown
    for notifier in ("am", "mail"):
        assert f'prober_outbox_pending{{notifier="{notifier}"}} 0.0\n' in shown
        for outcome in ("accepted", "retried", "dead", "not_run"):
            assert f'{{notifier="{notifier}",outcome="{outcome}"}} 0.0\n' in shown


def test_a_notifier_that_stays_keeps_its_counts() -> None:
    subject = AgentMetrics()
    subject.configure(["hook"])
    subject.notifications.labels("hook", "accepted").inc()
    subject.configure(["hook", "am"])

    assert '{notifier="hook",outcome="accepted"} 1.0\n' in subject.render(True).decode()


def test_an_empty_outbox_has_no_oldest_notice() -> None:
    subject = AgentMetrics()
    assert "\nprober_outbox_oldest_timestamp_seconds " not in text(subject)
    subject.outbox_oldest.set(1_700_000_000.5)
    assert "\nprober_outbox_oldest_timestamp_seconds 1.7000000005e+09\n" in text(subject)
    subject.outbox_oldest.set(None)

    assert "\nprober_outbox_oldest_timestamp_seconds " not in text(subject)


def test_openmetrics_leaves_the_end_mark_to_whoever_writes_the_rest() -> None:
    shown = AgentMetrics().render(openmetrics=True)

    assert b"# EOF" not in shown
    assert b"# TYPE prober_runs_skipped counter\n" in shown


def test_an_agent_says_which_region_and_shard_it_is_where_it_has_one() -> None:
    def labels(subject: AgentMetrics) -> list[str]:
        shown = text(subject).partition("prober_build_info{")[2].partition("}")[0]
        return re.findall(r'(\w+)="', shown)

    assert labels(AgentMetrics("eu", "0/3")) == ["python", "region", "shard", "version"]
    assert labels(AgentMetrics("eu")) == ["python", "region", "version"]
    assert 'region="eu",shard="0/3"' in text(AgentMetrics("eu", "0/3"))
