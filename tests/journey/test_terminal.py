from __future__ import annotations

from pathlib import Path

from prober.result import Outcome, Reason
from tests.journey.running import run

HALTED = """
from prober.journey import journey

@journey
def halted(page, step):
    with step("look"):
        breakpoint()
"""


def test_a_breakpoint_says_at_its_line_what_does_instead(tmp_path: Path) -> None:
    ended = run(tmp_path, HALTED).ended

    assert (ended.outcome, ended.reason) == (Outcome.DOWN, Reason.SCRIPT)
    assert ended.message.startswith("journey.py:7: step 'look': NoTerminal: breakpoint() has")
    assert "page.pause()" in ended.message
