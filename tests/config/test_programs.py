"""What is said of a command that cannot be run on this machine."""

from __future__ import annotations

from pathlib import Path

from tests.config.loading import warned


def of(argv: str) -> str:
    return f"checks: []\nroutes: [{{notify: [fix]}}]\nnotifiers: {{fix: {{command: {{argv: [{argv}]}}}}}}\n"


def test_a_program_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    assert warned(tmp_path, of("/no/such, x")) == [
        "config.yaml:3: notifiers.fix.command.argv:"
        " there is no program '/no/such' on this machine that can be run"
    ]
    assert warned(tmp_path, of("no-such-program-anywhere")) != []


def test_a_program_that_is_there_is_none(tmp_path: Path) -> None:
    mine = tmp_path / "fix"
    mine.write_text("#!/bin/sh\n")
    before = warned(tmp_path, of(str(mine)))
    mine.chmod(0o755)

    assert len(before) == 1
    assert warned(tmp_path, of(str(mine))) == warned(tmp_path, of("sh")) == []
