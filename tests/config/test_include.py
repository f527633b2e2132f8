"""A config in several files is one config, and each mistake has the file it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from prober.config import load
from prober.config.difference import difference
from prober.config.globs import Pattern
from tests.config.loading import NOTHING_SET, loaded, refused, warned
from tests.config.test_load import certificate

MAIN = """
include: [conf.d/*.yaml]
defaults: {interval: 30s, labels: {from: main}}
checks:
  - {name: first, tcp: "h:1"}
notifiers: {hook: {webhook: {url: "http://h/"}}}
"""


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def names(folder: Path, text: str, env: Mapping[str, str] = NOTHING_SET) -> list[str]:
    return [check.name for check in loaded(folder, text, env).config.checks]


def test_included_checks_come_after_the_configs_own_file_by_file(tmp_path: Path) -> None:
    one = 'checks: [{{name: {0}, tcp: "h:1"}}]'
    write(tmp_path, {f"conf.d/{n}.yaml": one.format(n) for n in ("b", "a", ".hidden", "c")})
    (tmp_path / "conf.d" / "folder.yaml").mkdir()

    config = loaded(tmp_path, MAIN).config

    assert [check.name for check in config.checks] == ["first", "a", "b", "c"]
    assert {check.interval for check in config.checks} == {30}
    assert all(check.labels == {"from": "main"} for check in config.checks)
    assert all(config.rules[check.name] for check in config.checks)


@pytest.mark.parametrize("text", ["", "# nothing\n", "checks:\n", "checks: []\n"])
def test_an_included_file_may_be_empty(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"conf.d/a.yaml": text})

    assert names(tmp_path, MAIN) == ["first"]
    assert warned(tmp_path, MAIN) == []


def test_a_pattern_that_matches_nothing_is_a_warning(tmp_path: Path) -> None:
    assert warned(tmp_path, MAIN) == [
        "config.yaml:2: include[0]: 'conf.d/*.yaml' matches no file",
    ]


def test_a_file_that_two_patterns_match_is_included_once(tmp_path: Path) -> None:
    write(tmp_path, {"conf.d/a.yaml": 'checks: [{name: a, tcp: "h:1"}]'})
    text = "include: ['conf.d/*', 'conf.d/../conf.d/?.yaml', '**/a.yaml', '*.yaml']"

    assert names(tmp_path, text) == ["a"]


def test_one_file_can_be_named_without_a_list(tmp_path: Path) -> None:
    write(tmp_path, {"more.yaml": 'checks: [{name: a, tcp: "h:1"}]'})

    assert names(tmp_path, "include: more.yaml") == ["a"]


def test_the_pattern_is_filled_in_and_may_be_absolute(tmp_path: Path) -> None:
    write(tmp_path, {"eu/a.yaml": 'checks: [{name: a, tcp: "h:1"}]'})

    assert names(tmp_path, 'include: ["${WHERE}/*.yaml"]', {"WHERE": "eu"}) == ["a"]
    assert names(tmp_path, f"include: ['{tmp_path}/eu/*.yaml']") == ["a"]
    assert loaded(tmp_path, 'include: ["${WHERE}/*.yaml"]', allow_unset=True).warnings == ()


def test_paths_and_references_in_an_included_file_start_from_it(tmp_path: Path) -> None:
    check = (
        "checks: [{name: a, http: {url: 'https://h/', tls: {ca_file: ca.pem},"
        " headers: {Authorization: 'Bearer ${file:token}', X: '${WORD}'}}}]"
    )
    write(tmp_path, {"conf.d/a.yaml": check, "conf.d/token": "hunter22-of-a\n"})
    certificate(tmp_path / "conf.d" / "ca.pem")

    config = loaded(tmp_path, MAIN, {"WORD": "word"}).config

    assert str(tmp_path / "conf.d" / "ca.pem") in repr(config.checks[1])
    assert config.scrub("hunter22-of-a") == "***"
    assert "hunter22" not in repr(config.checks)
    assert "word" in repr(config.checks[1])


def test_every_file_is_among_the_configs_files(tmp_path: Path) -> None:
    write(tmp_path, {"conf.d/a.yaml": "checks: []", "conf.d/b.yaml": "checks: []"})

    files = list(loaded(tmp_path, MAIN).config.files)

    assert files[0] == str(tmp_path / "config.yaml")
    assert sorted(files[1:]) == [str(tmp_path / "conf.d" / name) for name in ("a.yaml", "b.yaml")]


async def test_a_change_in_an_included_file_is_a_difference(tmp_path: Path) -> None:
    write(tmp_path, {"conf.d/a.yaml": 'checks: [{name: a, tcp: "h:1"}]'})
    old = loaded(tmp_path, MAIN).config
    write(tmp_path, {"conf.d/a.yaml": 'checks: [{name: a, tcp: "h:2"}, {name: b, tcp: "h:1"}]'})

    found = await difference(old, load(tmp_path / "config.yaml", NOTHING_SET).config)

    assert (found.added, found.changed) == (("b",), ("a",))
    assert found.files == (str(tmp_path / "conf.d" / "a.yaml"),)


def test_anchors_do_not_cross_files(tmp_path: Path) -> None:
    write(tmp_path, {"conf.d/a.yaml": "checks: [{name: a, tcp: *there}]"})
    text = MAIN.replace('tcp: "h:1"', 'tcp: &there "h:1"')

    assert refused(tmp_path, text) == [
        "conf.d/a.yaml:1: *there is not defined above; write &there before the value it means"
    ]


def test_a_name_taken_says_both_files_and_lines(tmp_path: Path) -> None:
    one = 'checks:\n  - {name: same, tcp: "h:1"}\n'
    write(tmp_path, {"conf.d/a.yaml": one, "conf.d/b.yaml": one})

    assert refused(tmp_path, MAIN) == [
        "conf.d/b.yaml:2: checks[0].name: 'same' is taken by the check on line 2 of conf.d/a.yaml;"
        " names are unique"
    ]


def test_a_broken_script_says_which_file_names_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "conf.d/a.yaml": "checks: [{name: a, journey: bad.py}]",
            "conf.d/bad.py": "import no_such_module_anywhere\n",
        },
    )

    assert refused(tmp_path, MAIN.replace("30s", "5m")) == [
        "conf.d/bad.py:1: conf.d/a.yaml: checks[0].journey: cannot be imported:"
        " ModuleNotFoundError: No module named 'no_such_module_anywhere'; packages go into journeys/requirements.txt"
    ]


def test_a_short_secret_and_an_odd_name_have_their_own_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"conf.d/a.yaml": "checks: [{name: a, http: {url: 'https://h/', json: {password: abc}}}]"},
    )

    assert warned(tmp_path, MAIN) == [
        "conf.d/a.yaml:1: checks[0].http.json.password: a secret under 6 characters; make it longer"
    ]


def test_a_folder_with_wildcards_in_its_own_name_is_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "a[b]*"
    folder.mkdir()
    (folder / "x.yaml").touch()

    assert Pattern(str(folder), "*.yaml").matches() == ["x.yaml"]
    assert Pattern(str(folder), "none.yaml").matches() == ["none.yaml"]
    assert Pattern(str(folder), "\0*").matches() == ["\0*"]
