"""What the documents show is what the agent takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prober.config import load
from prober.journey.find import NAMES
from prober.result import Reason
from tests.tools import tool

ROOT = Path(__file__).parent.parent
ENV = dict.fromkeys(
    ("API_TOKEN", "HOOK_SECRET", "IMAP_PASSWORD", "S", "SHOP_PASSWORD"), "0123456789"
)
ENV["PAGERDUTY_INTEGRATION_KEY"] = "0123456789abcdef0123456789abcdef"
ENV["SLACK_BOT_TOKEN"] = "xoxb-0123456789-abcdefgh"
ENV["SLACK_WEBHOOK_URL"] = "https://hooks.slack.com/services/T00000001/B00000001/abcdefgh"
ENV["TWILIO_TOKEN"] = "0123456789abcdef0123456789abcdef"
TEXTS = {
    path.name: path.read_text()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}


def blocks(language: str) -> list[tuple[str, str]]:
    """What a document shows in this language, with a name for it."""
    fence = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [
        (f"{name}-{number}", block)
        for name, text in TEXTS.items()
        for number, block in enumerate(fence.findall(text))
    ]


YAML = [pytest.param(block, id=name) for name, block in blocks("yaml")]
PYTHON = [pytest.param(block, id=name) for name, block in blocks("python")]


@pytest.mark.parametrize("block", YAML)
def test_a_yaml_example_is_valid(block: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(block)
    shutil.copytree(ROOT / "journeys", tmp_path / "journeys")
    (tmp_path / "journeys" / "sign_in.py").write_text(dict(blocks("python"))["README.md-0"])

    if block.startswith("scrape_configs:"):
        subprocess.run([tool("promtool"), "check", "config", file], check=True, timeout=20)
    else:
        loaded = load(file, ENV)
        assert loaded.config
        assert loaded.broken == ()
        assert not [one for one in loaded.warnings if "timeout" in one.message]


@pytest.mark.parametrize("block", PYTHON)
def test_a_journey_that_is_shown_can_be_run_as_it_stands(block: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.py"
    file.write_text(block)
    said = subprocess.run(
        [sys.executable, "-P", "-m", "prober.journey.listing", file],
        check=True,
        capture_output=True,
        timeout=20,
    ).stdout

    found = json.loads(said)
    assert {key: found[key] for key in ("function", "is_async")} == {
        "function": re.findall(r"@journey\n(?:async )?def (\w+)", block)[-1],
        "is_async": "async def" in block,
    }


def test_the_readme_shows_a_config_of_twenty_lines_and_a_journey_of_ten() -> None:
    yaml, python = dict(blocks("yaml"))["README.md-0"], dict(blocks("python"))["README.md-0"]

    assert yaml.count("\n") <= 20
    assert python.count("\n") <= 10


@pytest.mark.parametrize("name", TEXTS)
def test_a_link_leads_to_what_is_there(name: str) -> None:
    folder = ROOT if name == "README.md" else ROOT / "docs"
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXTS[name])

    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []


def test_the_arguments_of_a_journey_are_all_described() -> None:
    table = re.findall(r"^\| (`.*?) \|", TEXTS["journeys.md"], re.MULTILINE)

    assert {*NAMES} <= {name for row in table for name in re.findall(r"`(\w+)`", row)}


def test_every_reason_is_told() -> None:
    (outcomes,) = re.findall(r"### Outcomes\n(.*?)\n## ", TEXTS["config.md"], re.DOTALL)

    assert {*Reason} <= set(re.findall(r"[a-z]+", " ".join(re.findall(r"`([a-z ]+)`", outcomes))))


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
