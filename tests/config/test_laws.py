from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.config import load
from prober.errors import ConfigError, Problem

KEYS = [
    "agent", "web", "regions", "severities", "defaults", "checks", "alerts", "notifiers", "routes",
    "name", "interval", "timeout", "retries", "severity", "labels", "runbook", "http", "tcp", "url",
    "method", "headers", "body", "json", "redirects", "tls", "expect", "status", "when", "failures",
    "resolve", "webhook", "alertmanager", "urls", "match", "notify", "continue", "down", "<<",
    "region", "data_dir", "listen", "password", "hmac_secret", "ca_file", "1", "true",
    "journey", "script", "base_url", "params", "secrets", "browser", "workers", "sandbox",
]  # fmt: skip
TEXTS = st.sampled_from(
    ["", "5s", "http", "tcp", "down", "https://u:p@h/", "h:1", "${A}", "${B:-x}", "${", "a.py::f"]
) | st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-2, 999) | st.floats() | TEXTS
VALUES: st.SearchStrategy[object] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=25,
)
CONFIGS = st.dictionaries(st.sampled_from(KEYS[:9]), VALUES, max_size=6)
# Whatever somebody may type; the signs that mean something to YAML more often than others.
TYPED = st.text(alphabet=st.sampled_from("ab:- \n\t{}[],&*!|>'\"%@`#$<?~0x.\\\x85é\U0001f600"))
BYTES = st.binary(max_size=60)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "config.yaml"


def unsaid(path: Path, content: bytes) -> list[Problem]:
    """What was found and is not said in one line of words; whatever else is raised escapes."""
    path.write_bytes(content)
    both = [problems_of(path, allow_unset=allow_unset) for allow_unset in (False, True)]
    found = [problem for problems in both for problem in problems]
    return [one for one in found if not one.message or len(str(one).splitlines()) != 1]


def problems_of(path: Path, *, allow_unset: bool) -> Sequence[Problem]:
    try:
        return load(path, {"A": "value"}, allow_unset=allow_unset).warnings
    except ConfigError as error:
        return error.problems


@settings(max_examples=150, deadline=None)
@given(CONFIGS)
def test_any_structure_loads_or_is_refused_in_words(path: Path, config: object) -> None:
    assert unsaid(path, yaml.safe_dump(config, allow_unicode=True).encode()) == []


@settings(max_examples=150, deadline=None)
@given(TYPED)
def test_any_text_loads_or_is_refused_in_words(path: Path, text: str) -> None:
    assert unsaid(path, text.encode()) == []


@settings(max_examples=60, deadline=None)
@given(BYTES)
def test_any_bytes_load_or_are_refused_in_words(path: Path, content: bytes) -> None:
    assert unsaid(path, content) == []
