from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args

import pytest
from playwright.async_api import Browser
from pydantic import ValidationError

from prober.journey.emulation import NETWORKS
from prober.probes import chromium
from prober.probes.browsers import Browsers, Setup
from prober.probes.journey_options import CONTEXT, ContextOptions, JourneyBrowser, Network
from prober.probes.journey_order import order_of
from prober.probes.journey_settings import BrowserSettings, JourneyCheck, JourneySettings
from prober.probes.play import Play
from prober.result import Attempt
from prober.secret import Scrubber
from tests.config.loading import loaded
from tests.fake_clock import FakeClock

OURS = {"self", "base_url", "default_browser_type"}  # said elsewhere, or not to be said
SCRIPT = """
from prober.journey import journey

@journey
def look(page): ...
"""
CONFIG = """
agent: {{browser: {{memory: 2GiB}}}}
checks:
  - name: shop
    journey:
      script: look.py
      device: Pixel 7
      network: slow-4g
      context:
        locale: de-CH
        timezone_id: Europe/Zurich
        storage_state: state.json
        http_credentials: {{username: probe, password: hunter22}}
        extra_http_headers: {{X-Api-Key: key-4711, X-Shop: main}}
        client_certificates: [{{origin: "https://shop.example", pfxPath: state.json, passphrase: pass-0815}}]
        proxy: {{server: "http://proxy.example:3128", username: u, password: proxy-1234}}
      browser: {{connect: "{connect}"}}
"""
CONNECT = "wss://user:pw-in-url@grid.example/0123456789abcdef0?token=tok-9876&browser=chromium"
SECRETS = ("hunter22", "key-4711", "pass-0815", "proxy-1234", "pw-in-url", "tok-9876")


@pytest.fixture
def shop(tmp_path: Path) -> tuple[JourneyCheck, Scrubber]:
    (tmp_path / "look.py").write_text(SCRIPT)
    (tmp_path / "state.json").write_text("{}")
    config = loaded(tmp_path, CONFIG.format(connect=CONNECT)).config
    (check,) = config.checks
    assert isinstance(check, JourneyCheck)
    assert config.agent.browser.memory == 2 << 30
    return check, config.scrub


def test_every_option_of_new_context_is_there_but_those_that_record() -> None:
    there = {
        name
        for name in inspect.signature(Browser.new_context).parameters
        if not name.startswith("record_")
    }

    assert there - OURS == CONTEXT
    assert set(get_args(Network)) == set(NETWORKS)


async def test_the_order_has_what_the_config_says_and_its_paths_whole(
    shop: tuple[JourneyCheck, Scrubber], tmp_path: Path
) -> None:
    check, scrub = shop
    browsers = Browsers(FakeClock(), Setup(data_dir=tmp_path, env={"PROBER_CHROMIUM": "/missing"}))
    browsers.configure(BrowserSettings(), scrub)

    told = order_of(check, Attempt(run_id="r", traceparent=""), browsers, tmp_path)

    assert (told.device, told.network, told.connect) == ("Pixel 7", "slow-4g", CONNECT)
    assert (told.executable, told.channel) == (None, None)  # nothing is looked for on this machine
    state = str(tmp_path / "state.json")
    assert told.context == {
        "locale": "de-CH",
        "timezone_id": "Europe/Zurich",
        "storage_state": state,
        "http_credentials": {"username": "probe", "password": "hunter22"},
        "extra_http_headers": {"X-Api-Key": "key-4711", "X-Shop": "main"},
        "client_certificates": [
            {"origin": "https://shop.example", "pfxPath": state, "passphrase": "pass-0815"}
        ],
        "proxy": {"server": "http://proxy.example:3128", "username": "u", "password": "proxy-1234"},
    }
    assert set(SECRETS) <= set(told.hidden)
    assert not [secret for secret in SECRETS if secret in repr(told).replace(repr(told.hidden), "")]


