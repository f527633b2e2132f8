from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from prober.result import Evidence, Finding, Reason
from prober.web.view import MOST
from tests.export.samples import PAGE, REFUSED, UP, Trip, budget, step, visit
from tests.fake_clock import NOON
from tests.web.serve import Agent, serving

EVIL = '<img src=x onerror="alert(1)">'


class Outline(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def page(agent: Agent, path: str = "/") -> str:
    async with serving(agent) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return answer.text


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    parser.text = re.sub(r"\s+", " ", parser.text)
    return parser


def shop() -> Agent:
    agent = Agent()
    agent.bench.add("shop", labels={"team": "payments"})
    agent.bench.add("redis", kind="tcp", target="10.0.0.9:6379")
    agent.bench.run("shop", UP, seconds=0.25)
    agent.bench.run("redis", REFUSED)
    agent.bench.board.alert("redis", "down", "critical", True, NOON - 65)
    return agent


async def test_the_page_shows_the_checks_worst_first() -> None:
    text = outline(await page(shop())).text

    assert text.index("redis") < text.index("shop")
    for said in (
        "connect",
        "connection refused",
        "10.0.0.9:6379",
        "down critical 1 m 5 s",
        "250 ms",
    ):
        assert said in text
    for said in ("eu-west-1", "Prober 0.1.0", "2 checks", "1 down", "1 up", "As of 22:13:20 UTC"):
        assert said in text


async def test_the_title_says_how_bad_it_is() -> None:
    assert "<title>1 down · eu-west-1 · Prober</title>" in await page(shop())
    agent = Agent()
    agent.bench.add("shop")
    agent.bench.run("shop", UP)

    assert "<title>eu-west-1 · Prober</title>" in await page(agent)


async def test_the_table_is_a_table_to_those_who_cannot_see_it() -> None:
    it = outline(await page(shop()))

    assert [header.get("scope") for header in it.all("th")] == ["col"] * 7 + ["row"] * 2
    assert len(it.all("caption")) == 1
    assert it.all("html") == [{"lang": "en"}]
    assert all("datetime" in time for time in it.all("time"))
    marks = [span for span in it.all("span") if span.get("class") == "mark"]
    assert marks
    assert all(mark["aria-hidden"] == "true" for mark in marks)


async def test_nothing_comes_from_elsewhere_or_stands_in_line() -> None:
    it = outline(await page(shop(), "/?q=s"))

    for tag, attributes in it.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert tag != "style"
        for name in ("src", "href", "action"):
            assert not (attributes.get(name) or "").startswith(("http", "//", "/"))
    assert it.all("script") == [{"src": "static/page.js", "defer": None, "data-refresh": "15"}]


async def test_without_a_script_the_page_refreshes_itself() -> None:
    text = await page(shop())

    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in text


@pytest.mark.parametrize("file", ["page.css", "page.js"])
async def test_what_the_page_needs_is_served(file: str) -> None:
    async with serving(Agent()) as client:
        answer = await client.get(f"/static/{file}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/")
    assert "http" not in answer.text.replace("http-equiv", "")


@pytest.mark.parametrize("file", ["page.html", "..%2f..%2f__init__.py", "%2e%2e/app.py", ""])
async def test_nothing_else_is_served(file: str) -> None:
    async with serving(Agent()) as client:
        answer = await client.get(f"/static/{file}")

    assert answer.status_code == 404


async def test_texts_from_outside_stay_texts() -> None:
    agent = Agent(notices=[EVIL])
    agent.bench.add("shop", target=EVIL, severity=EVIL, labels={"note": EVIL})
    agent.bench.run("shop", Finding.down(Reason.BODY, EVIL))
    agent.bench.board.alert("shop", EVIL, EVIL, True, NOON)
    it = outline(await page(agent, f"/?q={EVIL.replace('=', '%3D')}"))

    assert not it.all("img")
    assert it.text.count(EVIL) >= 4
    assert [box["value"] for box in it.all("input")] == [EVIL]


async def test_a_state_and_a_search_narrow_the_table() -> None:
    down = outline(await page(shop(), "/?state=down"))
    found = outline(await page(shop(), "/?q=team%3Dpay"))

    assert "redis" in down.text
    assert "shop" not in down.text
    assert {"type": "hidden", "name": "state", "value": "down"} in down.all("input")
    assert "shop" in found.text
    assert "redis" not in found.text


async def test_the_links_keep_the_search() -> None:
    links = [link.get("href") for link in outline(await page(shop(), "/?q=a%26b")).all("a")]

    assert "?state=down&q=a%26b" in links
    assert "?q=a%26b" in links


async def test_nothing_found_is_said() -> None:
    text = outline(await page(shop(), "/?state=waiting&q=zzz")).text

    assert "No check is waiting and matches “zzz”." in text


async def test_a_config_without_checks_is_said() -> None:
    assert "The config has no checks yet." in await page(Agent())


async def test_a_state_that_there_is_not_counts_as_none() -> None:
    assert "shop" in await page(shop(), "/?state=%3Cb%3E")


async def test_notices_stand_above_the_table() -> None:
    agent = shop()
    agent.notices = ["the store is full"]
    text = await page(agent)

    assert 0 < text.index("the store is full") < text.index("<table")


async def test_more_than_fit_is_said() -> None:
    agent = Agent()
    for number in range(MOST + 1):
        agent.bench.add(f"c{number}")
    text = await page(agent)

    assert f"The worst {MOST} of {MOST + 1} are shown" in text
    assert text.count('<tr role="row" id=') == MOST


async def test_a_name_is_linked_whatever_is_in_it() -> None:
    agent = Agent()
    agent.bench.add("shop/basket:eu")

    assert 'href="api/v1/checks/shop/basket%3Aeu"' in await page(agent)


def journeys() -> Agent:
    """A journey that failed and a good one."""
    agent = Agent()
    for name in ("eu/order", "browse"):
        agent.bench.add(name, kind="journey")
    folder = "evidence/eu%2Forder/01JD"
    failed = Trip(
        [step("sign in", 1.25), step("pay", 5, "no such button")],
        [visit("/", lcp=4.1, inp=0.3), visit("checkout", lcp=None)],
        [Evidence("screenshot", f"{folder}/a.png"), Evidence("console", f"{folder}/c.txt")],
    )
    why = Finding.down(Reason.STEP, "order.py:31: no such button")
    agent.bench.run("eu/order", why, facts={}, trip=failed)
    agent.bench.run("browse", UP, facts={}, trip=Trip([step("look around")], [visit("/")]))
    return agent


async def test_a_journey_shows_its_steps_its_failure_and_its_vitals() -> None:
    it = outline(await page(journeys()))

    for said in (
        "✓ ok: sign in 1.25 s",
        "✗ failed: pay 5 s",
        "order.py:31: no such button",
        "LCP 4.1 s ▼ poor",
        "INP 300 ms ◐ fair",
        "CLS 0 ● good",
        "LCP \u2013 not measured",
        "✓ ok: look around 400 ms",
        "◐ fair: needs improvement",
    ):
        assert said in it.text
    assert it.text.count("order.py:31: no such button") == 1
    assert "step : in “pay”" in it.text


async def test_a_journey_says_what_it_broke_and_what_it_did_not_come_to() -> None:
    agent = Agent()
    agent.bench.add("way", kind="journey")
    over = [budget("lcp", "<b>", limit=2.5, actual=4.5)]
    agent.bench.run(
        "way", REFUSED, trip=Trip([step("pay", 5, "no")], budgets=over, skipped=["<i>", "leave"])
    )
    it = outline(await page(agent))

    assert "over its budget: lcp of <b>: 4.5 s, at most 2.5 s" in it.text
    assert "○ not reached: <i> ○ not reached: leave" in it.text


async def test_a_journey_that_is_up_but_over_a_budget_is_called_degraded() -> None:
    agent = Agent()
    for name in ("over", "within"):
        agent.bench.add(name, kind="journey")
    over = [budget("lcp", "/", limit=0.5, actual=0.8)]
    agent.bench.run("over", UP, trip=Trip(visits=[PAGE], budgets=over))
    within = [budget("lcp", "/", limit=2.5, actual=0.8)]
    agent.bench.run("within", UP, trip=Trip(visits=[PAGE], budgets=within))
    it = outline(await page(agent))

    assert it.text.count("● up degraded") == 1
    assert "LCP 800 ms ● good ✗ budget 500 ms" in it.text
    assert "LCP 800 ms ● good budget 2.5 s" in it.text
    agent.bench.clock.move(86_400)  # nothing is known any more
    assert "degraded" not in await page(agent)
    agent.bench.run("over", REFUSED, trip=Trip(visits=[PAGE], budgets=over))
    assert "degraded" not in await page(agent)


async def test_a_journey_tells_what_made_its_figures_and_how_a_trace_is_seen() -> None:
    agent = Agent()
    agent.bench.add("way", kind="journey")
    seen = replace(PAGE, attribution={"lcp_element": EVIL}, quality=("remote", "no_interaction"))
    folder = "evidence/way/01JD"
    pieces = [
        Evidence("screenshot", f"{folder}/screenshot.png"),
        Evidence("trace", f"{folder}/trace.zip"),
        Evidence("screenshot", f"{folder}/good.png"),
    ]
    why = Finding.down(Reason.STEP, "no such button")
    agent.bench.run("way", why, trip=Trip([step("pay", 5, "no")], [seen], pieces))
    it = outline(await page(agent))

    assert f"Where this comes from / LCP {EVIL}" in it.text
    assert "INP no interaction" in it.text
    assert "Measured with a caveat: in a remote browser" in it.text
    assert "(see the trace with playwright show-trace trace.zip )" in it.text
    assert [(one["src"], one["alt"]) for one in it.all("img")] == [
        (f"{folder}/screenshot.png", "What the browser showed when way failed"),
        (f"{folder}/good.png", "What the browser showed when way was last up"),
    ]


async def test_a_journey_links_its_evidence() -> None:
    it = outline(await page(journeys()))
    links = [link["href"] for link in it.all("a") if (link["href"] or "").startswith("evidence/")]

    shot, text = "evidence/eu%252Forder/01JD/a.png", "evidence/eu%252Forder/01JD/c.txt"
    assert links == [shot, text, shot]
    (picture,) = it.all("img")
    assert (picture["src"], picture["alt"]) == (
        shot,
        "What the browser showed when eu/order failed",
    )


async def test_a_long_journey_is_folded_but_not_its_failure() -> None:
    agent = Agent()
    agent.bench.add("way", kind="journey")
    steps = [step(f"step {number}", 1, "no such thing" * (number == 49)) for number in range(50)]
    visits = [visit(f"/{number}", lcp=5) for number in range(20)]
    agent.bench.run("way", Finding.down(Reason.SCRIPT, "stopped"), trip=Trip(steps, visits))
    text = await page(agent)
    it = outline(text)

    assert it.all("details") == [{"id": "steps-way"}, {"id": "pages-way"}]
    assert "50 steps, 1 failed" in it.text
    assert "20 pages: 20 poor" in it.text
    outside = re.sub(r"<details.*?</details>", "", text, flags=re.DOTALL)
    assert "no such thing" in outside
    assert "step 48" not in outside


def stepping() -> Agent:
    """An HTTP check whose second step failed, and which read values."""
    agent = Agent()
    agent.bench.add("api")
    steps = [
        step("sign in"),
        replace(step("list orders", 0.1, "status 500, expected 2xx"), ok=False),
    ]
    why = Finding.down(Reason.STATUS, "step 'list orders': status 500, expected 2xx")
    trip = Trip(steps, values={"queue": 12.0, "db<b>": 0.5})
    agent.bench.run("api", why, facts={}, trip=trip)
    return agent


async def test_an_http_check_shows_its_steps_and_says_its_failure_once() -> None:
    it = outline(await page(stepping()))

    assert "✓ ok: sign in 400 ms" in it.text
    assert "✗ failed: list orders 100 ms status 500, expected 2xx" in it.text
    assert it.text.count("status 500, expected 2xx") == 1
    assert "status : in “list orders”" in it.text
    assert "list orders 100 ms step" not in it.text


async def test_the_values_of_the_last_run_are_shown() -> None:
    text = await page(stepping())

    assert "queue 12 · db<b> 0.5" in outline(text).text
    assert "db<b>" not in text


async def test_a_page_without_pages_of_a_browser_explains_no_vitals() -> None:
    assert "Web Vitals" not in await page(shop())
    assert "Web Vitals" not in await page(stepping())


async def test_texts_of_a_journey_stay_texts() -> None:
    agent = Agent()
    agent.bench.add("way", kind="journey")
    odd = replace(PAGE, page=EVIL, url=EVIL, quality=(EVIL,))
    pieces = [Evidence(EVIL, f'evidence/way/01JD/{EVIL}"'), Evidence("x", "javascript:alert(1)")]
    trip = Trip([step(EVIL), step("b", 1, EVIL)], [odd], pieces)
    agent.bench.run("way", Finding.down(Reason.STEP, "b"), trip=trip)
    it = outline(await page(agent))

    assert not it.all("img")
    assert it.text.count(EVIL) >= 4
    assert not [link for link in it.all("a") if (link["href"] or "").startswith("javascript:")]


async def test_half_a_character_spoils_no_page() -> None:
    agent = Agent()
    agent.bench.add("shop")
    agent.bench.run("shop", Finding.down(Reason.BODY, "bad \ud800 text"))

    assert "bad ? text" in await page(agent)


async def test_the_row_of_a_check_is_where_the_url_of_its_alert_leads() -> None:
    agent = Agent()
    agent.bench.add("many:a/b")
    seen = outline(await page(agent))

    assert "many:a/b" in [row.get("id") for row in seen.all("tr")]
