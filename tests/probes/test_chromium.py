"""Which browser is taken, and what is said where there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from prober.probes import chromium
from prober.probes.chromium import NoBrowser, arguments, find, playwrights, sandboxed


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A system without a browser; the folder is where Playwright's are."""
    monkeypatch.setattr(chromium, "SHELLS", (str(tmp_path / "shell"),))
    monkeypatch.setattr(chromium, "WHOLE", (str(tmp_path / "whole"),))
    return tmp_path


def program(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return str(path)


def env(folder: Path, **others: str) -> dict[str, str]:
    return {"PLAYWRIGHT_BROWSERS_PATH": str(folder), **others}


def install(folder: Path) -> None:
    package = chromium._package()
    assert package is not None
    kept = folder / f"chromium_headless_shell-{chromium._revision(package)}"
    kept.mkdir()
    (kept / "INSTALLATION_COMPLETE").touch()


def test_the_one_that_is_named_comes_before_all(bare: Path) -> None:
    program(bare / "shell")
    named = program(bare / "mine")

    assert find(env(bare, PROBER_CHROMIUM=named)) == named


@pytest.mark.parametrize("path", ["/missing/chromium", "/proc/version", "/tmp"])
def test_a_named_one_that_is_no_program_is_said(bare: Path, path: str) -> None:
    program(bare / "shell")

    with pytest.raises(NoBrowser, match=f"PROBER_CHROMIUM is '{path}', which is no program"):
        find(env(bare, PROBER_CHROMIUM=path))


def test_a_shell_comes_before_playwrights_own_and_that_before_a_whole_browser(bare: Path) -> None:
    whole = program(bare / "whole")
    assert find(env(bare)) == whole

    install(bare)
    assert find(env(bare)) is None

    shell = program(bare / "shell")
    assert find(env(bare)) == shell


def test_a_download_that_was_cut_off_is_no_browser(bare: Path) -> None:
    install(bare)
    next(bare.glob("chromium_headless_shell-*/INSTALLATION_COMPLETE")).unlink()

    with pytest.raises(NoBrowser, match=r"run scripts/install, .* or set PROBER_CHROMIUM"):
        find(env(bare))


def test_playwrights_browsers_are_found_wherever_a_journey_is_at_home() -> None:
    assert playwrights({"PLAYWRIGHT_BROWSERS_PATH": "0"}) == "0"
    assert playwrights({"PLAYWRIGHT_BROWSERS_PATH": "b"}) == f"{os.getcwd()}/b"
    if sys.platform == "linux":
        assert playwrights({"HOME": "/home/a"}) == "/home/a/.cache/ms-playwright"
        assert playwrights({"XDG_CACHE_HOME": "/c"}) == "/c/ms-playwright"


def test_switches_are_split_as_a_shell_would() -> None:
    assert arguments({}) == ()
    assert arguments({"PROBER_CHROMIUM_ARGS": "--a '--b=c d'"}) == ("--a", "--b=c d")

    with pytest.raises(NoBrowser, match="PROBER_CHROMIUM_ARGS cannot be read: no closing"):
        arguments({"PROBER_CHROMIUM_ARGS": "'--a"})


def test_a_sandbox_is_there_where_it_was_asked_for_or_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    switch = tmp_path / "unprivileged_userns_clone"
    monkeypatch.setattr(chromium, "_FORBIDDEN", ((str(switch), "0"),))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert sandboxed("auto")
    switch.write_text("0\n")
    assert not sandboxed("auto")
    assert sandboxed(True)
    switch.write_text("1\n")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not sandboxed("auto")
    assert not sandboxed(False)
