from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from prober.probes import devices


def test_the_names_are_those_that_playwright_itself_has() -> None:
    with sync_playwright() as playwright:
        assert devices.names() == set(playwright.devices)


def test_a_slip_is_told_with_what_may_be_meant() -> None:
    assert devices.known("Pixel 7") == "Pixel 7"
    with pytest.raises(ValueError, match=r"^'pixel 7' is no device .*; did you mean 'Pixel 7'\?$"):
        devices.known("pixel 7")
    with pytest.raises(ValueError, match=r"'Commodore 64' is no device .*; write one like 'Pixel"):
        devices.known("Commodore 64")


@pytest.mark.parametrize("text", ["", '"Pixel 7": {\n userAgent: "x"'])
def test_a_driver_that_reads_otherwise_leaves_every_name_to_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "coreBundle.js").write_text(text)
    monkeypatch.setattr(devices, "package", lambda: tmp_path)
    devices.names.cache_clear()
    try:
        assert devices.known("Commodore 64") == "Commodore 64"
    finally:
        devices.names.cache_clear()
