from __future__ import annotations

import pickle

import pytest
from pydantic import BaseModel

from prober.probes.tcp_said import Said, credentials

FOUND = {"0": "220 mail", "1": "mail", "host": "mail", "2": ""}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("EHLO x", b"EHLO x\r\n"),
        ("", b"\r\n"),
        ("EHLO x\n", b"EHLO x\n"),
        ("EHLO x\r\n", b"EHLO x\r\n"),
        ("EHLO x\r", b"EHLO x\r"),
        ("two\r\nlines", b"two\r\nlines\r\n"),
        ("grüezi", "grüezi\r\n".encode()),
        ("RCPT {{1}} {{ host }}", b"RCPT mail mail\r\n"),
        ("{{2}}|{{0}}", b"|220 mail\r\n"),
        ("{{1}", b"{{1}\r\n"),
        ("{{ no group }}", b"{{ no group }}\r\n"),
        ("$1 ${1} $$", b"$1 ${1} $$\r\n"),
    ],
)
def test_a_text_of_ours_ends_with_a_line_end_and_holds_what_the_peer_said(
    text: str, sent: bytes
) -> None:
    assert Said.parse(text).line(FOUND) == sent


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ("HELO $1", b"HELO mail\n"),
        ("HELO ${1}x", b"HELO mailx\n"),
        ("HELO $1x", b"HELO \n"),
        ("$host, ${host}.", b"mail, mail.\n"),
        ("$hosts ${hosts}", b" \n"),
        ("cost $$1 $$$1", b"cost $1 $mail\n"),
        ("${1 $ ${} $- ${a b}", b"${1 $ ${} $- ${a b}\n"),
        ("$9 $01 $2 $0", b"   220 mail\n"),
        ("done\r", b"done\r\n"),
        ("{{1}}", b"{{1}}\n"),
    ],
)
def test_a_template_of_gos_is_expanded_as_go_expands_it(template: str, sent: bytes) -> None:
    assert Said.expand(template).line(FOUND) == sent


def test_a_literal_text_has_no_places() -> None:
    assert Said.literal("PING $1 {{1}}").line(FOUND) == b"PING $1 {{1}}\n"


def test_what_is_said_is_never_shown() -> None:
    class Holder(BaseModel):
        said: Said

    holder = Holder.model_validate({"said": "AUTH hunter22"})

    assert str(holder.said) == repr(holder.said) == "***"
    assert "hunter22" not in repr(holder) + holder.model_dump_json()


def test_it_is_compared_by_value_and_survives_a_pickle() -> None:
    said = Said.parse("RCPT {{1}}")

    assert pickle.loads(pickle.dumps(said)) == said  # noqa: S301 - made a line above
    assert said != Said.parse("RCPT {{2}}")
    assert Said.parse("a") != Said.literal("a")


@pytest.mark.parametrize(
    ("dialogue", "found"),
    [
        (["PING", "QUIT", "EHLO password.example"], []),
        (["AUTH hunter22"], ["hunter22"]),
        (["AUTH user hunter22"], ["hunter22"]),
        (["auth plain AGEAYg=="], ["AGEAYg=="]),
        (["a1 LOGIN user hunter22\r\n"], ["hunter22"]),
        (["USER me", "PASS hunter22"], ["hunter22"]),
        (["AUTH LOGIN", "bWVtZW1l", "c2VjcmV0MQ==", "QUIT"], ["bWVtZW1l", "c2VjcmV0MQ=="]),
    ],
)
def test_what_looks_like_a_password_is_found(dialogue: list[str], found: list[str]) -> None:
    assert list(credentials(map(Said.parse, dialogue))) == found
