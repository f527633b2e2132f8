from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from prober.doctor import examination

NO_BROWSER = {"PROBER_CHROMIUM": "/nonexistent"}
NAMES = [
    "config", "clock", "processors", "memory", "files", "disk", "ports", "resolver", "icmp", "browser",
]  # fmt: skip


async def said(
    folder: Path, capsys: pytest.CaptureFixture[str], file: Path
) -> dict[str, dict[str, str]]:
    code = await examination.run(file, NO_BROWSER, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == (1 if any(line["level"] == "fail" for line in lines) else 0)
    return {line["name"]: line for line in lines}


async def test_each_look_says_one_line_and_a_failure_is_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = await examination.run(Path("config.yaml"), NO_BROWSER, as_json=False)
    lines = capsys.readouterr().out.splitlines()

    assert code == 1
    assert [line[5:].partition(":")[0] for line in lines] == NAMES
    assert lines[0].startswith("warn config: there is no config.yaml here")
    assert lines[-1].startswith("FAIL browser: PROBER_CHROMIUM is '/nonexistent'")
    assert os.listdir(tmp_path) == []


async def test_the_agents_own_config_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(
            "agent: {region: eu, data_dir: config.yaml}\n"
            f"web: {{listen: '127.0.0.1:{port}'}}\nchecks: []\n"
        )
        lines = await said(tmp_path, capsys, file)

    assert lines["config"]["found"] == f"{file}, 0 checks"
    assert [name for name, line in lines.items() if line["level"] == "fail"] == [
        "disk",
        "ports",
        "browser",
    ]


@pytest.mark.parametrize("text", ["checks: [{name: a}]\nfoo: 1\n", None])
async def test_a_config_with_mistakes_or_none_where_one_was_named_fails_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    file = tmp_path / "other.yaml"
    if text:
        file.write_text(text)
    lines = await said(tmp_path, capsys, file)

    assert lines["config"]["level"] == "fail"
    assert "other.yaml" in lines["config"]["found"]
    assert ("(and 1 more)" in lines["config"]["found"]) is (text is not None)
    assert list(lines) == NAMES


def test_no_look_is_without_a_limit() -> None:
    assert all(0 < look.limit <= 30 for look in examination.LOOKS)
