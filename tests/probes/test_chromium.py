"""Which browser is taken, and what is said where there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from prober.probes import chromium, playwright_kept
from prober.probes.chromium import (
    Browser,
    NoBrowser,
    arguments,
    find,
    missing,
    unverified,
)
from prober.probes.journey_options import SHELL, Channel


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A system without a browser; the folder is where Playwright's are."""
    monkeypatch.setattr(chromium, "SHELLS", (str(tmp_path / "shell"),))
    monkeypatch.setattr(chromium, "WHOLE", (str(tmp_path / "whole"),))
    brands = {name: (str(tmp_path / name),) for name in ("chrome", "chrome-beta", "msedge")}
    monkeypatch.setattr(chromium, "BRANDS", brands)
    return tmp_path


def program(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return str(path)


def env(folder: Path, **others: str) -> dict[str, str]:
    return {"PLAYWRIGHT_BROWSERS_PATH": str(folder), **others}


def install(folder: Path, name: str = "chromium-headless-shell") -> None:
    package = playwright_kept.package()
    assert package is not None
    revision = playwright_kept.revision(package, name)
    kept = folder / f"{name.replace('-', '_')}-{revision}"
    kept.mkdir()
    (kept / "INSTALLATION_COMPLETE").touch()


def test_the_one_that_is_named_comes_before_all(bare: Path) -> None:
    program(bare / "shell")
    named = program(bare / "mine")

    assert find(env(bare, PROBER_CHROMIUM=named)) == Browser(named, verified=False)
    assert find(env(bare, PROBER_CHROMIUM=named), "msedge").path == named


@pytest.mark.parametrize(
    ("name", "is_shell"),
    [
        ("chromium-headless-shell", True),
        ("headless_shell", True),
        ("chrome-headless-shell-linux64", True),
        ("chromium", False),
        ("headless", False),
    ],
)
def test_a_headless_shell_is_known_by_its_name_or_by_what_it_leads_to(
    bare: Path, name: str, is_shell: bool
) -> None:
    named = program(bare / name)
    link = bare / "link"
    link.symlink_to(named)

    assert find(env(bare, PROBER_CHROMIUM=named)).verified is is_shell
    assert find(env(bare, PROBER_CHROMIUM=str(link))).verified is is_shell


@pytest.mark.parametrize("path", ["/missing/chromium", "/proc/version", "/tmp"])
def test_a_named_one_that_is_no_program_is_said(bare: Path, path: str) -> None:
    program(bare / "shell")

    with pytest.raises(NoBrowser, match=f"PROBER_CHROMIUM is '{path}', which is no program"):
        find(env(bare, PROBER_CHROMIUM=path))


def test_a_shell_comes_before_playwrights_own_and_that_before_a_whole_browser(bare: Path) -> None:
    chrome = program(bare / "chrome")
    assert find(env(bare)) == Browser(chrome, verified=False)

    whole = program(bare / "whole")
    assert find(env(bare)) == Browser(whole, verified=False)

    install(bare)
    assert find(env(bare)) == Browser(None)

    shell = program(bare / "shell")
    assert find(env(bare)) == Browser(shell)


@pytest.mark.parametrize("channel", ["chrome", "chrome-beta", "msedge"])
def test_a_brand_is_taken_where_it_is_and_nothing_in_its_place(
    bare: Path, channel: Channel
) -> None:
    program(bare / "shell")
    program(bare / "whole")
    with pytest.raises(
        NoBrowser, match=f"^{channel} is not installed, .*playwright install {channel}"
    ):
        find(env(bare), channel)

    path = program(bare / channel)
    assert find(env(bare), channel) == Browser(path, verified=False)


def test_who_asks_for_chromium_gets_a_whole_one_and_no_chrome(bare: Path) -> None:
    program(bare / "shell")
    program(bare / "chrome")
    with pytest.raises(NoBrowser, match="there is no whole Chromium"):
        find(env(bare), "chromium")

    install(bare, "chromium")
    assert find(env(bare), "chromium") == Browser(None, "chromium", verified=False)

    whole = program(bare / "whole")
    assert find(env(bare), "chromium") == Browser(whole, verified=False)


def test_a_window_needs_a_whole_browser(bare: Path) -> None:
    shell = program(bare / "headless_shell")
    program(bare / "shell")
    named = env(bare, PROBER_CHROMIUM=shell)
    with pytest.raises(NoBrowser, match="there is no whole Chromium"):
        find(named, headless=False)

    whole = program(bare / "whole")
    assert find(named, headless=False).path == whole
    assert find(env(bare, PROBER_CHROMIUM=whole), headless=False).path == whole
    assert find(named).path == shell


def test_what_is_missing_or_not_verified_is_asked_of_the_channels_in_use(bare: Path) -> None:
    chrome, known = program(bare / "chrome"), env(bare)

    assert missing(known, []) is None
    assert missing(known, ["chrome"]) is None
    assert "msedge is not installed" in (missing(known, ["chrome", "msedge"]) or "")
    assert "PROBER_CHROMIUM_ARGS" in (
        missing({**known, "PROBER_CHROMIUM_ARGS": "'"}, ["chrome"]) or ""
    )
    assert unverified(known, ["msedge"]) is None
    assert (unverified(known, ["chrome", SHELL]) or "").startswith(f"{chrome}: no headless shell")

    program(bare / "shell")
    assert unverified(known, [SHELL]) is None


def test_a_download_that_was_cut_off_is_no_browser(bare: Path) -> None:
    install(bare)
    next(bare.glob("chromium_headless_shell-*/INSTALLATION_COMPLETE")).unlink()

    with pytest.raises(NoBrowser, match=r"run scripts/install, .* or set PROBER_CHROMIUM"):
        find(env(bare))


def test_playwrights_browsers_are_found_wherever_a_journey_is_at_home() -> None:
    assert playwright_kept.folder({"PLAYWRIGHT_BROWSERS_PATH": "0"}) == "0"
    assert playwright_kept.folder({"PLAYWRIGHT_BROWSERS_PATH": "b"}) == f"{os.getcwd()}/b"
    if sys.platform == "linux":
        assert playwright_kept.folder({"HOME": "/home/a"}) == "/home/a/.cache/ms-playwright"
        assert playwright_kept.folder({"XDG_CACHE_HOME": "/c"}) == "/c/ms-playwright"


def test_switches_are_split_as_a_shell_would() -> None:
    assert arguments({}) == ()
    assert arguments({"PROBER_CHROMIUM_ARGS": "--a '--b=c d'"}) == ("--a", "--b=c d")

    with pytest.raises(NoBrowser, match="PROBER_CHROMIUM_ARGS cannot be read: no closing"):
        arguments({"PROBER_CHROMIUM_ARGS": "'--a"})


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (SHELL, "chrome-headless-shell-linux64/chrome-headless-shell"),
        (SHELL, "chrome-linux/headless_shell"),
        ("chromium", "chrome-linux64/chrome"),
    ],
)
def test_the_program_of_one_that_playwright_keeps_is_found(
    bare: Path, name: str, place: str
) -> None:
    browser = Browser(None, None if name == SHELL else name)
    assert chromium.program(env(bare), browser) is None
    install(bare, name)
    assert chromium.program(env(bare), browser) is None  # it lies where nobody knows

    (kept,) = bare.iterdir()
    (kept / place).parent.mkdir()
    path = program(kept / place)

    assert chromium.program(env(bare), browser) == path
    assert chromium.program(env(bare), Browser("/mine")) == "/mine"
