"""The repository's own config: the demo, and the first config a newcomer reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prober import config, once
from prober.alerts.conditions import Failures
from prober.demo import faults
from prober.demo.data import PASSWORD
from prober.demo.faults import Fault
from prober.demo.run import watched
from prober.demo.tour import STOPS, Stop
from prober.notify.webhook import WebhookNotifier
from prober.probes.journey_settings import JourneyCheck
from tests.demo.test_journeys import PARAMS, STOPPED
from tests.demo.visiting import Guest
from tests.probes.running import Calm

FILE = Path(__file__).parent.parent.parent / "config.yaml"
SHOP = "http://127.0.0.1:9630"

# By the checks without a browser; where journeys stop is in test_journeys.
CAUGHT = {
    Fault.HEALTH: {("shop-health", "status")},
    Fault.LATENCY: {("shop-latency", "latency")},
    Fault.PAGE: {("shop-home", "body"), ("shop-product", "status")},
    Fault.LOGIN: {("shop-sign-in", "status")},
    Fault.CHECKOUT: set[tuple[str, str]](),
    Fault.IMAGES: {("shop-image", "status")},
}


def load(url: str, **env: str) -> config.Loaded:
    address = url.removeprefix("http://")
    return config.load(FILE, env={"SHOP_URL": url, "SHOP_ADDRESS": address, **env})


@pytest.fixture(autouse=True)
def _agent_is_never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late the machine is that tests it."""
    monkeypatch.setattr(once, "Pulse", lambda clock, _: Calm(clock))


async def seen(guest: Guest, capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str]]:
    """What is not up, and why."""
    own = load(guest.url).config
    names = [check.name for check in own.checks if check.kind != "journey"]
    await once.run(own, names, once.Wish(as_json=True))
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(results) == len(names) == 8
    return {(r["check"], r["reason"]) for r in results if r["outcome"] != "up"}


async def test_a_healthy_shop_is_up_in_every_check(
    guest: Guest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await seen(guest, capsys) == set()


@pytest.mark.parametrize("fault", Fault)
async def test_a_fault_is_seen_by_the_checks_that_look_there_and_by_no_other(
    fault: Fault,
    guest: Guest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faults, "DELAY", 1.05)  # more than shop-latency allows, and not much more
    guest.breaks(fault)

    assert await seen(guest, capsys) == CAUGHT[fault]


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.fault)
def test_the_tour_waits_for_all_that_see_its_fault(stop: Stop) -> None:
    assert {*stop.seen_by} == {name for name, _ in CAUGHT[stop.fault]} | {
        *STOPPED.get(stop.fault, ())
    }


def test_without_a_browser_the_tour_waits_for_no_journey() -> None:
    own, blind = load(SHOP).config, {"PROBER_CHROMIUM": "/nowhere"}

    assert watched(own, blind) == {check.name for check in own.checks if check.kind != "journey"}


def test_the_journeys_know_the_account_and_fit_their_interval() -> None:
    own = load(SHOP).config
    journeys = [check for check in own.checks if isinstance(check, JourneyCheck)]

    assert {check.name for check in journeys} == {"login", "order", "browse"}
    for check in journeys:
        assert check.journey.path == FILE.parent / "journeys" / f"{check.name}.py"
        assert check.journey.params.items() <= PARAMS.items()
        assert check.timeout <= check.interval == 20.0
    assert [
        {name: secret.reveal() for name, secret in check.journey.secrets.items()}
        for check in journeys
    ] == [{"password": PASSWORD}, {"password": PASSWORD}, {}]


def test_it_is_whole_without_any_variable() -> None:
    loaded = config.load(FILE, env={})

    assert loaded == load(SHOP, DEMO_SHOP_PASSWORD=PASSWORD)
    assert loaded.warnings == ()
    assert loaded.config.agent.region == "demo"
    assert loaded.config.scrub(f"password {PASSWORD}") == "password ***"


def test_it_fires_after_three_failures_and_tells_the_shops_pager() -> None:
    loaded = load(SHOP).config

    assert {(rule.name, rule.condition, rule.successes) for (rule,) in loaded.rules.values()} == {
        ("down", Failures(3), 2)
    }
    assert {check.interval for check in loaded.checks if check.kind != "journey"} == {5.0}
    pager = loaded.notifiers["pager"]
    assert isinstance(pager, WebhookNotifier)
    assert str(pager.webhook.url.reveal()) == f"{SHOP}/pager"
