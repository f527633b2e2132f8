"""Are the vitals of a page right, where it is known what they have to be?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

from aiohttp import web

from prober.clock import Clock
from prober.doctor.looks import Seen
from prober.result import Visit
from prober.units import show_duration
from prober.web.server import bind, serving

LCP = 0.5  # seconds after which the image comes
INP = 0.1  # seconds that the button takes
CLS = (360 / 720) * (72 / 1280)  # a block of 288 pixels is moved by 72, of a window of 1280 x 720
NEARLY = 1e-6
SLOW = 1.0  # seconds that a busy machine may add to LCP
_CIRCLES = "".join(f"<circle cx='{n * 20}' cy='{n * 37 % 200}' r='{n}'/>" for n in range(1, 41))
IMAGE = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 800 200'>{_CIRCLES}</svg>"
SHELL = "give the agent a headless shell: chromium-headless-shell, of Debian or Playwright"


@asynccontextmanager
async def serving_known(clock: Clock) -> AsyncIterator[str]:
    """The known page on loopback, for as long as the block runs; its URL without a slash."""
    page = files(__package__).joinpath("page.html").read_text("utf-8")

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def draw(request: web.Request) -> web.Response:
        await clock.sleep(LCP)
        return web.Response(text=IMAGE, content_type="image/svg+xml")

    app = web.Application()
    app.add_routes([web.get("/", show), web.get("/image.svg", draw)])
    async with serving(app, bind("127.0.0.1", 0)) as url:
        yield url.rstrip("/")


def is_slow(visit: Visit | None) -> bool:
    """Whether INP is beyond what a machine that has nothing else to do would measure."""
    return visit is not None and visit.inp is not None and visit.inp > 2 * INP


def judged(visits: Sequence[Visit]) -> Seen:
    """Of one run, which has visited the page once."""
    visit = next(iter(visits), None)
    if visit is None or visit.lcp is None or visit.inp is None or visit.cls is None:
        return Seen.fail("a page with all of them reported not all of LCP, INP and CLS", SHELL)
    if abs(visit.cls - CLS) > NEARLY:
        return Seen.fail(f"CLS is {visit.cls:.4g} of a page where it is {CLS:.4g}", SHELL)
    if is_slow(visit) or visit.inp < INP:
        took = show_duration(visit.inp)
        return Seen.fail(f"INP is {took} of a button that takes {show_duration(INP)}", SHELL)
    took, truth = show_duration(visit.lcp), show_duration(LCP)
    if visit.lcp < LCP:
        return Seen.fail(f"LCP is {took} of an image that comes after {truth}", SHELL)
    if visit.lcp > LCP + SLOW:
        found = f"LCP is {took} of an image that comes after {truth}"
        return Seen.warn(found, "the machine is busy or slow, which all vitals show")
    return Seen.ok(
        f"LCP {took} of an image after {truth}, INP {show_duration(visit.inp)} of a button that"
        f" takes {show_duration(INP)}, CLS {visit.cls:.4g} as it is"
    )
