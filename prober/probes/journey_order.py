"""What is a journey's process told to do?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from prober.journey.events import Order
from prober.probes import chromium
from prober.probes.browsers import Browsers
from prober.probes.journey_settings import JourneyCheck
from prober.result import Attempt


async def prepare(check: JourneyCheck, browsers: Browsers) -> None:
    """What has to be known before its order is made. Raises chromium.NoBrowser."""
    if check.journey.browser.connect is None:
        await browsers.try_sandbox(_browser(check, browsers))


def order_of(check: JourneyCheck, attempt: Attempt, browsers: Browsers, folder: Path) -> Order:
    """Of one attempt, which works in `folder`. Raises chromium.NoBrowser."""
    settings, play = check.journey, browsers.setup.play
    wishes = browsers.publishing.wishes(check.name, settings.evidence, check.interval)
    connect, browser = settings.browser.connect, _browser(check, browsers)
    return Order(
        check=check.name,
        script=str(settings.path),
        function=settings.function,
        base_url=settings.base_url,
        params=settings.params,
        secrets={name: secret.reveal() for name, secret in settings.secrets.items()},
        hidden=_hidden(check, browsers),
        run_id=attempt.run_id,
        traceparent=attempt.traceparent if settings.first_parties is not None else "",
        first_party=settings.first_parties or (),
        timeout=check.timeout,
        folder=str(folder),
        executable=browser.path,
        channel=browser.channel,
        verified=browser.verified,
        connect=connect.reveal() if connect else None,
        sandbox=browsers.sandbox.off(browser) is None,
        arguments=chromium.arguments(browsers.setup.env),
        attempt=attempt.number,
        headless=play.headless,
        slow_mo=play.slow_mo,
        debug=play.debug,
        device=settings.device,
        network=settings.network,
        context=settings.context.revealed(),
        evidence=settings.evidence,
        trace=wishes.trace,
        portrait=wishes.portrait,
    )


def _browser(check: JourneyCheck, browsers: Browsers) -> chromium.Browser:
    wanted, setup = check.journey.browser, browsers.setup
    if wanted.connect is not None:
        return chromium.Browser(None)  # there is one already
    headless = setup.play.headless and not setup.play.debug
    return chromium.find(setup.env, wanted.channel, headless=headless)


def _hidden(check: JourneyCheck, browsers: Browsers) -> tuple[str, ...]:
    """The secrets of the config that stand elsewhere in what the journey is given."""
    settings = check.journey
    connect = settings.browser.connect
    address = connect.reveal() if connect else None
    values = [settings.base_url, settings.params, settings.context.revealed(), address]
    given = "\n".join(_texts(values))
    return tuple(sorted(secret for secret in browsers.scrub.values if secret in given))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)
