"""A journey meets its secrets everywhere; afterwards they are nowhere, in whatever form."""

from __future__ import annotations

import base64
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from prober.probes import chromium
from tests import tools
from tests.agent_process import running, until
from tests.servers.pages import Page, Site, noise, site

NOTHING_OUTSIDE = "'--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'"
KNOWN = "hunter/22 & more"  # stands in the config
TYPED = "typed-by-hand-77"  # into a password field
COOKIE = "c00kie-of-a-session"  # of the server's
HEADER = "bearer-of-a-header-9"  # which only the author's script knows
FORM = "posted-and-seen-by-nobody"  # in a field whose name says it
HIDDEN = {"known": KNOWN, "typed": TYPED, "cookie": COOKIE, "header": HEADER, "form": FORM}

SCRIPT = f"""
import base64, json
from urllib.parse import quote
from prober.journey import journey

@journey
def shop(page, context, step, secrets, base_url):
    known = secrets["password"]
    with step(f"open with {{known}}"):
        context.add_cookies([dict(name="mine", value=quote(known), url=base_url)])
        page.set_extra_http_headers({{"Authorization": "Bearer {HEADER}", "X-Api-Key": known}})
        page.goto("/?password=" + known)
    with step("sign in"):
        page.get_by_label("User").fill("me")
        page.get_by_label("Password").fill("{TYPED}")
        page.get_by_label("Again").fill(known)
        page.get_by_role("button").click()
        page.get_by_text("welcome").wait_for()
    with step("look"):
        page.evaluate("text => console.log('it is ' + text)", known)
        page.evaluate("text => fetch('/api', {{method: 'POST', body: text}})",
                      json.dumps({{"access_token": "{FORM}", "inner": [known]}}))
        page.evaluate("text => {{ document.body.dataset.it = text }}", base64.b64encode(b"me:" + known.encode()).decode())
    print("printed", known)
    raise RuntimeError(f"no luck with {{known}} and {{page.url}}")
"""
FRONT = """<!doctype html><title>front</title><img src=/logo.png>
<form method=post action=/welcome><label>User <input name=user></label>
<label>Password <input type=password name=first></label>
<label>Again <input type=password name=second></label><button>go</button></form>"""
PAGES = {
    "/": Page(FRONT, headers={"Set-Cookie": f"session={COOKIE}; Path=/"}),
    "/welcome": Page("<!doctype html><h1>welcome</h1><input type=password value=ssr>"),
    "/api": Page("{}", "application/json"),
    "/logo.png": Page(noise(4, 4) + base64.b64encode(b"x" + KNOWN.encode() + b"y"), "image/png"),
}
CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
checks:
  - {{name: cart, interval: 8s, timeout: 7s, journey: {{script: shop.py, base_url: "{url}", evidence: always, secrets: {{password: {known}}}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROBER_CHROMIUM_ARGS", NOTHING_OUTSIDE)
    (tmp_path / "shop.py").write_text(SCRIPT)
    return tmp_path


def config(pages: Site) -> str:
    try:
        chromium.find(os.environ)
    except chromium.NoBrowser as error:
        tools.missing(str(error))
    return CONFIG.format(url=pages.url, known=json.dumps(KNOWN))


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The bytes, and those of what is packed in them."""
    yield name, data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for inner in archive.namelist():
                yield from contents(f"{name}!{inner}", archive.read(inner))


def forms(secret: str) -> Iterator[bytes]:
    yield secret.encode()
    yield secret.encode().hex().encode()
    yield secret.encode("utf-16-le")
    yield quote(secret).encode()
    yield quote(secret, safe="").encode()
    yield quote(secret).replace("%20", "+").encode()
    yield json.dumps(secret)[1:-1].replace("&", "&amp;").encode()
    for before in ("", "x", "xx"):
        yield base64.b64encode((before + secret + "...").encode())[4:-8]


def shown(name: str, data: bytes) -> list[str]:
    """Where something secret stands."""
    return [
        f"{place} shows {which}"
        for place, inner in contents(name, data)
        for which, secret in HIDDEN.items()
        for form in forms(secret)
        if form in inner
    ]


async def test_no_secret_is_in_any_artefact(folder: Path) -> None:
    with site(PAGES) as pages:
        async with running(folder, config(pages)) as agent:

            async def is_down() -> bool:
                return (await agent.check("cart"))["state"] == "down"

            await until(is_down, "the journey has failed", within=40)
            row = json.dumps(await agent.check("cart"))
            answers = {
                path: await agent.get(path)
                for path in ("/", "/metrics", "/api/v1/checks", "/api/v1/checks/cart")
            }
            withheld = await agent.metric("prober_evidence_withheld_total")
            log = agent.log
            assert await agent.stop() == 0

    files = {
        str(p.relative_to(folder)): p.read_bytes()
        for p in (folder / "data").rglob("*")
        if p.is_file()
    }
    kinds = {Path(name).name for name in files if "evidence" in name}
    assert kinds == {"screenshot.png", "console.txt", "trace.zip", "network.har", "dom.html"}
    found = [it for name, data in files.items() for it in shown(name, data)]
    found += [it for path, text in answers.items() for it in shown(path, text.encode())]
    assert found + shown("log", log.encode()) + shown("row", row.encode()) == []
    assert (withheld or 0) >= 1  # the picture that has it in its bytes
    assert "no luck with ***" in row

    trace = next(data for name, data in files.items() if name.endswith("trace.zip"))
    with zipfile.ZipFile(io.BytesIO(trace)) as archive:
        events = [json.loads(line) for line in archive.read("trace.trace").splitlines()]
        network = [json.loads(line) for line in archive.read("trace.network").splitlines()]
        names = archive.namelist()
    titles = [event.get("title") for event in events if event.get("method") == "tracingGroup"]
    assert titles == ["open with ***", "sign in", "look"]
    assert {"fill", "goto", "click"} <= {event.get("method") for event in events}
    assert any(event["type"] == "frame-snapshot" for event in events)
    assert any("/welcome" in entry["snapshot"]["request"]["url"] for entry in network)
    assert any(name.startswith("src/") for name in names)
    dom = next(data for name, data in files.items() if name.endswith("dom.html")).decode()
    assert "welcome" in dom
    assert 'value="***"' in dom
    console = next(data for name, data in files.items() if name.endswith("console.txt")).decode()
    assert "it is ***" in console
    assert "printed ***" in console
    assert "of the trace, which may show a secret" in console
