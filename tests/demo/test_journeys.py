"""The journeys of the repository in a real browser, against the whole shop and the broken one."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest
from playwright import async_api, sync_api

from prober.demo.data import EMAIL, PASSWORD
from prober.demo.faults import Fault
from prober.probes import chromium
from tests.demo.visiting import Guest
from tests.tools import missing

FOLDER = Path(__file__).parent.parent.parent / "journeys"
SWITCHES = ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
PARAMS = {"user": EMAIL, "sku": "demo-1", "product": "Moka pot"}

# Where journeys stop at a fault.
STOPPED: dict[Fault | None, dict[str, str | None]] = {
    Fault.LOGIN: {"login": "sign in", "order": "sign in"},
    Fault.CHECKOUT: {"order": "place the order"},
    Fault.PAGE: {"browse": "open the shop", "order": "fill the basket"},
    Fault.IMAGES: {"browse": "see its picture"},
}
WHOLE: dict[Fault | None, dict[str, str | None]] = {
    None: {"login": None, "order": None, "browse": None}
}


@dataclass
class Steps:
    """In the place of the kit's `step`: which steps were begun, and which of them failed."""

    begun: list[str] = field(default_factory=list)
    failed: str | None = None

    def __call__(self, name: str) -> Steps:
        self.begun.append(name)
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        """Only what Playwright says of the page counts as the page's."""
        if kind and issubclass(kind, AssertionError | sync_api.Error | async_api.Error):
            self.failed = self.begun[-1]

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


@dataclass
class Run:
    """One run of a journey, given what it names."""

    name: str
    steps: Steps = field(default_factory=Steps)
    pages: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # URLs
    left: list[Callable[[], object]] = field(default_factory=list)

    def cleanup(self, name: str, function: Callable[..., object], *args: object) -> None:
        self.left.append(lambda: function(*args))

    def asks(self, request: sync_api.Request | async_api.Request) -> None:
        self.asked.append(request.url)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The journey may end early where a step of its has failed."""
        try:
            yield
        except (AssertionError, sync_api.Error, async_api.Error):
            if self.steps.failed is None:
                raise

    def call(self, **given: object) -> object:
        module = importlib.import_module(f"journeys.{self.name}")
        (function,) = (
            value
            for value in vars(module).values()
            if inspect.isfunction(value) and "step" in inspect.signature(value).parameters
        )
        values: Mapping[str, object] = {
            **given,
            "step": self.steps,
            "params": PARAMS,
            "secrets": {"password": PASSWORD},
            "cleanup": self.cleanup,
            "page_name": self.pages.append,
            "run_id": "run-1",
        }
        return function(**{name: values[name] for name in inspect.signature(function).parameters})


def executable() -> str | None:
    try:
        return chromium.find(os.environ).path
    except chromium.NoBrowser as error:
        missing(str(error))


Wanted = Mapping[Fault | None, Collection[str]]
Runs = dict[Fault | None, dict[str, Run]]


def wanted(of: Wanted, *names: str) -> list[tuple[Fault | None, str]]:
    return [(fault, name) for fault, among in of.items() for name in names if name in among]


@contextmanager
def broken(guest: Guest, fault: Fault | None) -> Iterator[None]:
    faults = [fault] if fault else []
    guest.breaks(*faults)
    yield
    guest.heals(*faults)


def sync_runs(guest: Guest, of: Wanted, runs: Runs) -> None:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=SWITCHES)
        for fault, name in wanted(of, "login", "order"):
            run = runs[fault][name] = Run(name)
            context = browser.new_context(base_url=guest.url)
            page = context.new_page()
            page.on("request", run.asks)
            with broken(guest, fault), run.stopped():
                run.call(page=page, context=context)
            for undo in run.left:
                undo()
            context.close()
        browser.close()


async def async_runs(guest: Guest, of: Wanted, runs: Runs) -> None:
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=SWITCHES)
        for fault, name in wanted(of, "browse"):
            run = runs[fault][name] = Run(name)
            page = await browser.new_page(base_url=guest.url)
            page.on("request", run.asks)
            with broken(guest, fault), run.stopped():
                called = run.call(page=page)
                assert inspect.isawaitable(called)
                await called
            await page.close()
        await browser.close()


async def runs_of(guest: Guest, of: Wanted) -> Runs:
    """The journeys named, one after the other, while their fault is there."""
    runs: Runs = {fault: {} for fault in of}
    await asyncio.to_thread(sync_runs, guest, of, runs)
    await async_runs(guest, of, runs)
    return runs


def failed(runs: Runs) -> dict[Fault | None, dict[str, str | None]]:
    return {
        fault: {name: run.steps.failed for name, run in ran.items()} for fault, ran in runs.items()
    }


@pytest.fixture
def impatient() -> Iterator[None]:
    """What does not come within two seconds does not come."""
    for api in (sync_api, async_api):
        api.expect.set_options(timeout=2000)
    yield
    for api in (sync_api, async_api):
        api.expect.set_options(timeout=None)


async def test_every_journey_gets_through_the_whole_shop(guest: Guest) -> None:
    runs = await runs_of(guest, WHOLE)
    await guest.sign_in()
    orders = (await guest.get("/orders")).text

    assert failed(runs) == WHOLE
    assert set(runs[None]) == {file.stem for file in FOLDER.glob("*.py")}
    assert all(url.startswith(guest.url) for run in runs[None].values() for url in run.asked)
    assert runs[None]["browse"].pages == ["home", "product"]
    assert runs[None]["order"].pages == ["product", "confirmation"]
    assert orders.count("run-1") == 1
    assert ">cancelled<" in orders


@pytest.mark.usefixtures("impatient")
async def test_a_fault_stops_the_journeys_that_meet_it_at_their_step(guest: Guest) -> None:
    assert failed(await runs_of(guest, STOPPED)) == STOPPED
