"""How is Lighthouse run, on the browser that we have?"""

from __future__ import annotations

import os
import sys

from playwright._impl._driver import compute_driver_executable

from benchmarks.common.elastic import NOWHERE, PEERS
from benchmarks.common.truth import VIEWPORT
from prober.probes import chromium

WIDTH, HEIGHT = VIEWPORT


def argv(url: str) -> list[str]:
    """Loads the page once, as fast as it comes, on the same screen as ours; JSON on stdout.

    By Playwright's own node, since it wants a newer one than most machines have.
    """
    script = PEERS / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not script.exists():
        sys.exit("lighthouse is missing; scripts/peers gets it")
    node, _ = compute_driver_executable()
    screen = f"--screenEmulation.width={WIDTH} --screenEmulation.height={HEIGHT}".split()
    switches = ["--headless", f"--host-resolver-rules='{NOWHERE.partition('=')[2]}'"]
    if os.geteuid() == 0:
        switches.append("--no-sandbox")
    return [
        str(node), str(script), url, "--throttling-method=provided", "--preset=desktop", *screen,
        "--only-categories=performance", "--output=json", "--quiet", "--no-enable-error-reporting",
        f"--chrome-flags={' '.join(switches)}",
    ]  # fmt: skip


def env() -> dict[str, str]:
    return {"CHROME_PATH": chromium.find(os.environ).path or ""}
