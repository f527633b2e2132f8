"""What a peer says, what is said to it, and whatever it does instead."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import pytest

from prober.probes.tcp import TcpCheck
from prober.probes.tcp_said import Said
from prober.result import Attempt, Outcome, Reason
from tests.probes.looking import TRACE, Seen, look
from tests.probes.running import run
from tests.servers.http import Script, peer

Spoken: TypeAlias = Sequence[Mapping[str, object]]
HELLO: Spoken = [{"expect": "^220 "}]
WAITED = 'item 1 of the dialogue waited for "^220 ", '


async def talk(script: Script, dialogue: Spoken, within: float = 5.0, **written: object) -> Seen:
    """One attempt of a TCP check called `mail`, with this dialogue."""
    async with peer(script) as port:
        settings = {"address": f"127.0.0.1:{port}", "dialogue": dialogue} | written
        return await look(TcpCheck.model_validate({"name": "mail", "tcp": settings}), within)


async def cut_off(script: Script, dialogue: Spoken, after: float = 0.3) -> Attempt:
    """What is known of an attempt that its deadline has ended."""
    attempt = Attempt(run_id="R", traceparent=TRACE)
    async with peer(script) as port:
        settings = {"address": f"127.0.0.1:{port}", "dialogue": dialogue}
        check = TcpCheck.model_validate({"name": "mail", "tcp": settings})
        with pytest.raises(TimeoutError):
            await look(check, after, attempt)
    return attempt


def says(*pieces: bytes) -> Script:
    """Sends the pieces and closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return script


