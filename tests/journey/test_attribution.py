from __future__ import annotations

from pathlib import Path

import pytest

from prober.journey.events import Order, Seen
from prober.journey.vitals import DOCUMENTS, flags_of
from prober.result import Outcome
from tests.journey.running import run
from tests.servers.pages import Page, noise, site

SHOP = """
function burn(ms) { const began = performance.now(); while (performance.now() - began < ms); }
function pay() { burn(120); document.getElementById("paid").textContent = "paid" }
addEventListener("DOMContentLoaded", () => {
  document.getElementById("pay").addEventListener("click", pay);
  setTimeout(() => { document.getElementById("gap").style.height = "200px" }, 400);
  setTimeout(() => { burn(250); document.title = "settled" }, 900);
});
"""
EXPLAINED = """<!doctype html><title>shop</title><script src=/shop.js></script>
<style>#gap { height: 0 } img { display: block } #basket { height: 200px; background: #ddd }</style>
<main class="shelf  wide third"><img class=hero src="/hero.png?token=t0ken"></main>
<button id=pay><b>Pay</b></button> <i id=paid></i>
<div id=gap></div><div id=basket>basket</div>"""
EXPLAINED_WAY = """
from prober.journey import journey

@journey
def explained(page):
    page.goto("/explained")
    page.wait_for_function("() => document.title === 'settled'")
    page.get_by_text("Pay").click()
    page.get_by_text("paid").wait_for()
"""


def test_what_made_the_figures_is_named_by_its_place_in_the_page(tmp_path: Path) -> None:
    hero, other = noise(300, 200), noise(200, 200)
    with site({}) as it:
        pixel = f"<img src={it.other_url}/other.png width=1 height=1>"
        it.pages |= {
            "/explained": Page(EXPLAINED + pixel),
            "/shop.js": Page(SHOP, "text/javascript"),
            "/hero.png": Page(hero, "image/png", delay=0.15),
            "/other.png": Page(other, "image/png"),
        }
        seen = run(tmp_path, EXPLAINED_WAY, base_url=it.url)

    visit = seen.visits["/explained"]
    said = dict(visit.attribution)
    delay, processing, presentation = (
        said.pop(f"inp_{part}") for part in ("delay", "processing", "presentation")
    )
    assert said == {
        "lcp_element": "html > body > main.shelf.wide > img.hero",
        "lcp_url": f"{it.url}/hero.png",
        "cls_source": "div#basket",
        "inp_target": "button#pay > b",
        "inp_event": "click",
        "inp_script": f"{it.url}/shop.js (pay)",
    }
    assert isinstance(delay, float)
    assert isinstance(processing, float)
    assert isinstance(presentation, float)
    assert visit.inp is not None
    assert processing >= 0.12
    assert delay + processing + presentation == pytest.approx(visit.inp, abs=0.016)
    assert visit.long_task is not None
    assert visit.long_task >= 0.2 + 0.07 - 0.001
    assert visit.requests == 4
    own = len(EXPLAINED + pixel) + len(SHOP) + len(hero)
    assert own < visit.bytes < own + len(other)  # another origin does not tell its size
    assert visit.quality == ()


