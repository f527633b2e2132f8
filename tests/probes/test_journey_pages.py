"""Pages that do a browser harm: over in time, said right, nothing left, and the checks beside them go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.probes.theatre import CALM, GOOD, LATE, WAIT, theatre

LOOP = "page.evaluate('while (true) {}')"
DIALOGS = "page.evaluate('while (true) alert(1)')"
UNANSWERED = "page.on('dialog', lambda dialog: None); page.evaluate('alert(1)')"
ELEMENTS = f"page.evaluate(\"document.body.innerHTML = '<p>x</p>'.repeat(300_000)\"); {WAIT}"
HOARD = """page.evaluate("setInterval(() => (window.all ??= []).push(new Uint8Array(1 << 24).fill(1)), 50)"); """
POPUPS = """
        came = []
        page.context.on("page", lambda popup: came.append(popup))
        page.evaluate("for (let i = 0; i < 36; i++) window.open('about:blank')")
        while len(came) < 36 or len(page.context.pages) > 30:
            page.wait_for_timeout(50)
        print(len(page.context.pages), "pages", flush=True)
        page.get_by_text("never").click(timeout=500)
"""
DOWNLOAD = """
        with page.expect_download() as found:
            page.evaluate('''() => {
                const link = document.createElement("a");
                link.href = URL.createObjectURL(new Blob(["x".repeat(1 << 20)]));
                link.download = "a.bin";
                link.click();
            }''')
        assert os.path.getsize(found.value.path()) == 1 << 20
"""


@pytest.mark.parametrize("stuck", [LOOP, DIALOGS, UNANSWERED])
async def test_a_page_without_end_is_down_in_time(tmp_path: Path, stuck: str) -> None:
    async with theatre(tmp_path) as stage:
        run = await stage.play(stuck, timeout=1.5)
        clean = stage.is_clean()

    assert run.why[:2] == ("down", "timeout")
    assert "get stuck" in run.why[2]
    assert stage.took < 1.5 + 5 + LATE
    assert stage.rate > CALM
    assert clean


async def test_a_page_of_300_000_elements_is_over_in_time(tmp_path: Path) -> None:
    async with theatre(tmp_path) as stage:
        stage.allow("4GiB")
        run = await stage.play(ELEMENTS, timeout=1.5)
        clean = stage.is_clean()

    assert run.why[:2] == ("down", "timeout")
    assert stage.took < 1.5 + 5 + LATE
    assert stage.rate > CALM
    assert clean


async def test_a_page_that_eats_memory_is_ended_at_the_ceiling_and_the_next_run_is_good(
    tmp_path: Path,
) -> None:
    async with theatre(tmp_path) as stage:
        stage.allow("600MiB")
        run = await stage.play(HOARD + WAIT, timeout=20, interval=300)
        took, rate, clean = stage.took, stage.rate, stage.is_clean()
        good = await stage.play(GOOD, timeout=20)

    assert run.why[:2] == ("unknown", "killed")
    assert run.why[2].startswith("out of memory: the journey and its browser used ")
    assert run.why[2].endswith(', over agent.browser.memory 600 MiB, in step "get stuck"')
    assert [(step.name, step.ok) for step in run.attempt.steps] == [
        ("open", True),
        ("get stuck", False),
    ]
    assert took < 15
    assert rate > CALM
    assert clean
    assert good.why == ("up", None, "")


async def test_of_36_popups_30_pages_stay_and_the_console_says_so(tmp_path: Path) -> None:
    async with theatre(tmp_path) as stage:
        run = await stage.play(POPUPS.strip(), timeout=20)
        clean = stage.is_clean()

    assert run.why[:2] == ("down", "step")
    assert "over 30 pages were open: those that came then were closed" in run.console
    assert "\n30 pages" in run.console
    assert stage.rate > CALM
    assert clean


async def test_a_download_goes_with_its_run(tmp_path: Path) -> None:
    async with theatre(tmp_path) as stage:
        run = await stage.play(DOWNLOAD.strip(), timeout=20)
        clean = stage.is_clean()

    assert run.why == ("up", None, "")
    assert stage.rate > CALM
    assert clean