def answers(reply: Callable[[bytes], bytes], greeting: bytes = b"") -> Script:
    """To each line, until the prober goes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            writer.write(reply(line))
            await writer.drain()

    return script


def resets(data: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await reader.readline()
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return script


def over_and_over(data: bytes, pause: float | None = None) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(data)
            await writer.drain()
            if pause is not None:
                await asyncio.sleep(pause)

    return script


async def test_a_server_that_answers_as_expected_is_up() -> None:
    redis = answers(lambda line: b"+PONG\r\n" if line == b"PING\r\n" else b"-ERR\r\n")
    seen = await talk(redis, [{"send": "PING"}, {"expect": "^\\+PONG$"}])

    assert seen.finding.outcome is Outcome.UP
    assert set(seen.attempt.phases) == {"resolve", "connect", "dialogue"}
    assert seen.finding.seconds == pytest.approx(sum(seen.attempt.phases.values()))
    assert (seen.facts["banner"], seen.facts["last_line"]) == ("+PONG", "+PONG")
    assert seen.facts["regex_failed"] is False
    (assertion,) = seen.finding.assertions
    assert (assertion.what, assertion.ok) == ("item 2 of the dialogue", True)
    assert (assertion.expected, assertion.actual) == ('a line matches "^\\+PONG$"', '"+PONG"')


async def test_lines_are_looked_through_until_one_matches() -> None:
    seen = await talk(says(b"220-a\n22", b"0-b\r", b"\n220 c\r\nmore"), HELLO)

    assert seen.finding.outcome is Outcome.UP
    assert (seen.facts["banner"], seen.facts["last_line"]) == ("220-a", "220 c")


async def test_the_lines_after_a_match_are_the_next_ones() -> None:
    two = [{"expect": "a"}, {"expect": "b"}]

    assert (await talk(says(b"a1\nb2\n"), two)).finding.outcome is Outcome.UP
    assert (await talk(says(b"b2\na1\n"), two)).why == (
        "protocol",
        'the peer closed the connection; item 2 of the dialogue waited for "b",'
        ' the last line was "a1"',
    )


async def test_a_line_without_its_end_counts_once_the_peer_has_ended() -> None:
    assert (await talk(says(b"220 hello"), HELLO)).finding.outcome is Outcome.UP


@pytest.mark.parametrize(("said", "sent"), [("{{2}}-{{host}}", "me-mail"), ("{{3}}", "")])
async def test_what_the_peer_said_can_be_said_back(said: str, sent: str) -> None:
    server = answers(lambda line: b"you said " + line, b"220 mail me\r\n")
    dialogue = [
        {"expect": "^220 (?P<host>\\S+) (\\S+)( x)?"},
        {"send": said},
        {"expect": f"^you said {sent}$"},
    ]

    assert (await talk(server, dialogue)).finding.outcome is Outcome.UP


async def test_labels_are_what_the_groups_held() -> None:
    dialogue = [{"expect": "^SSH-([^-]+)-(.+)$", "labels": {"version": "v{{1}}", "of": "{{2}}"}}]
    seen = await talk(says(b'SSH-2.0-Open"SSH\r\n'), dialogue)

    assert seen.facts["expect_info"] == 'version="v2.0",of="Open\\"SSH"'


async def test_a_template_of_gos_ends_its_line_with_lf() -> None:
    heard: list[bytes] = []

    def reply(line: bytes) -> bytes:
        heard.append(line)
        return b"ok\n"

    settings: Spoken = [
        {"expect": "^220 (.*)$"},
        {"send": Said.expand("HELO $1")},
        {"send": Said.literal("$1\r")},
        {"expect": "ok"},
    ]

    assert (await talk(answers(reply, b"220 x\n"), settings)).finding.outcome is Outcome.UP
    assert heard[0] == b"HELO x\n"


@pytest.mark.parametrize(
    ("data", "reason", "message"),
    [
        (b"", "protocol", f"the peer closed the connection; {WAITED}nothing had come"),
        (b"no\r\n", "body", f'the peer closed the connection; {WAITED}the last line was "no"'),
        (b"a\nb", "body", f'the peer closed the connection; {WAITED}the last line was "b"'),
        (b"\xff\x00\xfe", "body", f'the peer closed the connection; {WAITED}the last line was "�\\x00�"'),
        (b"\n", "body", f'the peer closed the connection; {WAITED}the last line was ""'),
    ],
)  # fmt: skip
async def test_no_line_that_matches_is_down(data: bytes, reason: str, message: str) -> None:
    seen = await talk(says(data), HELLO)

    assert seen.why == (reason, message)
    assert seen.facts["regex_failed"] is True
    assert [one.ok for one in seen.finding.assertions] == [False]


async def test_a_peer_that_resets_is_down() -> None:
    seen = await talk(resets(b"220 a\r\n"), [*HELLO, {"send": "x"}, {"expect": "^250 "}])

    assert seen.why[0] == "protocol"
    assert "connection reset; item 3 of the dialogue waited for" in seen.finding.message
    assert 'the last line was "220 a"' in seen.finding.message
    assert seen.facts["regex_failed"] is False


async def test_a_line_may_have_64_kib_and_no_more() -> None:
    most = 64 * 1024

    assert (await talk(says(b"220 ".rjust(most) + b"\n"), [{"expect": "220 $"}])).why[0] is None
    for longer in (b"x" * (most + 1) + b"\n", b"x" * (most + 1), b"x" * 1_000_000):
        seen = await talk(says(longer), HELLO)
        assert seen.why[0] == "protocol"
        assert "a line of over 64 KiB came; item 1 of the dialogue" in seen.finding.message
        assert len(seen.finding.message) < 400


async def test_a_line_without_end_is_down_before_the_deadline() -> None:
    assert (await talk(over_and_over(b"x" * 1000), HELLO)).why[0] == "protocol"


async def test_lines_without_end_are_down_before_the_deadline() -> None:
    seen = await talk(over_and_over(b"x" * 999 + b"\n"), HELLO, within=20.0)

    assert seen.why[0] == "size"
    assert "over 10 MiB came and no line that matches; item 1" in seen.finding.message


async def test_each_answer_may_be_long() -> None:
    long = (b"x" * 60_000 + b"\n") * 100
    server = says(long, b"220 a\n", long, b"220 b\n")

    assert (await talk(server, [*HELLO, *HELLO], within=20.0)).why == (None, "")


async def test_short_lines_without_end_leave_others_their_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    attempt = await cut_off(over_and_over(b"\n" * 100_000), HELLO, after=0.5)
    beside.cancel()

    assert turns > 20
    assert attempt.during == f'dialogue: {WAITED}the last line was ""'


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_silent_peer_is_left_at_the_deadline_with_what_was_waited_for() -> None:
    attempt = await cut_off(hangs, HELLO)

    assert attempt.during == f"dialogue: {WAITED}nothing had come"
    assert attempt.phases["dialogue"] > 0


async def test_a_slow_drip_is_left_at_the_deadline_with_what_came() -> None:
    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await asyncio.sleep(0.01)

    attempt = await cut_off(drips, HELLO)

    assert attempt.during.startswith(f'dialogue: {WAITED}the last line was "hello", then "x')
    assert attempt.during.endswith('x" without a line end')


async def test_a_prompt_without_a_line_end_is_told() -> None:
    async def prompts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"login: ")
        await reader.read()

    attempt = await cut_off(prompts, [{"expect": "^login: "}])

    assert attempt.during.endswith('only "login: " without a line end had come')


async def test_a_peer_that_does_not_read_is_left_at_the_deadline() -> None:
    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"220 a\r\n")
        await asyncio.sleep(60)

    attempt = await cut_off(greets, [*HELLO, {"send": "x" * 20_000_000}, {"expect": "^250 "}])

    assert (
        attempt.during
        == 'dialogue: item 2 of the dialogue was being sent, the last line was "220 a"'
    )


async def test_a_peer_that_talks_and_does_not_read_is_down() -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while True:
            writer.write(b"x" * 999 + b"\n")
            await writer.drain()

    seen = await talk(floods, [{"send": "x" * 20_000_000}, {"expect": "^250 "}], within=20.0)

    assert seen.why[0] == "size"


async def test_a_password_that_the_peer_says_back_is_not_shown() -> None:
    server = answers(lambda line: b"-ERR wrong: " + line)
    dialogue: Spoken = [{"send": "AUTH hunter22"}, {"expect": "ERR (.*)", "labels": {"x": "{{1}}"}}]
    seen = await talk(server, dialogue)

    assert seen.facts["banner"] == seen.facts["last_line"] == "-ERR wrong: AUTH ***"
    assert "hunter22" not in repr((seen.finding, seen.facts))


async def test_a_slow_dialogue_is_down() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(b"220 a\r\n")

    seen = await talk(slow, HELLO, expect={"duration": "50ms"})

    assert seen.why[0] == "latency"
    assert "expected at most 50 ms" in seen.finding.message
    assert (seen.finding.seconds or 0) >= 0.1
    assert (await talk(says(b"220 a\n"), HELLO, expect={"duration": "5s"})).why[0] is None


async def test_the_message_of_a_timeout_says_who_waited_for_what() -> None:
    async with peer(answers(lambda line: b"", b"+OK hello\r\n")) as port:
        settings = {
            "address": f"127.0.0.1:{port}",
            "dialogue": [{"expect": "OK"}, {"send": "STAT"}, {"expect": "^\\+OK \\d"}],
        }
        check = {"name": "mail", "tcp": settings, "timeout": "300ms"}
        result = await run(TcpCheck.model_validate(check))

    assert result.reason is Reason.TIMEOUT
    assert result.message == (
        "no answer within 300 ms, in phase dialogue: item 3 of the dialogue waited for"
        ' "^\\+OK \\d", the last line was "+OK hello"'
    )
    assert result.facts["last_line"] == "+OK hello"
    assert result.phases["dialogue"] > 0
