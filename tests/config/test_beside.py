"""What is wrong in one place hides nothing of what is wrong in another."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

from prober.config import load
from prober.errors import ConfigError

Raw: TypeAlias = "dict[str, object]"

INVALID = Path(__file__).parent / "invalid"
# One thing in each section that no value can be made of.
BESIDE: Raw = yaml.safe_load("""
agent: {browser: {workers: 0}}
web: {listen: beside}
quorum: 0
prometheus: {scrape_interval: 0}
defaults: {retries: -1}
checks:
  - {name: beside, http: {url: "https://beside.example/", redirects: -1}}
alerts:
  beside: {when: {failures: 0}}
notifiers: {beside: {webhook: {url: [], timeout: 0}}}
routes: [{match: {beside: [a]}, notify: [], escalate: [{after: 0, notify: []}]}]
maintenance: [{name: beside, start: 5}]
reports: [{notify: beside, schedule: 5}]
slos: [{name: beside, window: 0}]
connectivity: [beside]
""")

WITHIN: Mapping[str, Raw] = {
    "checks": {"retries": -1},
    **{key: {"beside": 1} for key in ("alerts", "routes", "maintenance", "reports", "slos")},
}
OF_TEXT = ("repeated key", "alias", "inside &")  # of which nothing is left once it has been read


def joined(own: Raw, beside: Raw) -> Raw:
    """All of `own`, and what of `beside` finds a place next to it."""
    both = dict(own)
    for key, value in beside.items():
        there = both.setdefault(key, value)
        if isinstance(there, dict) and isinstance(value, dict):
            both[key] = joined(there, value)
        elif isinstance(there, list) and isinstance(value, list):
            both[key] = [*there, *value]
    return both


class _Plain(yaml.SafeLoader):
    """Moments are texts, as in a config."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as it is inherited
        sign: [one for one in known if not one[0].endswith(":timestamp")]
        for sign, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def marred(raw: Raw) -> Raw:
    """The same with one thing more that is wrong in each item of each section."""
    both = dict(raw)
    for section, wrong in WITHIN.items():
        there = raw.get(section)
        if isinstance(there, list):
            both[section] = [joined(one, wrong) if isinstance(one, dict) else one for one in there]
        elif isinstance(there, dict):
            both[section] = {
                key: joined(one, wrong) if isinstance(one, dict) else one
                for key, one in there.items()
            }
    return both


def broken() -> dict[str, Raw]:
    """By name, the configs whose mistake is not one of how it is written, and none of a script's."""
    found = {}
    for path in sorted(INVALID.glob("*.yaml")):
        try:
            raw = yaml.load(path.read_text(), _Plain)  # noqa: S506 - it is a safe one
        except (yaml.YAMLError, ValueError):
            continue
        is_of_text = any(word in path.with_suffix(".txt").read_text() for word in OF_TEXT)
        if isinstance(raw, dict) and not is_of_text and ".py" not in path.read_text():
            found[path.name] = raw
    return found


def core(line: str) -> str:
    """The place and what is wrong there; the rest may be about what else there is."""
    said = line.split(": ", 1)[1].partition(";")[0]
    return re.sub(r" line \d+", " line", said)


BROKEN = broken()
# Of a check that is wrong itself nobody knows what it would make of a target.
TOGETHER = {"targets_certificate.yaml", "targets_wrong.yaml"}


def missing(name: str, raw: Raw, folder: Path) -> set[str]:
    """What is wrong with `name` and not told of `raw`, which has the same mistakes and others."""
    text = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as error:
        load(name, {"WORD": "word"})
    told = {core(str(problem)) for problem in error.value.problems}
    alone = (INVALID / name).with_suffix(".txt").read_text().splitlines()
    return {core(line) for line in alone} - told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside")
    shutil.copytree(INVALID, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize("name", BROKEN)
def test_each_mistake_is_told_beside_one_in_every_section(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    assert missing(name, joined(BROKEN[name], BESIDE), folder) == set()


@pytest.mark.parametrize("name", sorted(BROKEN.keys() - TOGETHER))
def test_each_mistake_is_told_beside_one_in_the_same_item(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    assert missing(name, marred(BROKEN[name]), folder) == set()
