from __future__ import annotations

from collections.abc import Mapping

import httpx

from prober.export.board import AT_LEAST
from prober.result import Evidence
from tests.export.samples import OURS, REFUSED, UP, Trip, budget, step, visit
from tests.fake_clock import NOON
from tests.web.serve import Agent, serving

STAMP = "2023-11-14T22:13:20.000Z"  # noon of the samples


async def ask(agent: Agent, path: str) -> httpx.Response:
    async with serving(agent) as client:
        return await client.get(path)


async def names(agent: Agent, query: str) -> list[str]:
    answer = await ask(agent, f"/api/v1/checks?{query}")
    return [check["name"] for check in answer.json()["data"]["checks"]]


def three() -> Agent:
    agent = Agent()
    for name in ("good", "bad", "new"):
        agent.bench.add(name)
    agent.bench.run("good", UP)
    agent.bench.run("bad", REFUSED)
    return agent


async def test_a_check_with_all_that_is_known_of_it() -> None:
    agent = Agent()
    agent.bench.add("bad", labels={"team": "payments"}, interval=30)
    agent.bench.run("bad", UP, seconds=0)
    agent.bench.clock.move(30)
    row = agent.bench.run("bad", REFUSED, seconds=0)
    agent.bench.board.alert("bad", "down", "critical", True, NOON + 30)
    answer = await ask(agent, "/api/v1/checks")

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert row is not None
    assert row.last is not None
    assert answer.json() == {
        "status": "success",
        "data": {
            "region": "eu-west-1",
            "checks": [
                {
                    "name": "bad",
                    "kind": "http",
                    "target": "https://shop.example/",
                    "state": "down",
                    "since": "2023-11-14T22:13:50.000Z",
                    "interval_seconds": 30,
                    "labels": {"team": "payments"},
                    "severity": "critical",
                    "consecutive_failures": 1,
                    "last_run_at": "2023-11-14T22:13:50.000Z",
                    "last_success_at": STAMP,
                    "alerts": [
                        {
                            "alert": "down",
                            "severity": "critical",
                            "since": "2023-11-14T22:13:50.000Z",
                        }
                    ],
                    "result": row.last.to_json(),
                    "last_error": {
                        "at": "2023-11-14T22:13:50.000Z",
                        "run_id": row.last.run_id,
                        "outcome": "down",
                        "reason": "connect",
                        "message": "connection refused",
                    },
                }
            ],
        },
    }


async def test_what_is_not_known_is_null() -> None:
    agent = Agent()
    agent.bench.add("new", severity="")
    check: Mapping[str, object] = (await ask(agent, "/api/v1/checks/new")).json()["data"]

    unknown = {name for name, value in check.items() if value is None}
    assert unknown == {
        "state", "since", "severity", "last_run_at", "last_success_at", "result", "last_error",
    }  # fmt: skip
    assert check["alerts"] == []


async def test_no_checks_are_an_empty_list() -> None:
    answer = await ask(Agent(), "/api/v1/checks")

    assert answer.json()["data"] == {"region": "eu-west-1", "checks": []}


async def test_checks_are_found_by_state() -> None:
    assert await names(three(), "state=down") == ["bad"]
    assert await names(three(), "state=down&state=up") == ["good", "bad"]
    assert await names(three(), "state=unknown") == []


async def test_checks_are_found_by_name() -> None:
    assert await names(three(), "name=new") == ["new"]
    assert await names(three(), "name=good&name=new") == ["good", "new"]
    assert await names(three(), "name=goo") == []
    assert await names(three(), "name=good&state=down") == []


async def test_a_state_that_there_is_not_is_refused() -> None:
    answer = await ask(three(), "/api/v1/checks?state=broken")

    assert answer.status_code == 400
    assert answer.json() == {
        "status": "error",
        "error": "state is 'broken', which is none of down, unknown, up",
    }


async def test_a_state_that_is_out_of_date_is_unknown() -> None:
    agent = three()
    agent.bench.clock.move(AT_LEAST + 1)
    check = (await ask(agent, "/api/v1/checks/good")).json()["data"]

    assert check["state"] == "unknown"
    assert check["result"]["outcome"] == "up"
    assert await names(agent, "state=unknown") == ["good", "bad"]