LIE = """<script>
const long = "x".repeat(5000);
const made = {
  lcp_element: null, lcp_url: null, cls_source: null, inp_target: null, inp_event: null,
  inp_script: null, inp_delay: null, inp_processing: null, inp_presentation: null,
};
const lie = (more) => JSON.stringify({
  id: Math.random().toString(), why: "begun", url: "https://shop.example/lie", lcp: 1, fcp: 1,
  ttfb: 1, inp: 1, cls: 1, interactions: 1, stopped: false, long_task: 1, requests: 1, bytes: 1,
  made, ...more,
});
</script>"""
SABOTAGE = """<!doctype html><script>
const junk = [
  {}, null, "", "{}", "x".repeat(100000), lie({ lcp: -1 }), lie({ cls: "Infinity" }), lie({ x: 1 }),
  lie({ requests: 1e16 }), lie({ url: long }), lie({ made: { ...made, inp_event: long } }),
  lie({ id: long }), lie({ url: "http://shop.example/" + long.repeat(100) }),
];
for (const one of junk) window.__prober_tell(one);
const broken = () => { throw new Error("replaced") };
const spoil = (owner, names) => { for (const name of names) owner[name] = broken };
const lists = ["at", "concat", "entries", "fill", "filter", "find", "forEach", "map", "push", "reduce", "shift"];
spoil(Array.prototype, lists);
spoil(String.prototype, ["match", "slice", "split", "trim"]);
spoil(Math, ["abs", "floor", "max", "min", "random", "round"]);
spoil(window, ["Date", "setTimeout", "requestAnimationFrame", "MessageChannel"]);
Array.prototype.toJSON = Object.prototype.toJSON = () => "said by the page";
JSON.stringify = broken;
Object.defineProperty(window, "performance", { value: {} });
</script><meta http-equiv=Content-Security-Policy content="script-src 'unsafe-inline'">
<h1>hostile</h1><button>go</button>"""
LATE = """<img id=late width=300 height=200><script>
addEventListener("load", () => { document.getElementById("late").src = "/slow.png" });
</script>"""
HOSTILE_WAY = """
from prober.journey import journey

@journey
def hostile(page):
    page.goto("/hostile")
    page.get_by_role("button").click()
    page.goto("/slow", wait_until="commit")
    page.get_by_role("button").click()
    for path in ("/late", "/below"):
        page.goto(path)
        page.get_by_role("button").click()
    page.goto("/next")
    page.goto("/liar")
"""


def test_a_page_that_replaces_everything_is_measured_and_an_early_click_is_noted(
    tmp_path: Path,
) -> None:
    pages = {
        "/hostile": Page(LIE + SABOTAGE),
        "/liar": Page(LIE + "<script>for (let i = 0; i < 300; i++) __prober_tell(lie())</script>"),
        "/slow": Page("<!doctype html><button>go</button><script async src=/slow.png></script>"),
        "/late": Page("<!doctype html><button>go</button>" + LATE),
        "/below": Page(
            "<!doctype html><div style='height: 2000px'><button>go</button></div>" + LATE
        ),
        "/slow.png": Page(noise(300, 200), "image/png", delay=1.0),
        "/next": Page("<h1>next</h1>"),
    }
    with site(pages) as it:
        seen = run(tmp_path, HOSTILE_WAY, base_url=it.url)

    assert seen.ended.outcome is Outcome.UP, seen.ended.message
    assert list(seen.visits) == ["/hostile", "/slow", "/late", "/below", "/next", "/liar", "/lie"]
    assert len({one.id for one in seen.all(Seen)}) == DOCUMENTS
    visit = seen.visits["/hostile"]
    assert visit.lcp is not None
    assert visit.fcp is not None
    assert visit.ttfb is not None
    assert visit.inp is not None
    assert (visit.cls, visit.interactions, visit.requests) == (0, 1, 1)
    assert [one.quality for one in seen.visits.values()][:5] == [
        (),
        ("stopped_by_input",),
        ("stopped_by_input",),
        (),
        ("no_interaction",),
    ]


ORDER = Order(check="shop", script="/order.py", run_id="1", timeout=60, folder="/nowhere")


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({}, ()),
        ({"connect": "ws://127.0.0.1:1/"}, ("remote",)),
        ({"network": "slow-4g"}, ("throttled",)),
        ({"verified": False}, ("unverified",)),
        (
            {"connect": "ws://127.0.0.1:1/", "network": "slow-3g", "verified": False},
            ("remote", "throttled", "unverified"),
        ),
    ],
)
def test_what_a_run_is_made_with_is_held_against_its_figures(
    change: dict[str, object], flags: tuple[str, ...]
) -> None:
    assert flags_of(ORDER.model_copy(update=change)) == flags
