"""One check for each target that Prometheus' file_sd names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.conditions import Failures
from prober.check import Check
from prober.config.targets import name_of
from prober.probes.http import HttpCheck
from prober.probes.http_settings import HttpSettings
from prober.probes.tcp import TcpCheck
from tests.config.loading import NOTHING_SET, loaded, refused, warned
from tests.config.test_include import write

MANY = """
notifiers: {hook: {webhook: {url: "http://h/"}}}
defaults: {labels: {env: prod}}
checks:
  - name: many
    targets_from: [targets/*]
    interval: 30s
    labels: {team: web}
    alerts: {down: {when: {failures: 7}}}
    http: {method: HEAD, expect: {status: 204}}
"""
TCP = "checks: [{name: ports, targets_from: targets/a.yaml, tcp: }]"


def targets(folder: Path, *groups: object, name: str = "a.json") -> None:
    write(folder, {f"targets/{name}": json.dumps(groups)})


def names(folder: Path, text: str = MANY, env: Mapping[str, str] = NOTHING_SET) -> list[str]:
    return [check.name for check in loaded(folder, text, env).config.checks]


def test_every_target_is_a_check_with_all_that_the_check_says(tmp_path: Path) -> None:
    targets(
        tmp_path,
        {
            "targets": ["https://a.example/health"],
            "labels": {"team": "db", "dc": "x", "__meta": "y"},
        },
        {"targets": ["b.example:8080"]},
    )

    config = loaded(tmp_path, MANY).config

    first, second = config.checks
    assert isinstance(first, HttpCheck)
    assert isinstance(second, HttpCheck)
    assert isinstance(first.http, HttpSettings)
    assert isinstance(second.http, HttpSettings)
    assert (first.name, str(first.http.url)) == (
        *("many:https://a.example/health", "https://a.example/health"),
    )
    assert (second.name, str(second.http.url)) == (
        *("many:b.example:8080", "http://b.example:8080/"),
    )
    assert first.labels == {"env": "prod", "team": "db", "dc": "x"}
    assert second.labels == {"env": "prod", "team": "web"}
    assert (first.http.method, first.interval) == ("HEAD", 30)
    assert first.http.expect is second.http.expect  # shared, not copied ten thousand times
    assert [rule.condition for rule in config.rules[second.name]] == [Failures(7)]


def test_yaml_is_as_good_and_a_number_is_as_it_is_written(tmp_path: Path) -> None:
    write(tmp_path, {"targets/a.yaml": "- targets: ['[::1]:80', h:1]\n  labels: {tier: 010}\n"})

    checks = loaded(tmp_path, TCP).config.checks

    assert [check.target for check in checks] == ["[::1]:80", "h:1"]
    assert all(isinstance(check, TcpCheck) for check in checks)
    assert {check.labels["tier"] for check in checks} == {"010"}


def test_nothing_is_filled_in(tmp_path: Path) -> None:
    targets(tmp_path, {"targets": ["h.example"], "labels": {"a": "${WORD}", "b": "$${WORD}"}})

    (check,) = loaded(tmp_path, MANY, {"WORD": "word"}).config.checks

    assert (check.labels["a"], check.labels["b"]) == ("${WORD}", "$${WORD}")


@pytest.mark.parametrize(
    "text", ["[]", "- targets: []\n", "- targets:\n", "- {targets: [], labels: }\n"]
)
def test_no_targets_are_no_checks(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"targets/a.yaml": text})

    assert names(tmp_path) == []


def test_a_pattern_that_matches_nothing_is_a_warning(tmp_path: Path) -> None:
    assert warned(tmp_path, MANY) == [
        "config.yaml:6: checks[0].targets_from[0]: 'targets/*' matches no file"
    ]


def test_the_same_target_twice_is_one_check(tmp_path: Path) -> None:
    targets(tmp_path, {"targets": ["h.example", "h.example"]}, {"targets": [" h.example "]})
    targets(tmp_path, {"targets": ["h.example"]}, name="b.json")

    assert names(tmp_path) == ["many:h.example"]


def test_the_same_target_with_other_labels_or_another_user_is_told_apart(tmp_path: Path) -> None:
    targets(
        tmp_path,
        {"targets": ["h.example"]},
        {"targets": ["h.example"], "labels": {"a": "b"}},
        {"targets": ["https://u:secret-1@h.example", "https://u:secret-2@h.example"]},
    )

    found = names(tmp_path)

    assert found[:2] == ["many:h.example", "many:h.example-2"]
    assert found[2].partition("-")[0] == "many:https://h.example"
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    "target", ["https://user:pass-word-1@h.example/", "user:pass-word-1@h.example/a"]
)
def test_userinfo_shows_nowhere_with_a_scheme_or_without(tmp_path: Path, target: str) -> None:
    targets(tmp_path, {"targets": [target, target.replace("h.example", "bad host")]})

    said = refused(tmp_path, MANY)
    targets(tmp_path, {"targets": [target]})
    config = loaded(tmp_path, MANY).config

    assert "pass-word" not in "".join(said)
    assert "pass-word" not in repr(config.checks)
    assert "user" not in config.checks[0].name
    assert config.scrub("it was pass-word-1") == "it was ***"


def test_an_address_in_a_label_is_no_secret(tmp_path: Path) -> None:
    targets(tmp_path, {"targets": ["h.example"], "labels": {"owner": "someteam@x.example"}})

    config = loaded(tmp_path, MANY).config

    assert config.scrub("someteam is here") == "someteam is here"


def test_targets_files_beside_an_included_file_are_its_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "conf.d/a.yaml": "checks: [{name: x, targets_from: ['t/*.json'], tcp: }]",
            "conf.d/t/a.json": '[{"targets": ["h:1", "bad"]}]',
        },
    )

    assert refused(tmp_path, "include: [conf.d/*.yaml]") == [
        "conf.d/t/a.json:1: [0].targets[1]: 'bad' has no port; write it as host:port or [::1]:port"
    ]


def test_a_target_that_is_no_url_spares_the_others_nothing(tmp_path: Path) -> None:
    targets(tmp_path, {"targets": ["a.example", "ftp://b.example", "c d"]})

    assert [line.partition(": ")[2].partition(":")[0] for line in refused(tmp_path, MANY)] == [
        "[0].targets[1]",
        "[0].targets[2]",
    ]


def test_what_is_wrong_with_the_check_is_said_once(tmp_path: Path) -> None:
    targets(tmp_path, {"targets": [f"h{n}.example" for n in range(50)]})
    text = MANY.replace("status: 204", "status: 1").replace("30s", "1s")

    assert [line.split(": ")[0] for line in refused(tmp_path, text)] == [
        "config.yaml:7",
        "config.yaml:10",
    ]


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=5, unique=True))
def test_any_target_makes_a_name_that_a_check_may_have(texts: list[str]) -> None:
    made = [name_of("many", text) for text in texts]

    pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}")
    assert all(pattern.fullmatch(name) for name in made)
    assert all(Check(name=name).name for name in made)
    without_userinfo = {text for text in texts if "@" not in text}
    assert len({name_of("many", text) for text in without_userinfo}) == len(without_userinfo)


def test_a_name_depends_on_its_target_alone() -> None:
    long = "https://h.example/" + "x" * 300

    assert name_of("many", "https://h.example:8443/a") == "many:https://h.example:8443/a"
    assert name_of("many", "https://h.example/?a=1") != name_of("many", "https://h.example/?a-1")
    assert re.fullmatch(
        r"many:https://h\.example/-a-1-[0-9a-f]{8}", name_of("many", "https://h.example/?a=1")
    )
    assert name_of("many", long) == name_of("many", long)
    assert name_of("many", long) != name_of("many", long + "y")
    assert len(name_of("n" * 200, long)) == 200


def test_ten_thousand_targets_are_ten_thousand_checks(tmp_path: Path) -> None:
    half = [f"https://h{n}.example:8443/health" for n in range(5000)]
    targets(tmp_path, {"targets": half})
    targets(
        tmp_path,
        *({"targets": [f"h{n}.example"], "labels": {"n": str(n)}} for n in range(5000)),
        name="b.json",
    )
    config = loaded(tmp_path, MANY).config

    assert len(config.checks) == len(config.rules) == 10_000


def test_a_long_target_is_not_quoted_whole(tmp_path: Path) -> None:
    targets(tmp_path, {"targets": ["a" * 3000, f"http://me:{'my-password' * 9}@ü^/"]})

    long, secret = refused(tmp_path, MANY)

    assert long.endswith("aa…' has a host that is no valid domain name")
    assert len(long) < 200
    assert "my-password" not in secret
