"""What a CI system is told of runs: well-formed, whatever a target has sent."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.errors import ProberError, StartError
from prober.export.junit import Report, document
from prober.result import Assertion, Budget, Evidence, Finding, Reason, Result, Step

DOWN = Finding.down(
    Reason.STATUS,
    "status 503, expected 2xx",
    assertions=(
        Assertion("status", "2xx", "503", False),
        Assertion("body", "contains ok", "ok", True),
    ),
)


def result(finding: Finding, name: str = "shop", **more: object) -> Result:
    given = {"phases": {"connect": 0.01}, "attempts": 1} | more
    return Result(
        check=name, kind="http", region="eu", run_id="r", traceparent="t", started_at=0.0,
        seconds=1.25, finding=finding, **given,  # type: ignore[arg-type] # a test gives what fits
    )  # fmt: skip


def cases(*results: Result) -> tuple[Element, list[Element]]:
    root = fromstring(document(results))  # noqa: S314 - our own
    return root, list(root.iter("testcase"))


def test_a_check_is_a_case_and_its_outcome_decides() -> None:
    root, (up, down, unknown) = cases(
        result(Finding.up(), "a"), result(DOWN, "b"), result(Finding.unknown("starved"), "c")
    )

    assert [
        (one.get("classname"), one.get("name"), one.get("time")) for one in (up, down, unknown)
    ] == [
        ("http", "a", "1.250"),
        ("http", "b", "1.250"),
        ("http", "c", "1.250"),
    ]
    assert [[inner.tag for inner in one] for one in (up, down, unknown)] == [
        ["system-out"],
        ["failure"],
        ["error"],
    ]
    for counted in (root, root[0]):
        assert [counted.get(key) for key in ("tests", "failures", "errors")] == ["3", "1", "1"]


def test_a_failure_says_all_there_is_to_know() -> None:
    step = Step(name="pay", ok=False, seconds=2.0, message="no button")
    _, (case,) = cases(
        result(DOWN, attempts=3, steps=[step], evidence=[Evidence("screenshot", "a/b.png")])
    )

    failure = case[0]
    assert (failure.get("message"), failure.get("type")) == ("status 503, expected 2xx", "status")
    assert failure.text == "\n".join(
        (
            "status: status 503, expected 2xx",
            "after 3 attempts",
            "connect 10 ms",
            "FAIL status: 503 (expected 2xx)",
            "ok body: ok (expected contains ok)",
            "FAIL step pay, 2 s: no button",
            "screenshot: a/b.png",
        )
    )


SLOW = Budget(budget="lcp", page="checkout", limit=4.0, actual=4.2, ok=False)
LATE = Budget(budget="step pay", page=None, limit=5.0, actual=6.0, ok=False)
QUICK = Budget(budget="cls", page="/", limit=0.1, actual=0.0, ok=True)


def test_a_broken_budget_is_a_failure_that_is_named_for_itself() -> None:
    root, (broken, kept) = cases(
        result(Finding.up(), "a", budgets=[QUICK, SLOW, LATE]),
        result(Finding.up(), "b", budgets=[QUICK]),
    )

    (failure,) = broken
    assert (failure.tag, failure.get("type")) == ("failure", "budget")
    assert (
        failure.get("message") == "lcp of checkout: 4.2 s, at most 4 s; step pay: 6 s, at most 5 s"
    )
    assert failure.text == "\n".join(
        (
            "connect 10 ms",
            "ok budget cls of /: 0, at most 0.1",
            "FAIL budget lcp of checkout: 4.2 s, at most 4 s",
            "FAIL budget step pay: 6 s, at most 5 s",
        )
    )
    assert [(one.tag, one.text) for one in kept] == [
        ("system-out", "connect 10 ms\nok budget cls of /: 0, at most 0.1")
    ]
    assert [root.get(key) for key in ("tests", "failures", "errors")] == ["2", "1", "0"]


def test_of_several_runs_is_said_which_one_is_told_of() -> None:
    results = [result(Finding.up(), "a", budgets=[SLOW]), result(DOWN, "b"), result(DOWN, "c")]

    root = fromstring(document(results, {"a": 3, "b": 3, "c": 1}))  # noqa: S314 - our own
    slow, down, once = (str(case[0].text).splitlines()[0] for case in root.iter("testcase"))

    assert slow == "the last of 3 runs; the time of all of it and the budgets are medians"
    assert down == "the last of 3 runs that is down; the budgets are medians"
    assert once == "status: status 503, expected 2xx"


def test_a_run_that_is_not_up_is_told_by_its_own_reason_whatever_it_broke() -> None:
    root, (down, unknown) = cases(
        result(DOWN, "a", budgets=[SLOW], skipped=["pay", "sign out"]),
        result(Finding.unknown("starved"), "b", budgets=[SLOW]),
    )

    assert (down[0].tag, down[0].get("type")) == ("failure", "status")
    assert "skipped step pay\nskipped step sign out\nFAIL budget lcp" in str(down[0].text)
    assert (unknown[0].tag, unknown[0].get("message")) == ("error", "starved")
    assert [root.get(key) for key in ("failures", "errors")] == ["1", "1"]


def test_no_runs_are_an_empty_suite() -> None:
    root, none = cases()

    assert none == []
    assert root.get("tests") == "0"


@given(st.text(alphabet=st.characters(), max_size=40))
def test_it_is_well_formed_whatever_was_sent(text: str) -> None:
    finding = Finding.down(Reason.BODY, text, assertions=(Assertion(text, text, text, False),))

    _, (case,) = cases(result(finding, steps=[Step(name=text, ok=True, seconds=1, message=text)]))

    assert case[0].tag == "failure"


def test_what_xml_cannot_have_is_still_seen() -> None:
    _, (case,) = cases(result(Finding.down(Reason.BODY, "bell \x07 half \ud800 <&>\"'\ufffe")))

    assert case[0].get("message") == "bell \\x07 half \\ud800 <&>\"'\\ufffe"


def test_the_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text("before")

    with Report(path) as report:
        during = path.read_text()
        report.write([result(DOWN)])
    after = path.read_bytes()
    with pytest.raises(RuntimeError), Report(path):
        raise RuntimeError

    assert during == "before"
    assert after == path.read_bytes() == document([result(DOWN)])
    assert [one.name for one in tmp_path.iterdir()] == ["report.xml"]


def test_where_it_cannot_be_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"none/report.xml cannot be written: no such file"):
        Report(tmp_path / "none" / "report.xml").__enter__()
    with pytest.raises(StartError, match=r"cannot be written: is a directory"):
        Report(tmp_path).__enter__()
    for nameless in (Path("."), Path("/")):
        with pytest.raises(StartError, match=r"cannot be written: is a directory"):
            Report(nameless).__enter__()


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with Report(Path("/dev/full")) as report, pytest.raises(ProberError, match="no space left"):
        report.write([result(DOWN)])


def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.symlink_to(path)

    with Report(path) as report:
        report.write([result(DOWN)])

    assert path.read_bytes() == document([result(DOWN)])


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link.xml"
    link.symlink_to(tmp_path / "real.xml")

    with Report(link) as report:
        report.write([])

    assert link.is_symlink()
    assert b"testsuites" in (tmp_path / "real.xml").read_bytes()