async def test_a_run_of_ours_that_failed_is_the_last_result_and_error() -> None:
    agent = three()
    agent.bench.run("good", OURS)
    check = (await ask(agent, "/api/v1/checks/good")).json()["data"]

    assert check["state"] == "up"
    assert check["result"]["outcome"] == "unknown"
    assert check["last_error"]["reason"] == "internal"


async def test_a_name_may_hold_slashes() -> None:
    agent = Agent()
    agent.bench.add("shop/basket:eu")

    answer = await ask(agent, "/api/v1/checks/shop/basket:eu")
    assert answer.json()["data"]["name"] == "shop/basket:eu"


async def test_what_is_not_there_is_said_in_json() -> None:
    answer = await ask(three(), "/api/v1/checks/none")
    nowhere = await ask(three(), "/api/v1/nowhere")

    assert answer.status_code == nowhere.status_code == 404
    assert answer.json() == {"status": "error", "error": "there is no check named 'none'"}
    assert nowhere.json() == {"status": "error", "error": "'/api/v1/nowhere': not found"}


async def test_a_first_run_of_ours_that_failed_is_a_result_too() -> None:
    agent = three()
    agent.bench.run("new", OURS)
    check = (await ask(agent, "/api/v1/checks/new")).json()["data"]

    assert (check["state"], check["result"]["outcome"]) == ("unknown", "unknown")
    assert check["last_success_at"] is None


async def test_a_journeys_result_is_told_whole() -> None:
    agent = Agent()
    agent.bench.add("eu/way", kind="journey")
    steps = [step("sign in", 1.5), step("pay", 5, "no such button")]
    shot = Evidence("screenshot", "evidence/eu%2Fway/01JD/a.png")
    agent.bench.run("eu/way", REFUSED, trip=Trip(steps, [visit("/")], [shot]))
    for check in (
        (await ask(agent, "/api/v1/checks/eu/way")).json()["data"],
        (await ask(agent, "/api/v1/checks")).json()["data"]["checks"][0],
    ):
        told = check["result"]
        assert told["steps"] == [
            {"name": "sign in", "ok": True, "duration_seconds": 1.5, "url": None, "message": None},
            {
                "name": "pay", "ok": False, "duration_seconds": 5, "url": None,
                "message": "no such button",
            },
        ]  # fmt: skip
        assert told["vitals"] == [
            {
                "page": "/", "url": "https://shop.example/", "lcp_seconds": 0.8, "inp_seconds": None,
                "cls": 0, "fcp_seconds": 0.5, "ttfb_seconds": 0.1, "interactions": 0, "quality": [],
                "js_errors": 0, "failed_requests": 0, "long_task_seconds": None, "requests": 0,
                "bytes": 0, "attribution": {},
            }
        ]  # fmt: skip
        assert told["evidence"] == [{"kind": "screenshot", "path": "evidence/eu%2Fway/01JD/a.png"}]


async def test_a_check_that_is_up_and_beyond_a_budget_is_degraded() -> None:
    agent = Agent()
    slow = [budget("lcp", "/", limit=2.5, actual=4.5), budget("duration", limit=30, actual=9)]
    trips = {
        "broken": (UP, Trip(budgets=slow)),
        "kept": (UP, Trip(budgets=slow[1:])),
        "down": (REFUSED, Trip(budgets=slow, skipped=["pay", "sign out"])),
        "ours": (OURS, Trip(budgets=slow)),
    }
    for name, (finding, trip) in trips.items():
        agent.bench.add(name, kind="journey")
        agent.bench.run(name, finding, trip=trip)
    checks = (await ask(agent, "/api/v1/checks")).json()["data"]["checks"]
    told = {check["name"]: check["result"] for check in checks}

    assert [name for name, result in told.items() if result["degraded"]] == ["broken"]
    assert [check["state"] for check in checks] == ["up", "up", "down", "unknown"]
    assert told["broken"]["outcome"] == "up"
    assert told["broken"]["budgets"] == [
        {"budget": "lcp", "page": "/", "limit": 2.5, "actual": 4.5, "ok": False},
        {"budget": "duration", "page": None, "limit": 30, "actual": 9, "ok": True},
    ]
    assert told["down"]["skipped"] == ["pay", "sign out"]
    assert told["kept"]["skipped"] == []
