from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

JOURNEY = "from prober.journey import journey\n@journey\nasync def sign_in(page): ...\n"
FOUND = {
    "function": "sign_in",
    "is_async": True,
    "file": "FILE",
    "arguments": ["page"],
    "steps": [],
    "no_more_steps": True,
    "needs": [],
    "naps": [],
}
UNFIT = {"file": "FILE", "line": 8, "message": "syntax error: invalid syntax"}
LOUD = """
import os, subprocess, sys, threading
print("{")
print("x", file=sys.stderr)
os.write(1, b"}")
subprocess.run(["/bin/echo", "y"])
threading.Thread(target=threading.Event().wait).start()
"""


@pytest.mark.parametrize(
    ("source", "function", "said"),
    [
        (LOUD + JOURNEY, [], FOUND | {"line": 10}),
        (JOURNEY, ["sign_in"], FOUND | {"line": 3}),
        (
            f"{LOUD}def f(:\n",
            [],
            {"problems": [UNFIT], "would_be": None},
        ),
    ],
    ids=["loud", "chosen", "unfit"],
)
def test_what_a_file_holds_is_one_object_however_loud_its_import_is(
    tmp_path: Path, source: str, function: list[str], said: dict[str, object]
) -> None:
    script = tmp_path / "journey.py"
    script.write_text(source)

    done = subprocess.run(
        [sys.executable, "-P", "-m", "prober.journey.listing", str(script), *function],
        capture_output=True,
        timeout=30,
        check=True,
    )

    assert json.loads(done.stdout.replace(str(script).encode(), b"FILE")) == said
    assert done.stdout.count(b"\n") == 1
    assert not (tmp_path / "__pycache__").exists()


def test_listing_needs_no_browser_library(tmp_path: Path) -> None:
    script = tmp_path / "journey.py"
    script.write_text(f"import sys\nassert 'playwright' not in sys.modules\n{JOURNEY}")

    done = subprocess.run(
        [sys.executable, "-P", "-m", "prober.journey.listing", str(script)],
        capture_output=True,
        timeout=30,
        check=True,
    )

    assert json.loads(done.stdout)["function"] == "sign_in"
