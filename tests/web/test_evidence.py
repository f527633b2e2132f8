from __future__ import annotations

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from prober.probes.evidence import Place
from prober.web.evidence import LARGEST, link
from tests.web.serve import Agent, serving

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of `eu/shop:1`, with a file of each kind; `secret.txt` lies outside."""
    folder = tmp_path / "evidence" / "eu%2Fshop%3A1" / "01JD"
    folder.mkdir(parents=True)
    (folder / "screenshot.png").write_bytes(PNG)
    (folder / "console.txt").write_text("error: é <b>\n")
    (tmp_path / "secret.txt").write_text("hunter22")
    return folder


async def get(data_dir: Path, path: str, prefix: str | None = None) -> httpx.Response:
    """Asks for exactly `path`: httpx itself would tidy it up."""
    async with serving(Agent(data_dir=data_dir, external_url=prefix)) as client:
        url = client.base_url.copy_with(raw_path=path.encode())
        async with asyncio.timeout(10):
            return await client.get(url)


@pytest.mark.parametrize("check", ["eu%252Fshop%253A1", "eu%2Fshop%3A1", "eu%2Fshop:1"])
async def test_a_file_is_served_by_its_folders_or_its_checks_name(
    run: Path, tmp_path: Path, check: str
) -> None:
    answer = await get(tmp_path, f"/evidence/{check}/01JD/screenshot.png")

    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"


async def test_a_link_leads_to_the_file_under_any_prefix(run: Path, tmp_path: Path) -> None:
    path = run.relative_to(tmp_path).as_posix() + "/console.txt"
    for start in ("/", "/probes/"):
        answer = await get(tmp_path, start + link(path), "https://ops.example/probes")

        assert (answer.status_code, answer.text) == (200, "error: é <b>\n")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("length", range(190, 200))
async def test_a_link_leads_to_the_file_of_a_check_however_long_its_name(
    tmp_path: Path, length: int
) -> None:
    check = "a" + "/b" * (length // 2) + ":" * (length % 2)
    place = Place(data_dir=tmp_path, check=check, run_id="01JD")
    place.folder.mkdir(parents=True)
    (place.folder / "console.txt").write_text("found")

    answer = await get(tmp_path, "/" + link(f"{place.relative}/console.txt"))

    assert (answer.status_code, answer.text) == (200, "found")


@pytest.mark.parametrize("name", ["trace.zip", "network.har"])
async def test_what_other_programs_look_at_is_saved(run: Path, tmp_path: Path, name: str) -> None:
    (run / name).write_bytes(b"<script>")
    answer = await get(tmp_path, f"/evidence/eu%252Fshop%253A1/01JD/{name}")

    assert (answer.status_code, answer.content) == (200, b"<script>")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="01JD-{name}"'


async def test_a_page_is_shown_as_its_source(run: Path, tmp_path: Path) -> None:
    (run / "dom.html").write_text("<script>")
    answer = await get(tmp_path, "/evidence/eu%252Fshop%253A1/01JD/dom.html")

    assert (answer.status_code, answer.text) == (200, "<script>")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


async def test_what_is_served_may_do_nothing(run: Path, tmp_path: Path) -> None:
    headers = (await get(tmp_path, "/evidence/eu%252Fshop%253A1/01JD/console.txt")).headers

    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"].startswith("private")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/evidence/eu%252Fshop%253A1/01JD/none.txt",
        "/evidence/other/01JD/console.txt",
        "/evidence/eu%252Fshop%253A1/01JD",
        "/evidence/eu%252Fshop%253A1/01JD/",
        "/evidence/eu%252Fshop%253A1/01JD/more.txt",
        "/evidence/eu%252Fshop%253A1/01JD/page.js",
        "/evidence/eu%252Fshop%253A1/01JD/page.htm",
        "/evidence/eu%252Fshop%253A1/01JD/.txt",
        "/evidence/../secret.txt",
        "/evidence/../../secret.txt",
        "/evidence/%2e%2e/%2e%2e/secret.txt",
        "/evidence/eu%252Fshop%253A1/../secret.txt",
        "/evidence/eu%252Fshop%253A1/%2e%2e/secret.txt",
        "/evidence/eu%252Fshop%253A1/..%2f../secret.txt",
        "/evidence/eu%252Fshop%253A1/01JD/..%2f..%2f..%2fsecret.txt",
        "/evidence/eu%252Fshop%253A1/01JD/..%252f..%252f..%252fsecret.txt",
        "/evidence/..%2f/01JD/secret.txt",
        "/evidence/%252e%252e/x/secret.txt",
        "/evidence//etc/passwd.txt",
        "/evidence/%2Fetc/01JD/passwd.txt",
        "/evidence/eu%252Fshop%253A1/01JD/console.txt%00.png",
        "/evidence/eu%252Fshop%253A1/01JD/console.txt%0a.txt",
        "/evidence/" + "x" * 300 + "/01JD/console.txt",
    ],
)
async def test_nothing_else_is_served(run: Path, tmp_path: Path, path: str) -> None:
    (run / "page.js").write_text("<script>")
    (run / "page.htm").write_text("<script>")
    (run / ".txt").write_text("hidden")
    (run / "more.txt").mkdir()
    answer = await get(tmp_path, path)

    assert answer.status_code == 404
    assert "hunter22" not in answer.text
    assert "script" not in answer.text


@pytest.mark.parametrize("way", ["file", "run", "check"])
async def test_no_link_leads_out(run: Path, tmp_path: Path, way: str) -> None:
    elsewhere = tmp_path / "elsewhere" / "01JD"
    elsewhere.mkdir(parents=True)
    (elsewhere / "secret.txt").write_text("hunter22")
    made = {
        "file": run / "secret.txt",
        "run": run.parent / "02JD",
        "check": run.parent.parent / "b",
    }
    leads = {"file": elsewhere / "secret.txt", "run": elsewhere, "check": elsewhere.parent}
    made[way].symlink_to(leads[way])
    paths = {"file": "eu%252Fshop%253A1/01JD", "run": "eu%252Fshop%253A1/02JD", "check": "b/01JD"}

    assert (await get(tmp_path, f"/evidence/{paths[way]}/secret.txt")).status_code == 404


async def test_what_is_no_plain_file_holds_nobody_up(run: Path, tmp_path: Path) -> None:
    os.mkfifo(run / "pipe.txt")
    with (run / "huge.txt").open("wb") as huge:
        huge.truncate(LARGEST + 1)

    for name in ("pipe.txt", "huge.txt"):
        answer = await get(tmp_path, f"/evidence/eu%252Fshop%253A1/01JD/{name}")
        assert answer.status_code == 404


async def test_the_folder_of_all_evidence_may_lie_on_another_disk(
    run: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "evidence").symlink_to(tmp_path / "evidence")

    answer = await get(data_dir, "/evidence/eu%252Fshop%253A1/01JD/console.txt")
    assert answer.status_code == 200


async def test_an_agent_without_evidence_has_none(tmp_path: Path) -> None:
    assert (await get(tmp_path, "/evidence/shop/01JD/console.txt")).status_code == 404


async def test_head_answers_like_get(run: Path, tmp_path: Path) -> None:
    async with serving(Agent(data_dir=tmp_path)) as client:
        head = await client.head("/evidence/eu%252Fshop%253A1/01JD/screenshot.png")

    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(PNG)))
