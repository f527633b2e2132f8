"""Two pages that differ in nothing but a secret must give the same picture, to the last pixel."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from playwright.async_api import Page as Tab
from playwright.async_api import ViewportSize, async_playwright

from prober.journey.evidence import Photographer, Shot
from tests.journey.running import OFFLINE
from tests.servers.pages import Page, Site, site
from tests.tools import browser

ONE, OTHER = "hunter-2-AAAA", "qwerty-7-ZZZZ"  # of one width in a monospaced font
LOOK = "<!doctype html><style>* { font: 16px monospace } p { transition: color 1s }</style>"

_VECTORS = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='30'>"
    "<text y='20' font-family='monospace'>SECRET</text></svg>"
)
_ADDRESS = "data:image/svg+xml," + quote(_VECTORS)
_DRAW = (
    "const c = document.createElement('canvas').getContext('2d'); "
    "c.font = '20px monospace'; c.fillText('SECRET', 0, 20); "
)

SHOWN = {
    "password field": "<input type=password value=SECRET>",
    "plain field": "<input value=SECRET>",
    "field being typed into": "<input value=SECRET><script>{ const it = "
    "document.currentScript.previousElementSibling; it.value = it.value.slice(0, 9) }</script>",
    "text area": "<textarea>SECRET</textarea>",
    "placeholder": "<input placeholder='was SECRET'>",
    "button": "<input type=submit value='use SECRET'>",
    "choice": "<select><option>none<option selected>SECRET</select>",
    "text": "<p>your password is SECRET, keep it</p>",
    "text beside itself": "<p>SECRET, yes, <b>SECRET</b></p>",
    "text in pieces": "<p>it is <b>SECRET</b><i>!</i> and <u>SEC<b>RET</b></u></p>",
    "text with a loud colour": "<style>b { color: red !important }</style><p><b>SECRET</b></p>",
    "vector graphics": "<svg><text y=20>SECRET</text></svg>",
    "editable text": "<div contenteditable>SECRET</div>",
    "encoded in a link": "<p>/login?password=SECRET%21</p>",
    "missing image": "<img src=/none.png alt='the SECRET'>",
    "shadow tree": "<div id=host></div><script>document.getElementById('host')"
    ".attachShadow({mode: 'open'}).innerHTML = '<p>SECRET</p><input value=SECRET>'</script>",
    "inner document": "<iframe srcdoc='<p>SECRET</p><input value=SECRET>'></iframe>",
    "document of another origin": "<iframe src=OTHER/inner></iframe>",
    "canvas": f"<canvas id=it></canvas><script>{{ {_DRAW} it.replaceWith(c.canvas) }}</script>",
    "film of a canvas": f"<video id=film autoplay muted></video><script>{{ {_DRAW} "
    "film.srcObject = c.canvas.captureStream() }</script>",
    "image that is its address": f'<img src="{_ADDRESS}">',
    "image in base64": '<img src="BASE64">',
    "image that a script made": f"<img id=made><script>{{ {_DRAW} "
    "c.canvas.toBlob((blob) => { made.src = URL.createObjectURL(blob) }) }</script>",
    "image of the site's": "<img src=/vectors.svg#top>",
    "image in vector graphics": "<svg><image href=/vectors.svg width=300 height=30 /></svg>",
    "image as a button": "<input type=image src=/vectors.svg>",
    "object": f'<object type=image/svg+xml data="{_ADDRESS}"></object>',
    "object of the site's": "<object data=/vectors.svg></object><embed src=/vectors.svg>",
    "background": f'<p style="height: 30px; background: url({_ADDRESS})"></p>',
    "background of the site's": "<p style='height: 30px; background: url(/vectors.svg)'></p>",
    "bullet": f'<ul><li style="list-style: url({_ADDRESS}) inside">x</ul>',
    "image in the place of an element": f'<p style="content: url({_ADDRESS})">x</p>',
}
HARD = {
    "closed shadow tree": "<div id=host></div><script>document.getElementById('host')"
    ".attachShadow({mode: 'closed'}).innerHTML = '<p>SECRET</p>'</script>",
    "canvas in a closed shadow tree": "<div id=host></div><script>document.getElementById('host')"
    ".attachShadow({mode: 'closed'}).innerHTML = '<canvas></canvas>'</script>",
    "image in a closed shadow tree": "<div id=host></div><script>document.getElementById('host')"
    ".attachShadow({mode: 'closed'}).innerHTML = '<img src=/vectors.svg>'</script>",
    "generated image": f"<style>p::before {{ content: url({_ADDRESS}) }}</style><p></p>",
    "image of the site's as a generated background": "<style>p::before { content: 'x'; "
    "background: url(/vectors.svg) }</style><p></p>",
    "bullet of text": "<style>li { list-style-type: 'SECRET' }</style><ul><li>x</ul>",
    "generated text": "<style>p::before { content: 'SECRET' }</style><p></p>",
    "text that comes back": "<p id=it></p><script>setInterval(() => { const p = "
    "document.createElement('p'); p.textContent = 'SECRET'; document.body.replaceChildren(p) "
    "}, 1)</script>",
}


def with_secret(body: str, secret: str) -> str:
    pieces = body.replace("SEC<b>RET</b>", f"{secret[:5]}<b>{secret[5:]}</b>")
    in_base64 = base64.b64encode(_VECTORS.replace("SECRET", secret).encode()).decode()
    pieces = pieces.replace("BASE64", f"data:image/svg+xml;base64,{in_base64}")
    return LOOK + pieces.replace("SECRET", secret)


@asynccontextmanager
async def tab(scale: float = 1) -> AsyncIterator[Tab]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser(), args=[OFFLINE])
        view: ViewportSize = {"width": 800, "height": 1600}
        yield await chromium.new_page(viewport=view, device_scale_factor=scale)
        await chromium.close()


async def load(it: Tab, pages: Site, body: str, secret: str) -> None:
    pages.pages["/inner"] = Page(with_secret("<p>SECRET</p><input value=SECRET>", secret))
    pages.pages["/vectors.svg"] = Page(_VECTORS.replace("SECRET", secret), "image/svg+xml")
    pages.pages["/"] = Page(with_secret(body, secret).replace("OTHER", pages.other_url))
    await it.goto(pages.url)
    await it.wait_for_function("() => !window.made || made.naturalWidth")


async def test_a_picture_has_the_pixels_of_the_layout_however_many_the_device_has() -> None:
    async with tab(scale=3) as it:
        await it.set_content("<p>hello")
        shot = await Photographer([]).picture(it, 5)

    assert int.from_bytes(shot.png[16:20], "big") == 800  # PNG's header: its width


async def test_a_picture_never_depends_on_a_secret() -> None:
    everything = "".join(f"<div>{body}</div>" for body in SHOWN.values())
    plain: list[list[bytes]] = []
    hidden: list[Shot] = []
    async with tab() as it:
        with site({}) as pages:
            for secret in (ONE, OTHER):
                await load(it, pages, everything, secret)
                cases = await it.locator("body > div").all()
                plain.append([await case.screenshot() for case in cases])
                hidden.append(await Photographer([secret]).picture(it, 5))

    assert not hidden[0].shows_secret
    assert hidden[0] == hidden[1]
    same = [n for n, one, other in zip(SHOWN, *plain, strict=True) if one == other]
    may_be_late = {"film of a canvas"}
    assert set(same) - may_be_late == {"password field"}, "what these show was no test"


async def test_where_a_secret_cannot_be_hidden_there_is_no_picture() -> None:
    async with tab() as it:
        with site({}) as pages:
            for name, body in HARD.items():
                await load(it, pages, body, ONE)

                shot = await Photographer([ONE]).picture(it, 5)

                assert shot.shows_secret, name


async def test_a_page_is_left_as_it_was_and_shown_as_it_was_where_it_shows_no_secret() -> None:
    body = "<p style='color: red'>SECRET</p><b>SECRET</b><i>hello</i>"
    async with tab() as it:
        with site({}) as pages:
            await load(it, pages, body, ONE)
            before, shown = await it.content(), await it.screenshot()
            hidden = await Photographer([ONE]).picture(it, 5)
            after, picture = await it.content(), await Photographer([OTHER]).picture(it, 5)

    assert after == before
    assert hidden.png != shown
    assert picture.png == shown
