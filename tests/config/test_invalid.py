"""Each file in invalid/ has one broken thing; the exact messages stand beside it.

The scripts that some of them name are there as `.py.txt`: they are broken too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prober.config import load
from prober.errors import ConfigError

INVALID = Path(__file__).parent / "invalid"
FILES = sorted(path.name for path in INVALID.glob("*.yaml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of invalid/, with the scripts under their names."""
    folder = tmp_path_factory.mktemp("invalid")
    shutil.copytree(INVALID, folder, dirs_exist_ok=True)
    for script in (folder / "journeys").iterdir():
        script.rename(script.with_suffix(""))
    return folder


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    with pytest.raises(ConfigError) as error:
        load(name, {"WORD": "word"})

    assert str(error.value) == (INVALID / name).with_suffix(".txt").read_text().rstrip("\n")


def test_ten_mistakes_are_ten_lines_in_the_order_of_the_file() -> None:
    with pytest.raises(ConfigError) as error:
        load(INVALID / "ten_mistakes.yaml", {})

    lines = [problem.line for problem in error.value.problems]

    assert len(lines) == 10
    assert lines == sorted(lines)


def test_no_message_speaks_as_pydantic_does() -> None:
    said = "".join(path.read_text() for path in INVALID.glob("*.txt"))

    assert not [word for word in ("Input", "should be", "type=", "pydantic") if word in said]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing.yaml", "no such file"),
        (".", "is a directory; name a file"),
        ("a\0b", "is not the name of a file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as error:
        load(name, {})

    assert [problem.message for problem in error.value.problems] == [said]


def test_a_file_of_unreasonable_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.config.source.LARGEST", 2**20)
    path = tmp_path / "config.yaml"
    path.write_bytes(b"#" * (2**20 + 1))

    with pytest.raises(ConfigError, match="over 1 MiB; no config needs as much"):
        load(path, {})
