"""What people decide over HTTP, and everything that is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from prober.alerts import records
from prober.alerts.decisions import Ack, Expire, Mute
from prober.alerts.matchers import Matcher
from prober.alerts.notice import incident_id, incident_key
from prober.store.records import Story
from tests.fake_clock import NOON
from tests.store.test_outbox import fired
from tests.web.desk import Desk, mute
from tests.web.serve import serving

ID = incident_id(incident_key(fired()))
WHO = {"by": "ana@desk", "comment": "mine"}
NEW = {"matchers": ["team=web", 'check=~"a.*"'], "for": "2h", **WHO}
JSON = {"Content-Type": "application/json"}


async def ask(desk: Desk, method: str, path: str, body: object = None) -> httpx.Response:
    async with serving(desk) as client:
        return await client.request(method, f"/api/v1/{path}", json=body)


def error(answer: httpx.Response) -> str:
    said = answer.json()
    assert said["status"] == "error"
    return str(said["error"])


async def post(desk: Desk, path: str, body: object) -> httpx.Response:
    return await ask(desk, "POST", path, body)


@pytest.mark.parametrize("known", [ID, ID[:6], incident_key(fired()).replace("/", "%2F")])
async def test_an_incident_that_burns_is_acknowledged(known: str) -> None:
    desk = Desk()
    answer = await post(desk, f"incidents/{known}/ack", WHO)

    assert answer.status_code == 200
    assert answer.json() == {"status": "success", "data": {"id": ID, "said": "it is done"}}
    assert desk.decided == [Ack(incident=ID, by="ana@desk", comment="mine", at=NOON)]


async def test_an_ack_needs_no_comment_and_no_disk() -> None:
    desk = Desk(broken="the disk fails")
    answer = await post(desk, f"incidents/{ID}/ack", {"by": "ana"})

    assert answer.status_code == 200
    assert desk.decided == [Ack(incident=ID, by="ana", comment="", at=NOON)]


@pytest.mark.parametrize("known", ["000000000000", "api", "ffffff"])
async def test_what_does_not_burn_cannot_be_acknowledged(known: str) -> None:
    desk = Desk()
    answer = await post(desk, f"incidents/{known}/ack", WHO)

    assert answer.status_code == 404
    assert error(answer) == f"there is no incident {known!r} that fires"
    assert desk.decided == []


@pytest.mark.parametrize("known", [ID[:5], "0"])
async def test_of_an_incident_too_few_digits_are_asked_for_more(known: str) -> None:
    answer = await post(Desk(), f"incidents/{known}/ack", WHO)

    assert answer.status_code == 404
    assert error(answer) == (
        f"{known!r} is too little of an incident's id; write at least 6 digits of it"
    )


async def test_what_is_over_cannot_be_acknowledged_any_more() -> None:
    over = records.record(fired("web"), resolved_at=NOON + 60)
    desk = Desk(stories=[Story(record=over)])
    answer = await post(desk, f"incidents/{over.id}/ack", WHO)

    assert answer.status_code == 409
    assert error(answer) == f"incident {over.id!r} was over at 2023-11-14T22:14:20.000Z"


async def test_an_end_that_waits_to_be_told_is_no_incident_that_burns() -> None:
    owed = replace(fired(), ended_at=NOON)
    desk = Desk(states={("api", "@over down"): owed})
    answer = await post(desk, f"incidents/{ID}/ack", WHO)

    assert answer.status_code == 404


async def test_a_beginning_that_several_ids_have_is_refused() -> None:
    found = {("api", "down"): fired(), ("api", "twin"): fired()}
    desk = Desk(states=found)
    answer = await post(desk, f"incidents/{ID[:6]}/ack", WHO)

    assert answer.status_code == 400
    assert error(answer) == f"{ID[:6]!r} begins 2 incidents; write more of its digits"


@pytest.mark.parametrize(("place", "kind"), [("silences", "silence"), ("maintenance",) * 2])
async def test_something_is_not_to_be_told_for_a_while(place: str, kind: str) -> None:
    desk = Desk()
    answer = await post(desk, place, NEW)

    (made,) = desk.decided
    assert isinstance(made, Mute)
    assert made == Mute(
        id=made.id,
        kind=kind,  # type: ignore[arg-type]
        matchers=(Matcher("team", "=", "web"), Matcher("check", "=~", "a.*")),
        starts_at=NOON,
        ends_at=NOON + 7200,
        by="ana@desk",
        comment="mine",
        at=NOON,
    )
    assert len(made.id) == 8
    assert answer.status_code == 201
    assert answer.json()["data"] == {
        "id": made.id,
        "matchers": ['team="web"', 'check=~"a.*"'],
        "starts_at": "2023-11-14T22:13:20.000Z",
        "ends_at": "2023-11-15T00:13:20.000Z",
        "active": True,
        "by": "ana@desk",
        "comment": "mine",
        "created_at": "2023-11-14T22:13:20.000Z",
        "said": "it is done",
    }


async def test_a_silence_may_begin_later_and_end_at_a_moment() -> None:
    desk = Desk()
    times = {"starts_at": "2023-11-14T23:00:00Z", "ends_at": "2023-11-15T01:00:00+01:00"}
    body = {name: text for name, text in NEW.items() if name != "for"} | times
    answer = await post(desk, "silences", body)

    (made,) = desk.decided
    assert isinstance(made, Mute)
    assert (made.starts_at - NOON, made.ends_at - NOON) == (2800, 6400)
    assert answer.json()["data"]["active"] is False


MISTAKES = [
    ({"by": ""}, "by is missing: it goes into the audit log"),
    ({"comment": "  "}, "comment is missing: it goes into the audit log"),
    ({"comment": 7}, "comment is 7; write a text"),
    ({"comment": "x" * 1001}, "comment has 1001 characters; write at most 1000"),
    ({"by": "x" * 201}, "by has 201 characters; write at most 200"),
    ({"matchers": []}, 'matchers is missing; write a list such as ["check=shop", "severity!=low"]'),
    ({"matchers": "a=b"}, 'matchers is missing; write a list such as ["check=shop", "severity!=low"]'),
    ({"matchers": ["shop"]}, "'shop' is no matcher; write NAME=VALUE, with = != =~ or !~"),
    ({"matchers": [["a=b"]]}, "\"['a=b']\" is no matcher; write NAME=VALUE as a text"),
    (
        {"matchers": ["team=~.*"]},
        'team=~".*" match also what has no labels at all; add one that does not, like check=~.+',
    ),
    ({"matchers": ["a=b"] * 51}, "there are 51 matchers; write at most 50"),
    ({"matchers": ["a=" + "b" * 90_000]}, f"'a={'b' * 38}'… is a matcher of 90002 characters; write at most 1000"),
    ({"for": "2 hours"}, "for: '2 hours' is not a duration; write it as 500ms, 30s, 5m, 1h30m or 7d"),
    ({"for": None}, "write either for, such as 2h, or ends_at"),
    ({"ends_at": "2023-11-15T00:00:00Z"}, "write either for, such as 2h, or ends_at"),
    ({"for": 0}, "it would be over before it begins; write a later ends_at"),
    ({"for": "367d"}, "it goes further than 366 d from now; write less"),
    ({"starts_at": "1999-01-01T00:00:00Z", "for": "9130d"}, "it goes further than 366 d from now; write less"),
    ({"starts_at": "tomorrow"}, "starts_at is 'tomorrow'; write it as 2026-03-01T03:00:00Z"),
    ({"starts_at": "2023-11-15T00:00:00"}, "starts_at is '2023-11-15T00:00:00'; write it as 2026-03-01T03:00:00Z"),
    ({"starts_at": 5}, "starts_at is 5; write it as 2026-03-01T03:00:00Z"),
    ({"until": "x"}, "'until' is not known here; there are matchers, for, starts_at, ends_at, by, comment"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), MISTAKES)
async def test_every_mistake_says_what_would_be_right(wrong: dict[str, object], said: str) -> None:
    desk = Desk()
    answer = await post(desk, "silences", {**NEW, **wrong})

    assert answer.status_code == 400
    assert error(answer) == said
    assert desk.decided == []


async def test_a_time_that_no_number_holds_is_longer_than_anything() -> None:
    body = json.dumps({**NEW, "for": 0}).replace('"for": 0', '"for": 1e400')
    async with serving(Desk()) as client:
        answer = await client.post("/api/v1/silences", content=body, headers=JSON)

    assert answer.status_code == 400
    assert error(answer) == "for: inf is longer than anything lasts; write less"


@pytest.mark.parametrize(
    ("place", "what"),
    [("silences", "alert that this agent can have"), ("maintenance", "check of this agent")],
)
async def test_what_matches_nothing_now_is_in_force_and_said_to(place: str, what: str) -> None:
    desk = Desk(reaching=False)
    answer = await post(desk, place, {**NEW, "matchers": ["chek=web"]})

    assert answer.status_code == 201
    assert len(desk.decided) == 1
    assert answer.json()["data"]["warning"] == (
        f'no {what} matches chek="web" now; it is in force for those that a reload brings'
    )


@pytest.mark.parametrize(
    ("place", "body", "is_warned"),
    [(f"incidents/{ID}/ack", WHO, True), ("silences", NEW, True), ("maintenance", NEW, False)],
)
async def test_who_leaves_notices_to_prometheus_is_told_where_to_silence_them(
    place: str, body: dict[str, object], is_warned: bool
) -> None:
    desk = Desk(telling=False)
    answer = await post(desk, place, body)

    assert len(desk.decided) == 1
    assert ("in Alertmanager" in answer.json()["data"].get("warning", "")) is is_warned


async def test_an_expression_is_refused_where_it_is_none() -> None:
    answer = await post(Desk(), "silences", {**NEW, "matchers": ["check=~(("]})

    assert answer.status_code == 400
    assert "no expression of RE2" in error(answer)


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "wrong",
    [
        {LONG: 1},
        {"by": [LONG]},
        {"for": LONG},
        {"for": 10**400},
        {"for": {"a": [LONG]}},
        {"starts_at": LONG},
        {"matchers": [[LONG]]},
        {"matchers": [LONG]},
    ],
)
async def test_what_is_wrong_and_long_is_not_said_back_as_a_whole(wrong: dict[str, object]) -> None:
    answer = await post(Desk(), "silences", {**NEW, **wrong})

    assert answer.status_code == 400
    assert len(error(answer)) < 500


async def test_there_are_no_more_matchers_than_an_alert_can_be_held_against() -> None:
    many = {f"m{n}": mute(f"m{n}", matchers=mute().matchers * 25) for n in range(19)}
    over = mute("over", matchers=mute().matchers * 25, ends_at=NOON)
    desk = Desk(mutes={**many, "over": over})
    last = await post(desk, "silences", {**NEW, "matchers": ["a=b"] * 50})
    desk.mutes["last"] = mute("last", matchers=mute().matchers * 25)
    refused = await post(desk, "maintenance", {**NEW, "matchers": ["a=b"]})

    assert (last.status_code, refused.status_code) == (201, 409)
    assert error(refused) == (
        "there would be more than 1000 matchers; end a silence or maintenance"
    )


async def test_a_body_that_is_not_packed_as_it_says_is_refused() -> None:
    async with serving(Desk()) as client:
        headers = {**JSON, "Content-Encoding": "gzip"}
        answer = await client.post("/api/v1/silences", content=b"no gzip", headers=headers)

    assert answer.status_code == 400
    assert error(answer).startswith("the body is no JSON")


@pytest.mark.parametrize("sent", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 5000])
async def test_what_is_no_object_is_refused(sent: bytes) -> None:
    desk = Desk()
    async with serving(desk) as client:
        answer = await client.post("/api/v1/silences", content=sent, headers=JSON)

    assert answer.status_code == 400
    assert error(answer).startswith("the body is no ")


async def test_half_a_character_does_not_keep_a_comment_from_being_kept() -> None:
    desk = Desk()
    raw = b'{"by": "ana", "comment": "x\\ud800"}'
    async with serving(desk) as client:
        answer = await client.post(f"/api/v1/incidents/{ID}/ack", content=raw, headers=JSON)

    assert answer.status_code == 200
    (made,) = desk.decided
    assert made.comment == "x?"


CHANGES = [
    ("POST", f"incidents/{ID}/ack"),
    ("POST", "silences"),
    ("POST", "maintenance"),
    ("DELETE", "silences/3f9a0c1d"),
    ("DELETE", "maintenance/3f9a0c1d"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_a_page_of_another_site_may_not_decide(method: str, path: str) -> None:
    desk = Desk(mutes={"3f9a0c1d": mute()})
    async with serving(desk) as client:
        headers = {"Origin": "http://elsewhere.example"}
        foreign = await client.request(method, f"/api/v1/{path}", json=NEW, headers=headers)
        form = await client.request(method, f"/api/v1/{path}", data={"by": "ana"})
        bare = await client.request(method, f"/api/v1/{path}")

    assert [foreign.status_code, form.status_code, bare.status_code] == [403, 415, 415]
    assert error(foreign) == "a page of another site may not decide anything here"
    assert error(form) == "send it with Content-Type: application/json"
    assert desk.decided == []


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example:9620", "evil.example:9620"),  # a name that was made to lead here
        ("http://[", None),
        ("null", None),
        ("", None),
        ("https://prober.example.com.evil.example", None),
    ],
)
async def test_a_site_whose_name_leads_here_is_another_site(origin: str, host: str | None) -> None:
    desk = Desk(external_url="https://prober.example.com/eu")
    async with serving(desk) as client:
        headers = {"Origin": origin, **({"Host": host} if host else {})}
        answer = await client.post("/api/v1/silences", json=NEW, headers=headers)
        again = await client.post("/-/reload", headers=headers)

    assert (answer.status_code, again.status_code) == (403, 403)
    assert (desk.decided, desk.reloads) == ([], 0)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://[::1]:9620", "[::1]:9620"),
        ("http://localhost:9620", "localhost:9620"),
        ("https://prober.example.com", "10.0.0.7:9620"),  # as a proxy passes it on
        ("https://prober.example.com", "prober.example.com"),
    ],
)
async def test_the_address_and_the_external_url_are_its_own(origin: str, host: str) -> None:
    desk = Desk(external_url="https://prober.example.com/eu")
    async with serving(desk) as client:
        headers = {"Origin": origin, "Host": host}
        answer = await client.post("/api/v1/silences", json=NEW, headers=headers)

    assert answer.status_code == 201


async def test_its_own_origin_may() -> None:
    desk = Desk()
    async with serving(desk) as client:
        headers = {"Origin": str(client.base_url).rstrip("/")}
        answer = await client.post("/api/v1/silences", json=NEW, headers=headers)

    assert answer.status_code == 201


@pytest.mark.parametrize(("place", "kind"), [("silences", "silence"), ("maintenance",) * 2])
async def test_a_mute_is_over_before_its_time(place: str, kind: str) -> None:
    desk = Desk(mutes={"3f9a0c1d": mute(kind=kind)})
    answer = await ask(desk, "DELETE", f"{place}/3f9a0c1d", WHO)

    assert answer.status_code == 200
    assert answer.json()["data"] == {"id": "3f9a0c1d", "said": "it is done"}
    assert desk.decided == [Expire(id="3f9a0c1d", by="ana@desk", comment="mine", at=NOON)]


async def test_what_is_not_there_or_another_kind_or_over_cannot_be_ended() -> None:
    desk = Desk(mutes={"a": mute("a"), "b": mute("b", ends_at=NOON)})
    none = await ask(desk, "DELETE", "silences/c", WHO)
    other = await ask(desk, "DELETE", "maintenance/a", WHO)
    over = await ask(desk, "DELETE", "silences/b", WHO)

    assert [none.status_code, other.status_code, over.status_code] == [404, 404, 409]
    assert error(other) == "there is no maintenance 'a'"
    assert error(over) == "silence b was over at 2023-11-14T22:13:20.000Z"
    assert desk.decided == []


async def test_what_the_agent_itself_refuses_is_said() -> None:
    desk = Desk(refuses="incident 1 was acknowledged by bob already")
    answer = await post(desk, f"incidents/{ID}/ack", WHO)

    assert answer.status_code == 409
    assert error(answer) == "incident 1 was acknowledged by bob already"


async def test_mutes_of_a_kind_are_listed_until_they_are_over_the_next_to_end_first() -> None:
    there = [
        mute("a"),
        mute("b", ends_at=NOON + 60),
        mute("c", ends_at=NOON),
        mute("d", kind="maintenance"),
        mute("e", starts_at=NOON + 1),
    ]
    desk = Desk(mutes={one.id: one for one in there})
    silences = (await ask(desk, "GET", "silences")).json()["data"]
    windows = (await ask(desk, "GET", "maintenance")).json()["data"]

    assert [one["id"] for one in silences] == ["b", "a", "e"]
    assert [one["active"] for one in silences] == [True, True, False]
    assert silences[0]["matchers"] == ['check=~"a.*"', 'team!="web"']
    assert [one["id"] for one in windows] == ["d"]


async def test_all_of_it_stands_under_the_path_of_the_external_url_too() -> None:
    desk = Desk(external_url="https://example.com/prober")
    async with serving(desk) as client:
        made = await client.post("/prober/api/v1/silences", json=NEW)
        there = await client.get("/prober/api/v1/silences")

    assert (made.status_code, there.status_code) == (201, 200)


async def test_other_methods_are_refused_in_the_form_of_the_api() -> None:
    answer = await ask(Desk(), "PUT", "silences", NEW)

    assert answer.status_code == 405
    assert error(answer) == "'/api/v1/silences': method not allowed"
