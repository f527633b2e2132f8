"""What can be written in a place is read off the settings classes, lists and unions too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from prober.check import Model
from prober.config.shape import file_places, known
from prober.probes.http import HttpCheck


class Inner(Model):
    ca_file: Path | None = None


class One(Model):
    url: str = ""
    tls: Inner = Inner()


class Many(Model):
    steps: tuple[One, ...] = ()
    files: Mapping[str, Inner] = {}


class Either(Model):
    way: One | Many
    body_file: Path | None = None


def test_files_are_found_in_branches_and_in_every_item_of_a_list() -> None:
    raw: JsonValue = {"way": {"steps": [{"tls": {}}, {"url": "x"}]}}

    assert file_places(Either, raw) == (
        ("way", "tls", "ca_file"),
        ("way", "steps", 0, "tls", "ca_file"),
        ("way", "steps", 1, "tls", "ca_file"),
        ("body_file",),
    )
    assert file_places(Either, {"way": {"steps": "text"}}) == (
        ("way", "tls", "ca_file"),
        ("body_file",),
    )


def test_a_part_that_nobody_writes_is_passed_over_or_picks_its_branch() -> None:
    assert known(Either, ("way",)) == ("url", "tls", "steps", "files")
    assert known(Either, ("way", "One")) == ("url", "tls")
    assert known(Either, ("way", "tagged")) == ("url", "tls", "steps", "files")
    assert known(Either, ("way", "Many", "steps", 1, "tls")) == ("ca_file",)
    assert known(Either, ("way", "files", "any")) == ("ca_file",)


def test_a_step_of_http_knows_what_a_step_can_have() -> None:
    keys = known(HttpCheck, ("http", "steps", 1))

    assert {"name", "url", "always", "extract", "expect"} <= set(keys)
