"""What of a run's folder may be shown, and what is said of the rest."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from prober.journey import clean, traced
from prober.journey.clean import Cleaned, Work, cleaned
from prober.journey.events import Kept
from prober.journey.files import CLEAN

SECRET = "hunter22"
IN_BASE64 = base64.b64encode(b"m:" + SECRET.encode())
DOM = Kept(kind="dom", name="dom.html")
PICTURE = Kept(kind="screenshot", name="screenshot.png")
CONSOLE = Kept(kind="console", name="console.txt")
HAR = Kept(kind="har", name="network.har")


def fill(call: str, text: str, note: str | None) -> list[JsonValue]:
    before: JsonValue = {"type": "before", "callId": call, "params": {"value": text}}
    log: JsonValue = {"type": "log", "callId": call, "message": f"resolved to {note}"}
    return [before] if note is None else [before, log]


def record(folder: Path, lines: Sequence[JsonValue], resources: dict[str, bytes]) -> None:
    place = folder / "trace"
    (place / "resources").mkdir(parents=True)
    (place / "trace.trace").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (place / "trace.network").write_text("")
    for name, data in resources.items():
        (place / "resources" / name).write_bytes(data)


def work(folder: Path, *kept: Kept, printed: str = "") -> Cleaned:
    return cleaned(Work(folder=str(folder), kept=kept, printed=printed, secrets=(SECRET,)))


def shown(folder: Path, name: str) -> str:
    return (folder / CLEAN / name).read_text()


def unzipped(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO((folder / CLEAN / "trace.zip").read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_holds_a_secret_that_cannot_be_taken_out_is_withheld_and_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "dom.html").write_bytes(b"<p>" + IN_BASE64)
    (tmp_path / "screenshot.png").write_bytes(SECRET.encode())
    (tmp_path / "console.txt").write_text(f"{SECRET}\n{IN_BASE64.decode()}\nlast\n")

    answer = work(tmp_path, DOM, PICTURE, CONSOLE)

    assert answer == Cleaned(kept=(CONSOLE,), withheld=3)
    assert shown(tmp_path, "console.txt") == (
        "***\n(a line that may show a secret)\nlast\n--- what was not kept ---\n"
        "dom.html, which may show a secret\nscreenshot.png, which may show a secret\n"
    )


def test_a_file_of_a_trace_is_withheld_without_the_rest(tmp_path: Path) -> None:
    record(tmp_path, [{"title": SECRET}], {"a.png": b"\xff" + IN_BASE64, "b.css": b"p{}"})

    answer = work(tmp_path)

    assert answer.withheld == 1
    assert unzipped(tmp_path) == {
        "trace.trace": b'{"title": "***"}\n',
        "trace.network": b"",
        "resources/b.css": b"p{}",
    }
    assert "1 files of the trace, which may show a secret" in shown(tmp_path, "console.txt")


def test_a_trace_whose_actions_hold_a_secret_is_withheld(tmp_path: Path) -> None:
    record(tmp_path, [{"title": IN_BASE64.decode()}], {})

    answer = work(tmp_path)

    assert [one.name for one in answer.kept] == ["console.txt"]
    assert answer.withheld == 1


def test_what_went_into_a_password_field_is_a_secret_everywhere(tmp_path: Path) -> None:
    password = '<input type="password" name="p"/>'
    lines = [
        *fill("1", "first-typed", password),
        *fill("2", "second-typed", "<input/>"),
        *fill("3", "third-typed", None),
    ]
    record(tmp_path, lines, {"page.html": b"first-typed second-typed third-typed"})

    work(tmp_path)

    assert unzipped(tmp_path)["resources/page.html"] == b"*** second-typed ***"


def test_what_a_har_knows_is_a_secret_everywhere(tmp_path: Path) -> None:
    headers = [{"name": "set-cookie", "value": "s=the-session; Path=/"}]
    (tmp_path / "network.har").write_text(json.dumps({"log": {"entries": [{"headers": headers}]}}))
    (tmp_path / "console.txt").write_text("it is the-session\n")
    record(tmp_path, [], {"login.dat": b"user=me&password=of-a-form&x=1"})

    work(tmp_path, HAR, CONSOLE, printed="of-a-form")

    assert shown(tmp_path, "console.txt").startswith("it is ***\n\n--- what the script printed")
    assert "of-a-form" not in shown(tmp_path, "console.txt")
    assert "the-session" not in shown(tmp_path, "network.har")


def test_the_last_line_of_a_run_that_was_killed_is_not_missed(tmp_path: Path) -> None:
    record(tmp_path, [{"type": "console", "messageType": "error", "text": "broken"}], {})
    with (tmp_path / "trace" / "trace.trace").open("a") as file:
        file.write('{"type": "be')

    work(tmp_path)

    assert unzipped(tmp_path)["trace.trace"].count(b"\n") == 1
    assert shown(tmp_path, "console.txt") == "error     broken\n"


def test_a_long_console_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "MOST_TEXT", 10)
    (tmp_path / "console.txt").write_text("x" * 20)

    work(tmp_path, CONSOLE)

    assert shown(tmp_path, "console.txt") == "x" * 10 + "…\n"


def test_what_is_too_large_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "LARGEST", 2 << 20)
    monkeypatch.setattr(traced, "MOST_MEMBER", 10)
    (tmp_path / "screenshot.png").write_bytes(bytes(3 << 20))
    record(tmp_path, [{}], {"a.js": b"x" * 11, "b.js": b"x" * 10})

    answer = work(tmp_path, PICTURE)

    assert answer.withheld == 0
    assert sorted(unzipped(tmp_path)) == ["resources/b.js", "trace.network", "trace.trace"]
    assert "screenshot.png, which is larger than 2 MiB" in shown(tmp_path, "console.txt")


def test_nothing_to_show_is_nothing(tmp_path: Path) -> None:
    record(tmp_path, [], {})

    assert work(tmp_path) == Cleaned(kept=())


def test_it_is_a_program_that_says_nothing_but_its_answer(tmp_path: Path) -> None:
    told = Work(folder=str(tmp_path), kept=(), printed=f"is {SECRET}", secrets=(SECRET,))

    command = [sys.executable, "-P", "-m", "prober.journey.clean"]
    data = told.model_dump_json().encode()
    done = subprocess.run(command, input=data, capture_output=True, timeout=30, check=True)

    assert Cleaned.model_validate_json(done.stdout) == Cleaned(kept=(CONSOLE,))
    assert done.stderr == b""
    assert shown(tmp_path, "console.txt").endswith("is ***\n")
    assert SECRET not in repr(told)


def test_neither_the_agent_nor_who_cleans_loads_playwright() -> None:
    modules = "prober.journey.clean, prober.probes.publishing"
    program = f"import sys, {modules}; print('playwright' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30)

    assert done.stdout == b"False\n"