@pytest.mark.parametrize(
    ("settings", "traceparent", "first_party"),
    [
        ({}, "00-1-2-01", ()),
        (
            {"base_url": "HTTPS://u:p@Shop.Example:443/de?a=b"},
            "00-1-2-01",
            ("https://shop.example",),
        ),
        (
            {
                "base_url": "http://[::1]:80/",
                "first_party": ["http://[::1]", "https://a.example:8443/"],
            },
            "00-1-2-01",
            ("http://[::1]", "https://a.example:8443"),
        ),
        (
            {"first_party": ["https://b\u00fccher.example"]},
            "00-1-2-01",
            ("https://xn--bcher-kva.example",),
        ),
        ({"base_url": "https://shop.example", "first_party": []}, "", ()),
    ],
)
async def test_first_parties_are_the_sites_own_origin_and_those_that_are_named(
    tmp_path: Path, settings: dict[str, object], traceparent: str, first_party: tuple[str, ...]
) -> None:
    browsers = Browsers(FakeClock(), Setup(data_dir=tmp_path, env={"PROBER_CHROMIUM": "/missing"}))
    written = {"script": "/look.py", "browser": {"connect": "ws://grid:3000"}} | settings
    check = JourneyCheck.model_validate({"name": "shop", "journey": written})

    told = order_of(check, Attempt(run_id="r", traceparent="00-1-2-01"), browsers, tmp_path)

    assert (told.traceparent, told.first_party) == (traceparent, first_party)


def test_no_secret_of_context_or_address_shows(shop: tuple[JourneyCheck, Scrubber]) -> None:
    check, scrub = shop

    shown = repr(check) + check.model_dump_json() + scrub(" ".join((*SECRETS, "0123456789abcdef0")))

    assert not [secret for secret in (*SECRETS, "0123456789abcdef0") if secret in shown]
    assert scrub("grid.example does not have chromium") == "grid.example does not have chromium"


@pytest.mark.parametrize(
    ("play", "headless"),
    [
        (Play(), True),
        (Play(headless=False, slow_mo=0.25), False),
        (Play(debug=True), False),
    ],
)
async def test_who_looks_on_gets_a_browser_that_can_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, play: Play, headless: bool
) -> None:
    shell, whole = tmp_path / "headless_shell", tmp_path / "chromium"
    for program in (shell, whole):
        program.write_text("#!/bin/sh\n")
        program.chmod(0o700)
    monkeypatch.setattr(chromium, "WHOLE", (str(whole),))
    env = {"PROBER_CHROMIUM": str(shell)}
    browsers = Browsers(FakeClock(), Setup(data_dir=tmp_path, env=env, play=play))
    check = JourneyCheck(name="shop", journey=JourneySettings(script="/look.py"))

    told = order_of(check, Attempt(run_id="r", traceparent=""), browsers, tmp_path)

    assert (told.headless, told.slow_mo, told.debug) == (play.headless, play.slow_mo, play.debug)
    assert told.executable == str(shell if headless else whole)
    assert told.verified is headless


@pytest.mark.parametrize(
    "address",
    ["ws://grid:3000", "wss://grid/x?token=a", "http://[::1]:9222", "https://u:p@grid.example"],
)
def test_an_address_of_a_browser_is_a_url(address: str) -> None:
    browser = JourneyBrowser.model_validate({"connect": address})

    assert browser.connect is not None
    assert browser.connect.reveal() == address
    assert address not in repr(browser)


@pytest.mark.parametrize(
    "address", ["grid:3000", "grid", "", "ftp://grid", "ws://", "ws://grid:x", "ws://grid/\ud800"]
)
def test_what_is_no_address_of_a_browser_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ValidationError, match="no address of a browser; write ws://") as caught:
        JourneyBrowser.model_validate({"connect": address})

    assert address == "" or address not in str(caught.value).replace("ws://HOST", "")


@pytest.mark.parametrize(
    "options",
    [
        {"geolocation": {"latitude": 91, "longitude": 0}},
        {"geolocation": {"latitude": 0}},
        {"viewport": {"width": 0, "height": 1}},
        {"viewport": None, "device_scale_factor": 0},
        {"color_scheme": "blue"},
        {"is_mobile": "perhaps"},
        {"permissions": "geolocation"},
        {"extra_http_headers": {"X": "\ud800", "Y\ud800": "a"}},
        {"locale": "\ud800"},
        {"http_credentials": {"username": "a"}},
        {"device": "Pixel 7"},
    ],
)
def test_an_option_that_playwright_would_not_take_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ContextOptions.model_validate(options)
