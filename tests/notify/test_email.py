"""What a mail server gets to see, and what becomes of what it answers."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from prober.alerts.notice import Delivery, Event
from prober.errors import DeliveryError
from prober.notify import email, email_text
from prober.notify.answers import TurnedAway
from prober.notify.email import EmailNotifier
from prober.notify.email_text import SUBJECT_AT_MOST, letter, mailbox
from tests.fake_clock import NOON, FakeClock
from tests.notify.notices import delivery, firing, notice, resolved
from tests.notify.telling import tell
from tests.servers.receivers import free_port
from tests.servers.smtp import RESET, SILENCE, Mailhost, mailhost
from tests.servers.tls import Authority

USER = "prober:p%40ss-w0rd"
PASSWORD = "p@ss-w0rd"
B, C = "b@x.example", "c@x.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def notifier(url: str, authority: Authority | None = None, **settings: JsonValue) -> EmailNotifier:
    ca_file: dict[str, JsonValue] = {"ca_file": str(authority.ca_file)} if authority else {}
    given_: dict[str, JsonValue] = {"smtp": url, "from": "a@x.example", "to": [B]}
    return EmailNotifier.model_validate({"email": {**given_, **ca_file, **settings}})


def saying(**annotations: str) -> Delivery:
    return delivery(replace(notice(), annotations=annotations))


async def failure(
    told: EmailNotifier, client: httpx.AsyncClient, one: Delivery | None = None
) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await tell(told, one or firing(), client, FakeClock())
    return caught.value


# How it gets there


async def test_smtps_is_tls_from_the_first_byte_and_signs_in(
    authority: Authority, client: httpx.AsyncClient
) -> None:
    async with mailhost(implicit=authority.server(), password=PASSWORD) as host:
        told = notifier(host.url(implicit=True, user=USER), authority, to=[B, f"Ops <{C}>"])
        await tell(told, firing(), client, FakeClock())

    [kept] = host.kept
    assert (kept.sender, kept.to, kept.tls, kept.user) == ("a@x.example", (B, C), True, "prober")
    assert kept.message["To"] == f"{B}, Ops <{C}>"
    assert host.heard[0] == "AUTH in TLS"
    assert host.heard[-1] == "QUIT"


async def test_smtp_begins_tls_before_it_signs_in(
    authority: Authority, client: httpx.AsyncClient
) -> None:
    async with mailhost(starttls=authority.server(), password=PASSWORD) as host:
        await tell(notifier(host.url(user=USER), authority), firing(), client, FakeClock())

    assert [(kept.tls, kept.user) for kept in host.kept] == [(True, "prober")]
    assert host.heard[0] == "AUTH in TLS"


async def test_smtp_begins_tls_where_it_is_offered_without_a_password_too(
    authority: Authority, client: httpx.AsyncClient
) -> None:
    async with mailhost(starttls=authority.server()) as host:
        await tell(notifier(host.url(), authority), firing(), client, FakeClock())

    assert [kept.tls for kept in host.kept] == [True]


async def test_without_tls_and_a_password_mail_goes_in_the_clear(client: httpx.AsyncClient) -> None:
    async with mailhost() as host:
        await tell(notifier(host.url()), firing(), client, FakeClock())

    assert [kept.tls for kept in host.kept] == [False]


async def test_a_password_is_never_sent_without_tls(client: httpx.AsyncClient) -> None:
    async with mailhost(password=PASSWORD, auth_in_the_clear=True) as host:
        error = await failure(notifier(host.url(user=USER)), client)

    assert isinstance(error, TurnedAway)
    assert "offers no STARTTLS, and a password is sent over TLS alone" in str(error)
    assert host.heard == []


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_certificate_that_is_not_trusted_ends_it(
    authority: Authority, client: httpx.AsyncClient, *, implicit: bool
) -> None:
    own = authority.self_signed_server()
    async with mailhost(
        implicit=own if implicit else None, starttls=None if implicit else own
    ) as host:
        error = await failure(notifier(host.url(implicit=implicit), authority), client)

    assert isinstance(error, TurnedAway)
    assert "its certificate is not trusted, self-signed certificate" in str(error)
    assert "ca_file" in str(error)
    assert host.heard == []


async def test_a_certificate_of_another_host_ends_it(
    authority: Authority, client: httpx.AsyncClient
) -> None:
    async with mailhost(implicit=authority.server("other.example")) as host:
        error = await failure(notifier(host.url(implicit=True), authority), client)

    assert "not trusted" in str(error)
    assert host.kept == []


async def test_it_greets_with_a_whole_name(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mailhost() as host:
        for name in ("box", "box.lan.example", "bö x.lan"):
            monkeypatch.setattr("socket.gethostname", lambda name=name: name)
            await tell(notifier(host.url()), firing(), client, FakeClock())

    assert [kept.greeted_as for kept in host.kept] == ["x.example", "box.lan.example", "b--x.lan"]


async def test_a_ca_file_that_went_missing_is_said_and_tried_again(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    told = notifier("smtps://localhost:1", ca_file=str(tmp_path / "gone.pem"))

    error = await failure(told, client)

    assert not error.permanent
    assert "gone.pem" in str(error)


# What the answers mean


@pytest.mark.parametrize("command", ["MAIL", f"RCPT {B}", "DATA"])
@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        ("421 4.3.2 shutting down", False),
        ("450 4.2.0 later", False),
        ("452 4.2.2 full", False),
        ("550 5.1.1 unknown", True),
        ("552 5.2.2 too big", True),
    ],
)
async def test_4xx_is_tried_again_and_5xx_is_not(
    client: httpx.AsyncClient, command: str, answer: str, *, permanent: bool
) -> None:
    async with mailhost(answers={command: answer}) as host:
        error = await failure(notifier(host.url()), client)

    code, words = answer.split(" ", 1)
    assert error.permanent is permanent
    assert not isinstance(error, TurnedAway)
    assert f"answered {code}" in str(error)
    assert f", saying {words!r}" in str(error)
    assert host.kept == []


@pytest.mark.parametrize("code", ["530 5.7.0 sign in first", "535 5.7.8 no"])
async def test_what_is_said_of_us_is_tried_for_some_minutes(
    client: httpx.AsyncClient, code: str
) -> None:
    async with mailhost(answers={"MAIL": code}) as host:
        error = await failure(notifier(host.url()), client)

    assert isinstance(error, TurnedAway)
    assert not error.permanent


async def test_a_wrong_password_is_tried_for_some_minutes_and_shown_nowhere(
    authority: Authority, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with mailhost(starttls=authority.server(), password="another") as host:
        told = notifier(host.url(user=USER), authority)
        error = await failure(told, client)

    assert isinstance(error, TurnedAway)
    assert "answered 535" in str(error)
    heard = f"{error} {error!r} {told!r} {told.model_dump_json()} {caplog.text}"
    assert PASSWORD not in heard
    assert "p%40ss" not in heard
    assert host.kept == []


async def test_what_a_server_repeats_of_the_password_is_not_shown(
    authority: Authority, client: httpx.AsyncClient
) -> None:
    answers = {"MAIL": f"550 not with {PASSWORD}, {'x' * 300}"}
    async with mailhost(starttls=authority.server(), password=PASSWORD, answers=answers) as host:
        error = await failure(notifier(host.url(user=USER), authority), client)

    assert "not with ***" in str(error)
    assert len(str(error)) < 300


async def test_who_is_refused_is_left_out_and_said(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with mailhost(answers={f"RCPT {C}": "550 5.1.1 unknown"}) as host:
        await tell(notifier(host.url(), to=[B, C]), firing(), client, FakeClock())

    assert [kept.to for kept in host.kept] == [(B,)]
    assert f"answered 550 for {C}, saying '5.1.1 unknown'; others have it" in caplog.text


async def test_who_must_wait_gets_it_later_and_the_others_not_twice(
    client: httpx.AsyncClient,
) -> None:
    async with mailhost(answers={f"RCPT {C}": "450 4.2.1 greylisted"}) as host:
        told = notifier(host.url(), to=[B, C])
        first, second = await failure(told, client), await failure(told, client)
        host.answers.clear()
        await tell(told, firing(), client, FakeClock())
        await tell(told, resolved(), client, FakeClock())

    assert not first.permanent
    assert str(first) == str(second)
    assert C in str(first)
    assert B not in str(first)
    assert [kept.to for kept in host.kept] == [(B,), (C,), (B, C)]
    assert host.kept[0].message["Message-ID"] == host.kept[1].message["Message-ID"]


async def test_who_has_it_has_it_though_the_last_is_refused_in_the_end(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with mailhost(answers={f"RCPT {C}": "450 4.2.1 greylisted"}) as host:
        told = notifier(host.url(), to=[B, C])
        await failure(told, client)
        host.answers[f"RCPT {C}"] = "550 5.1.1 unknown"
        await tell(told, firing(), client, FakeClock())

    assert [kept.to for kept in host.kept] == [(B,)]
    assert "others have it" in caplog.text


async def test_where_all_are_refused_nobody_has_it(client: httpx.AsyncClient) -> None:
    async with mailhost(answers={"RCPT": "550 5.1.1 unknown"}) as host:
        error = await failure(notifier(host.url(), to=[B, C]), client)

    assert error.permanent
    assert B in str(error)
    assert C in str(error)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_silent_server_costs_no_more_than_the_timeout(
    client: httpx.AsyncClient, command: str
) -> None:
    async with mailhost(answers={command: SILENCE}) as host:
        async with asyncio.timeout(20):
            error = await failure(notifier(host.url(), timeout="300ms"), client)

    assert not error.permanent
    assert str(error) == f"smtp://localhost:{host.port} did not answer within 300 ms"


async def test_a_server_that_never_greets_costs_no_more_than_the_timeout(
    client: httpx.AsyncClient,
) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await failure(notifier(f"smtp://127.0.0.1:{port}", timeout="200ms"), client)

    assert str(error).endswith("did not answer within 200 ms")


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_that_is_reset_is_tried_again(
    client: httpx.AsyncClient, command: str
) -> None:
    async with mailhost(answers={command: RESET}) as host:
        error = await failure(notifier(host.url()), client)

    assert not error.permanent
    assert not isinstance(error, TurnedAway)
    assert "cannot be told" in str(error)


async def test_a_port_that_nobody_listens_on_is_tried_again(client: httpx.AsyncClient) -> None:
    error = await failure(notifier(f"smtps://127.0.0.1:{free_port()}"), client)

    assert not error.permanent
    assert not isinstance(error, TurnedAway)
    assert str(error).endswith(" cannot be told: connection refused")


async def test_a_host_that_greets_with_a_refusal_is_tried_for_some_minutes(
    client: httpx.AsyncClient,
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no service here\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await failure(notifier(f"smtp://127.0.0.1:{port}"), client)

    assert isinstance(error, TurnedAway)
    assert "answered 554, saying 'no service here'" in str(error)


@pytest.mark.parametrize("answer", [SILENCE, RESET, "421 go"])
async def test_what_goes_wrong_at_goodbye_is_no_failure(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(email, "LEAVE_WITHIN", 0.1)
    async with mailhost(answers={"QUIT": answer}) as host:
        await tell(notifier(host.url()), firing(), client, FakeClock())

    assert len(host.kept) == 1


async def test_a_cancelled_send_is_cancelled(client: httpx.AsyncClient) -> None:
    async with mailhost(answers={"DATA": SILENCE}) as host:
        task = asyncio.create_task(tell(notifier(host.url()), firing(), client, FakeClock()))
        async with asyncio.timeout(20):
            await host.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert task.cancelled()


# What stands in it


def parsed(one: Delivery, sender: str = "a@x.example") -> Mailhost:
    from tests.servers.smtp import Kept

    host = Mailhost()
    raw = letter([one], mailbox(sender), [mailbox(B)], NOON)
    host.kept.append(Kept("a@x.example", (B,), raw, tls=False, user="", greeted_as=""))
    return host


def test_the_mails_of_an_incident_are_one_thread() -> None:
    first = delivery(notice(), n=0)
    others = [
        delivery(notice(Event.REMINDER), n=1),
        delivery(notice(Event.REMINDER), n=2),
        delivery(notice(Event.RESOLVED), n=0),
    ]
    start, *later = [parsed(one).kept[0].message for one in (first, *others)]
    [other] = [parsed(delivery(notice(incident="run-2"), n=0)).kept[0].message]

    assert start["References"] is None
    assert {one["References"] for one in later} == {start["Message-ID"]}
    assert {one["In-Reply-To"] for one in later} == {start["Message-ID"]}
    ids = {one["Message-ID"] for one in (start, *later, other)}
    assert len(ids) == 5
    assert all(one.endswith("@x.example>") for one in ids)


def test_the_same_message_has_the_same_id_whenever_it_is_sent() -> None:
    early, late = (
        letter([firing()], mailbox("a@x.example"), [mailbox(B)], now).split(b"Message-ID")[1][:60]
        for now in (NOON, NOON + 60)
    )

    assert early == late


def test_programs_know_it_for_a_programs_and_people_see_how_bad_it_is() -> None:
    bad = parsed(firing(), "Prober <a@x.example>").kept[0].message
    over = parsed(resolved()).kept[0].message

    assert bad["Auto-Submitted"] == "auto-generated"
    assert bad["X-Prober-Event"] == "firing"
    assert (bad["X-Priority"], over["X-Priority"]) == ("1", None)
    assert bad["From"] == "Prober <a@x.example>"
    assert bad["Subject"] == "[critical] api-health is firing"
    assert over["Subject"] == "[resolved] api-health is resolved"
    assert parsedate_to_datetime(bad["Date"]).timestamp() == NOON


def test_everything_that_is_known_stands_in_both_forms() -> None:
    known = {
        "summary": "api is down in eu: connection refused",
        "description": "failing since then",
        "reason": "connect",
        "last_good": "2023-11-14T22:00:00.000Z",
        "runbook_url": "https://wiki.example/api?a=1&b=2",
        "evidence_url": "https://prober.example/evidence/a",
    }
    kept = parsed(saying(**known)).kept[0]

    for form in (kept.part("plain"), kept.part("html").replace("&amp;", "&")):
        assert all(value in form for value in known.values())
        assert "last good" in form
        assert "team=payments" in form
        assert "https://prober.example/eu/#api-health" in form


def test_what_a_target_says_is_never_markup_nor_a_link_that_runs() -> None:
    evil = '<script>alert(1)</script><img src="x" onerror=a>&'
    kept = parsed(saying(summary=evil, description=evil, reason=evil, runbook_url="javascript:x()"))
    page = kept.kept[0].part("html")

    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "javascript:" not in page
    assert evil in kept.kept[0].part("plain")


LINES = st.text(
    st.sampled_from("a:\r\n\t\0\x85\u2028\u2029é…\ud800😀<> ="), min_size=1, max_size=60
) | st.text(max_size=400)


@settings(deadline=None)
@given(said=LINES, name=LINES)
def test_no_text_becomes_a_header_or_breaks_the_message(said: str, name: str) -> None:
    evil = f"{said}\r\nBcc: x@evil.example\r\n\r\n{name}"
    one = saying(summary=evil, description=evil, **{"last_message": evil})
    one = replace(one, id=evil, notice=replace(one.notice, key=evil, url=f"https://x/{evil}"))
    one = replace(one, notice=replace(one.notice, labels={"severity": evil, "team": evil}))

    raw = letter([one], mailbox("a@x.example"), [mailbox(B)], NOON)

    assert raw.isascii()
    message = parsed(one).kept[0].message
    assert message["Bcc"] is None
    assert len(message["Subject"]) <= SUBJECT_AT_MOST
    assert [*message.keys()].count("Subject") == 1
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    assert max(len(line) for line in raw.splitlines()) < 998
    assert email_text.subject([one.notice]).isprintable()


async def test_lines_of_dots_arrive_as_they_were(client: httpx.AsyncClient) -> None:
    dots = saying(summary="dots", description=".\n..\n.\nafter é…😀")
    async with mailhost() as host:
        await tell(notifier(host.url()), dots, client, FakeClock())

    assert ".\n..\n.\nafter é…😀" in host.kept[0].part("plain").replace("\r\n", "\n")


# Settings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("smtps://u:p%23w@smtp.example.com", "smtps://smtp.example.com:465"),
        ("smtp://u:pw@smtp.example.com", "smtp://smtp.example.com:587"),
        ("smtp://smtp.example.com", "smtp://smtp.example.com:25"),
        ("smtp://[::1]:2525/", "smtp://[::1]:2525"),
        ("smtps://SMTP.example.com:8465", "smtps://smtp.example.com:8465"),
    ],
)
def test_a_server_shows_without_its_user(url: str, shown: str) -> None:
    told = notifier(url)

    assert str(told.email.smtp) == repr(told.email.smtp) == shown
    assert told.email.model_dump(mode="json")["smtp"] == shown
    assert EmailNotifier.model_validate({"email": told.email}) == told


@pytest.mark.parametrize(
    "url",
    [
        "https://smtp.example.com", "smtp.example.com", "smtp://", "smtp://:25", "smtp://h:0",
        "smtp://h:99999", "smtp://u:hunter2/22@h", "smtp://u:hunter2#22@h", "smtp://u:hunter2?@h",
        "smtp://user@h", "smtp://:hunter2@h", "smtp://h/path", "smtp://h?x=1", "smtp://a b",
        "smtp://h\r\nx", "smtps://exa mple", "smtp://-", "smtp://bücher.example",
    ],
)  # fmt: skip
def test_what_is_no_mail_server_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        notifier(url)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "a", "a@", "@x", "a b@x.example", "a@x.example\r\nBcc: e@x", "a@x.example, c@x.example",
        "<a@x.example", "a@x.example>", "Prober a@x.example", "a@x..", "a@x..y", "ä@x.example",
        "a@bücher.example", "a\n <a@x.example>", "", ".a@x.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        notifier("smtp://h", to=[address])
    with pytest.raises(ValidationError):
        notifier("smtp://h", None, **{"from": address})
