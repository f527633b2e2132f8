"""What the documents show is what the agent takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from prober.config import load
from tests.tools import tool

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, block in enumerate(BLOCK.findall(path.read_text()))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_yaml_example_is_valid(block: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(block)

    if block.startswith("scrape_configs:"):
        subprocess.run([tool("promtool"), "check", "config", file], check=True, timeout=20)
    else:
        assert load(
            file, {"API_TOKEN": "0123456789", "HOOK_SECRET": "0123456789", "S": "0123456789"}
        ).config


def test_the_config_of_the_repository_is_valid() -> None:
    loaded = load(ROOT / "config.yaml", {})

    assert len(loaded.config.checks) >= 6
    assert loaded.warnings == ()


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()

    assert all(
        (ROOT / script).stat().st_mode & 0o111
        for script in ("scripts/demo", "scripts/test", ".ci/run")
    )
    assert "    scripts/demo " in text
    assert "    scripts/test " in text
