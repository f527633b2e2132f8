"""Spans of runs, read back by OpenTelemetry's own schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic import ValidationError

from prober import __version__
from prober.export.otlp import OtlpSettings, Ran, request, resource, text
from prober.notify.post import Url
from prober.result import Fact, Finding, Reason, Result, Step
from tests.export.samples import REFUSED, UP, Trip, result, step
from tests.fake_clock import NOON
from tests.servers.collector import attributes, decoded, spans_of

TRACE, RUN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SENDER = resource("eu-west-1", "0/3")


def made(
    finding: Finding = UP,
    *,
    seconds: float = 1.0,
    steps: Sequence[Step] = (),
    facts: Mapping[str, Fact] | None = None,
) -> Result:
    one = result("shop", finding, seconds=seconds, facts=facts or {}, trip=Trip(steps))
    return one._replace(run_id=TRACE, traceparent=f"00-{TRACE}-{RUN}-01")


def spans(one: Result, ended: float = NOON + 1) -> list[Span]:
    return spans_of(decoded(request([text(Ran(one, ended))], SENDER)))


def named(found: Sequence[Span]) -> list[str]:
    return [span.name for span in found]


def times(span: Span) -> tuple[float, float]:
    """In seconds after noon, to the microsecond: a float knows no more of today."""
    return tuple(
        round(moment / 1e9 - NOON, 6)
        for moment in (span.start_time_unix_nano, span.end_time_unix_nano)
    )  # type: ignore[return-value]  # two there are


def test_a_run_has_the_ids_that_it_sent_to_the_target() -> None:
    run = spans(made())[0]

    assert (run.trace_id.hex(), run.span_id.hex(), run.parent_span_id) == (TRACE, RUN, b"")
    assert (run.name, run.kind, times(run)) == ("shop", Span.SPAN_KIND_CLIENT, (0, 1))


def test_who_sends_is_named_by_version_region_and_shard() -> None:
    (whole,) = decoded(request([text(Ran(made(), NOON))], SENDER)).resource_spans
    (scope,) = whole.scope_spans

    assert {one.key: one.value.string_value for one in whole.resource.attributes} == {
        "service.name": "prober",
        "service.version": __version__,
        "service.instance.id": "eu-west-1 0/3",
    }
    assert resource("eu", "")["service.instance.id"] == "eu"
    assert (scope.scope.name, scope.scope.version) == ("prober", __version__)


def test_phases_are_its_children_one_after_the_other() -> None:
    one = made()._replace(phases={"resolve": 0.25, "connect": 0.5, "transfer": 0.125})
    run, *phases = spans(one)

    assert named(phases) == ["resolve", "connect", "transfer"]
    assert [times(span) for span in phases] == [(0, 0.25), (0.25, 0.75), (0.75, 0.875)]
    assert {span.parent_span_id for span in phases} == {run.span_id}
    assert {span.trace_id for span in phases} == {run.trace_id}
    assert {span.kind for span in phases} == {Span.SPAN_KIND_INTERNAL}
    assert attributes(phases[0]) == {"prober.phase": "resolve"}


def test_a_step_begins_where_it_began_and_otherwise_behind_the_one_before() -> None:
    known = [
        replace(step("sign in", 0.5), began=0.25, url="https://shop.example/login"),
        replace(step("order", 0.25), began=1.0),
        step("pay", 0.5, "no such button"),
    ]
    run, *steps = spans(made(seconds=1.0, steps=known)._replace(phases={}))

    assert [times(span) for span in steps] == [(0.25, 0.75), (1.0, 1.25), (1.25, 1.75)]
    assert times(run) == (0, 1.75), "what is between the steps is not in the run's seconds"
    assert attributes(steps[0]) == {
        "prober.step": "sign in",
        "url.full": "https://shop.example/login",
    }
    assert [span.status.code for span in steps] == [
        Status.STATUS_CODE_UNSET, Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR,
    ]  # fmt: skip
    assert steps[2].status.message == "no such button"


def test_what_is_not_up_is_an_error_with_its_message() -> None:
    down, unknown, up = (
        spans(made(finding))[0] for finding in (REFUSED, Finding.unknown("late"), UP)
    )

    assert (down.status.code, down.status.message) == (
        Status.STATUS_CODE_ERROR,
        "connection refused",
    )
    assert (unknown.status.code, unknown.status.message) == (Status.STATUS_CODE_ERROR, "late")
    assert (up.status.code, up.status.message) == (Status.STATUS_CODE_UNSET, "")


def test_what_a_run_saw_stands_under_opentelemetrys_names() -> None:
    facts: Mapping[str, Fact] = {
        "status_code": 503, "ip": "10.0.0.7", "final_url": "https://shop.example/", "ssl": True,
    }  # fmt: skip
    one = made(Finding.down(Reason.STATUS, "503"), facts=facts)._replace(
        labels={"team": "payments"}, attempts=2, maintenance="weekly"
    )

    assert attributes(spans(one)[0]) == {
        "prober.check": "shop",
        "prober.kind": "http",
        "prober.region": "eu-west-1",
        "prober.run_id": TRACE,
        "prober.outcome": "down",
        "prober.reason": "status",
        "prober.attempts": 2,
        "prober.maintenance": True,
        "prober.label.team": "payments",
        "user_agent.synthetic.type": "test",
        "http.response.status_code": 503,
        "network.peer.address": "10.0.0.7",
        "url.full": "https://shop.example/",
    }


def test_what_is_not_known_is_left_out() -> None:
    assert not {"prober.reason", "http.response.status_code", "url.full"} & {
        *attributes(spans(made())[0])
    }


def test_after_a_retry_what_was_seen_is_the_last_attempts() -> None:
    one = made(seconds=0.5)._replace(attempts=3, phases={"connect": 0.25})
    run, phase = spans(one, ended=NOON + 12)

    assert (times(run), times(phase)) == ((0, 12), (11.5, 11.75))
    assert [times(span) for span in spans(one, ended=NOON - 99)] == [(0, 0.5), (0, 0.25)]


def test_the_same_run_is_the_same_spans_and_another_has_other_ids() -> None:
    one = made()._replace(phases={"resolve": 0.1, "connect": 0.1})
    other = one._replace(traceparent=f"00-{TRACE}-{'1' * 16}-01")
    ids = [span.span_id for each in (one, other) for span in spans(each)]

    assert spans(one) == spans(one)
    assert len(set(ids)) == len(ids) == 6


def test_a_request_is_of_many_runs_and_passes_over_what_has_no_spans() -> None:
    runs = [made(), made()._replace(traceparent=""), made()._replace(check="[]", phases={})]
    found = spans_of(decoded(request([text(Ran(one, NOON)) for one in runs], SENDER)))

    assert named(found) == ["shop", *made().phases, "[]"]
    assert spans_of(decoded(request([], SENDER))) == []


@pytest.mark.parametrize("header", ["", "00-0-0-01", f"00-{TRACE}-{RUN}", f"00-{TRACE}-{RUN}-01x"])
def test_a_run_without_ids_has_no_spans(header: str) -> None:
    assert spans(made()._replace(traceparent=header)) == []


@given(st.text(), st.text(), st.floats(0, 1e5), st.floats(0, 1e5))
def test_whatever_a_target_says_the_request_can_be_read(
    message: str, name: str, seconds: float, began: float
) -> None:
    """Half a character among it."""
    known = [replace(step(name, seconds, message), began=began), step(f"\ud800{name}", seconds)]
    found = spans(made(Finding.down(Reason.BODY, message), seconds=seconds, steps=known))

    assert len(found) == 1 + 5 + 2
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in found)
    assert found[0].end_time_unix_nano == max(span.end_time_unix_nano for span in found)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "collector:4317",
        "grpc://collector:4317",
        "http://",
        "http://a b/",
        "http://[::1",
        "http://h:0",
        "http://h:70000",
        "http://h/?token=x",
        "http://h/#x",
        "http://u:p@h/",
        "http://xn--/",
    ],
)
def test_what_is_no_address_of_a_collector_is_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError):
        OtlpSettings(endpoint=endpoint)


@given(
    st.text() | st.from_regex(r"https?://[a-z\[\]:.@%0-9 -]{0,20}(/[ -~]{0,9})?", fullmatch=True)
)
def test_what_is_taken_for_an_address_can_be_asked(endpoint: str) -> None:
    try:
        settings = OtlpSettings(endpoint=endpoint)
    except ValidationError:
        return

    assert Url(settings.url).reveal().path.endswith("/v1/traces")


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("https://tempo.example/otlp/", "https://tempo.example/otlp/v1/traces"),
        ("https://tempo.example/v1/traces", "https://tempo.example/v1/traces"),
    ],
)
def test_spans_go_to_otlps_own_path_below_what_is_given(endpoint: str, url: str) -> None:
    assert OtlpSettings(endpoint=endpoint).url == url


def test_a_header_shows_as_stars_whatever_it_is_called() -> None:
    raw = {
        "endpoint": "http://collector:4318",
        "headers": {"X-Scope-OrgID": 17, "x-key": "hunter2"},
    }
    settings = OtlpSettings.model_validate(raw)

    assert "hunter2" not in f"{settings!r} {settings.model_dump_json()}"
    assert settings.headers["X-Scope-OrgID"].reveal() == "17"
    assert (settings.sample, settings.timeout) == (0.1, 10.0)
    with pytest.raises(ValidationError) as error:
        OtlpSettings.model_validate({**raw, "headers": {"x-key": "hunter2\nx"}})
    assert "hunter2" not in str(error.value)
