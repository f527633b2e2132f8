"""What authors do to the process of their journey: over in time, said right, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.probes.theatre import CALM, GOOD, LATE, WAIT, theatre

SPIN = "while True: pass"
FLOOD = "while True: print('y' * 1000)"
SCORE = "print('score', open('/proc/self/oom_score_adj').read().strip(), flush=True)"
EXITED = 'ended with exit code 0 and no verdict, in step "get stuck": score 300'
THREAD = "threading.Thread(target=time.sleep, args=(999,)).start()"


@pytest.mark.parametrize("stuck", [SPIN, WAIT])
async def test_a_stuck_journey_is_down_in_time_with_evidence_and_the_next_is_good(
    tmp_path: Path, stuck: str
) -> None:
    async with theatre(tmp_path) as stage:
        run = await stage.play(stuck, timeout=1.5)
        took, rate = stage.took, stage.rate
        good = await stage.play(GOOD, timeout=20)
        clean = stage.is_clean()

    assert run.why[:2] == ("down", "timeout")
    assert "get stuck" in run.why[2]
    assert [(step.name, step.ok) for step in run.attempt.steps] == [
        ("open", True),
        ("get stuck", False),
    ]
    assert took < 1.5 + 5 + LATE
    assert rate > CALM
    assert "opened" in run.console
    assert "screenshot" in {one.kind for one in run.evidence}
    assert good.why == ("up", None, "")
    assert clean


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("os._exit(0)", ("unknown", "internal", EXITED)),
        (f"{THREAD}; sys.exit(3)", ("down", "script", "step 'get stuck': SystemExit: 3")),
    ],
)
async def test_a_journey_that_ends_its_process_or_does_not_is_over_at_once(
    tmp_path: Path, does: str, why: tuple[str, str | None, str]
) -> None:
    async with theatre(tmp_path) as stage:
        run = await stage.play(f"{SCORE}; {does}", timeout=20)
        clean = stage.is_clean()

    assert run.why[:2] == why[:2]
    assert run.why[2].endswith(why[2])
    assert "\nscore 300\n" in run.console  # where memory runs out, it goes before the agent
    assert stage.took < 10
    assert stage.rate > CALM
    assert clean


async def test_a_script_that_prints_without_end_disturbs_no_check_beside_it(tmp_path: Path) -> None:
    async with theatre(tmp_path) as stage:
        run = await stage.play(FLOOD, timeout=2)
        clean = stage.is_clean()

    assert run.why[:2] == ("down", "timeout")
    assert stage.rate > CALM
    assert stage.took < 2 + 5 + LATE
    assert "opened" in run.console
    assert clean
