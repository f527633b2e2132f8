"""A secret is known however programs have passed it on."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from time import process_time
from urllib.parse import quote, quote_plus

import pytest

from prober.journey import disguise
from prober.journey.scan import Scanner
from prober.journey.wash import Washer

SECRETS = [
    "P@ss!word",
    "pa*ss/w~d",
    "a\"b'c&d <e>",
    "line-one\nline-two",
    "Grüezi \U0001f511",
    "a\\b/c",
]


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _lower(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text)


WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "by JavaScript": lambda text: quote(text, safe="!'()*"),
    "as a form": lambda text: quote_plus(text, safe="*").replace("~", "%7E"),
    "in lower case": lambda text: _lower(_quoted(text)),
    "in an address within one": lambda text: _quoted(_quoted(text)),
    "in JSON within JSON": lambda text: _in_json(_in_json(text)),
    "in JSON, slashes too": lambda text: _in_json(text).replace("/", "\\/"),
    "in JSON for pages": lambda text: re.sub(
        "[&<>']", lambda match: f"\\u{ord(match[0]):04x}", _in_json(text)
    ),
    "in JSON in an address": lambda text: _quoted(_in_json(text)),
    "in a page": html.escape,
    "in a page, by number": lambda text: re.sub(
        r"[^\w\s]", lambda match: f"&#{ord(match[0])};", text
    ),
    "in a page twice": lambda text: html.escape(html.escape(text)),
    "in a page, by name": lambda text: text.replace("/", "&sol;").replace("'", "&apos;"),
    "with the lines of a form": lambda text: _quoted(text.replace("\n", "\r\n")),
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_taken_out_and_found(secret: str, name: str) -> None:
    written = WRITTEN[name](secret)
    text = f"before {written} after"

    assert Washer([secret]).text(text) == "before *** after"
    assert Scanner([secret]).finds(text.encode())
    other = "".join(chr(ord(char) + 1) if char.isalpha() else char for char in secret)
    assert not Scanner([other]).finds(text.encode())


def test_what_has_only_letters_and_digits_is_written_in_one_way() -> None:
    assert disguise.pattern("hunter22") is None
    assert disguise.pattern("\n") is None


@pytest.mark.parametrize("text", ["q=pin%20123456", "%22123456%22", "\\u0022123456\\u0022"])
def test_an_escape_before_a_number_is_no_part_of_it(text: str) -> None:
    assert "123456" not in Washer(["123456"]).text(text)
    assert Scanner(["123456"]).finds(text.encode())


def test_a_number_is_found_in_hex() -> None:
    assert Scanner(["123456"]).finds(b"pin=123456;".hex().encode())


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\\n"])
@pytest.mark.parametrize("before", range(3))
def test_base64_in_lines_is_read_as_one(before: int, ending: str) -> None:
    encoded = base64.b64encode(b"x" * (before + 54) + b"hunter22-and-more" + b"y" * 60).decode()
    lines = [encoded[at : at + 76] for at in range(0, len(encoded), 76)]

    assert Scanner(["hunter22-and-more"]).finds(ending.join(lines).encode())
    assert not Scanner(["hunter23-and-more"]).finds(ending.join(lines).encode())


def test_two_hundred_secrets_are_looked_for_in_a_few_seconds() -> None:
    scanner = Scanner(f"Secret/{number * 7919 % 104729}!{number:x}" for number in range(200))
    lines = (f'{{"u": "http://shop/%20a?b={n}&c", "h": "a\\"b"}}\n' for n in range(20_000))

    text = "".join(lines).encode()

    began = process_time()
    assert not scanner.finds(text)
    assert process_time() - began < 3  # a fiftieth of that; many times that where memory is short
