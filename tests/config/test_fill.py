from __future__ import annotations

import os
from pathlib import Path

import pytest

from prober.config.fill import Files, Filler
from prober.probes.http import HttpCheck
from prober.probes.http_settings import HttpSettings
from tests.config.loading import loaded, refused

ENV = {"A": "1", "HOST": "h", "EMPTY": "", "TRICK": "{x: y}\n- ${A}", "BAD": "\udcff"}


def filled(folder: Path, text: str) -> str:
    return Filler(ENV, Files(folder)).fill(text).text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("x${A}y${HOST}z", "x1yhz"),
        ("${NONE:-d e}", "d e"),
        ("${NONE:-}", ""),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY}", ""),
        ("${A:-d}", "1"),
        ("$${A}", "${A}"),
        ("$${A} ${A}", "${A} 1"),
        ("$A {A} $", "$A {A} $"),
        ("${TRICK}", "{x: y}\n- ${A}"),
    ],
)
def test_references_are_filled_in(tmp_path: Path, text: str, value: str) -> None:
    assert filled(tmp_path, text) == value


def test_a_file_is_read_beside_the_config_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter22\n")

    assert filled(tmp_path, "Bearer ${file:pw}") == "Bearer hunter22"
    assert filled(tmp_path, f"${{file:{tmp_path}/pw}}") == "hunter22"


@pytest.mark.parametrize(
    "text", ["${", "${}", "${1A}", "${A B}", "${A:?}", "${A:-${B}}", "${file:}"]
)
def test_what_is_no_reference_is_refused(tmp_path: Path, text: str) -> None:
    found = Filler(ENV, Files(tmp_path)).fill(text)

    assert "is no reference; write ${NAME}" in found.wrong[0]


def test_what_cannot_be_a_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"x" * (2**20 + 1))
    os.mkfifo(tmp_path / "pipe")
    filler = Filler(ENV, Files(tmp_path))

    assert "not UTF-8" in filler.fill("${BAD}").wrong[0]
    assert "not UTF-8" in filler.fill("${file:binary}").wrong[0]
    assert "over 1 MiB" in filler.fill("${file:large}").wrong[0]
    assert "is not a regular file" in filler.fill("${file:pipe}").missing[0]
    assert "is a directory" in filler.fill("${file:.}").missing[0]


def test_a_value_takes_the_type_of_its_field_and_never_a_structure(tmp_path: Path) -> None:
    text = """
checks:
  - name: a
    retries: ${N}
    timeout: ${T}
    labels: {x: "${TRICK}", n: "${N}"}
    http: {url: "http://${HOST}/", tls: {insecure_skip_verify: "${YES}"}, json: {n: "${N}"}}
"""
    env = {"N": "2", "T": "3s", "HOST": "h.example", "YES": "true", "TRICK": "[a, {b: c}]"}

    (check,) = loaded(tmp_path, text, env).config.checks

    assert isinstance(check, HttpCheck)
    assert isinstance(check.http, HttpSettings)
    assert (check.retries, check.timeout) == (2, 3)
    assert check.labels == {"x": "[a, {b: c}]", "n": "2"}
    assert check.http.tls.insecure_skip_verify is True
    assert check.http.json_ == {"n": "2"}


def test_keys_are_never_filled_in(tmp_path: Path) -> None:
    text = 'checks: [{name: a, http: {url: "http://h/", json: {"${KEY}": 1}}}]'

    (check,) = loaded(tmp_path, text, {"KEY": "x"}).config.checks

    assert isinstance(check, HttpCheck)
    assert isinstance(check.http, HttpSettings)
    assert check.http.json_ == {"${KEY}": 1}


def test_a_filled_value_that_is_wrong_is_told_as_it_is(tmp_path: Path) -> None:
    said = refused(tmp_path, "defaults:\n  timeout: ${T}\n", {"T": "soon"})

    assert said == [
        "config.yaml:2: defaults.timeout: 'soon' is not a duration;"
        " write it as 500ms, 30s, 5m, 1h30m or 7d"
    ]


UNSET = """
agent: {region: "${R}"}
checks:
  - {name: a, tcp: "${HOST}:80", timeout: "${T}", labels: {x: "${X}"}}
  - {name: b, http: "https://${U}@x.example/", severity: "${S}", alerts: {down: "${D}"}}
  - {name: c, http: "${URL}", timeout: 5s}
  - {name: d, tcp: "h:1", labels: {x: "${X}"}}
notifiers: {x: {webhook: {url: "${URL}", hmac_secret: "${file:not-here}"}}}
routes: [{notify: "${N}"}, {notify: x}]
"""


def test_with_allow_unset_what_is_not_set_is_no_mistake(tmp_path: Path) -> None:
    config = loaded(tmp_path, UNSET, allow_unset=True).config

    assert config.agent.region == "${R}"
    assert config.checks[-1].labels == {"x": "${X}"}
    assert not config.scrub.values


def test_with_allow_unset_other_mistakes_are_told(tmp_path: Path) -> None:
    text = UNSET.replace("timeout: 5s", "timeout: 5 s, colour: red")

    assert refused(tmp_path, text, allow_unset=True) == [
        'config.yaml:6: checks[2]: unknown key "colour"; known here: name, interval, timeout,'
        " retries, severity, labels, runbook, quorum, depends_on, alerts, targets_from, http, tcp, journey",
        "config.yaml:6: checks[2].timeout: '5 s' is not a duration;"
        " write it as 500ms, 30s, 5m, 1h30m or 7d",
    ]


def test_without_it_each_unset_name_is_one_mistake(tmp_path: Path) -> None:
    assert len(refused(tmp_path, UNSET)) == UNSET.count("${")
