"""A journey without an agent: plain Playwright, in a process of its own.

    python -m benchmarks.common.bare SCRIPT FUNCTION ARGUMENTS

ARGUMENTS is a file of JSON: base_url, params, secrets, run_id.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from prober.probes import chromium


@contextmanager
def step(name: str, soft: bool = False) -> Iterator[None]:
    yield


def page_name(name: str) -> None:
    """Nobody measures pages here."""


def main(script: str, function: str, arguments: str) -> None:
    given = json.loads(Path(arguments).read_text())
    left: list[Callable[[], object]] = []

    def cleanup(name: str, work: Callable[..., object], *args: object) -> None:
        left.append(lambda: work(*args))

    journey = runpy.run_path(script)[function]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(os.environ).path,
            args=list(chromium.arguments(os.environ)),
            chromium_sandbox=os.geteuid() != 0,
        )
        context = browser.new_context(base_url=given.pop("base_url"))
        journey(
            page=context.new_page(),
            context=context,
            step=step,
            cleanup=cleanup,
            page_name=page_name,
            **given,
        )
        for work in reversed(left):
            work()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
