"""What a run has learned to be secret is in nothing that is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.probes.playing import GO, READY, Act, Stage, begun, down

SAID = "wrong password typed-by-me, sid=c00kie-of-mine, consent accepted"


async def test_what_was_learned_is_in_nothing_that_is_told(tmp_path: Path) -> None:
    """Though it was learned only after it had been told."""
    step = "as typed-by-me"
    acts: Sequence[Act] = [
        begun(step),
        ["say", {"event": "step ended", "name": step, "ok": False, "seconds": 0.1, "message": SAID}],
        ["say", {"event": "seen", "id": "1", "page": "/c00kie-of-mine", "url": "/?typed-by-me"}],
        ["say", {"event": "learned", "texts": ["typed-by-me"]}],
        ["say", {"event": "skipped", "names": ["leave typed-by-me"]}],
        ["say", {"event": "learned", "texts": ["c00kie-of-mine", "accepted"], "words": False}],
    ]  # fmt: skip

    run = await Stage(tmp_path).play([READY, GO, *acts, down(message=SAID)])

    attempt = run.attempt
    told = f"{run.finding} {attempt.steps} {attempt.visits} {attempt.skipped}"
    assert "typed" not in told
    assert "c00kie" not in told
    assert run.why[2] == "wrong password ***, sid=***, consent accepted"
    assert [step.name for step in attempt.steps] == ["as ***"]


async def test_where_a_process_ended_without_a_verdict_its_last_line_is_told_without_it(
    tmp_path: Path,
) -> None:
    learned: Act = ["say", {"event": "learned", "texts": ["typed-by-me"]}]

    run = await Stage(tmp_path).play(
        [READY, GO, learned, ["print", "got typed-by-me"], ["exit", 3]]
    )

    assert run.why[0] == "unknown"
    assert run.why[2].endswith("got ***")
