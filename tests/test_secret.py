"""A secret shows as *** in every form it travels in."""

from __future__ import annotations

import base64
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest

from prober.check import Model
from prober.secret import Scrubber, Secret, buried

PASSWORD = 'pä ss/w+rd"\\&'


class Account(Model):
    password: Secret


def test_a_secret_never_shows_itself() -> None:
    account = Account.model_validate({"password": PASSWORD})

    shown = [repr(account), str(account), f"{account.password}", f"{account.password!r}"]
    shown += [account.model_dump_json(), str(account.model_dump(mode="json"))]
    assert all(PASSWORD not in text and "***" in text for text in shown)
    assert account.password.reveal() == PASSWORD


def test_secrets_are_compared_by_value_and_can_be_pickled() -> None:
    account = Account.model_validate({"password": PASSWORD})

    assert pickle.loads(pickle.dumps(account)) == account  # noqa: S301  # our own bytes
    assert account != Account.model_validate({"password": "other"})


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote_plus(PASSWORD), json.dumps(PASSWORD),
        json.dumps(PASSWORD, ensure_ascii=False), repr(PASSWORD), repr({"p": PASSWORD}),
        base64.b64encode(PASSWORD.encode()).decode(),
    ],
)  # fmt: skip
def test_a_scrubber_takes_out_every_form(form: str) -> None:
    scrubbed = Scrubber([PASSWORD])(f"before {form} after")

    assert "***" in scrubbed
    assert scrubbed.startswith("before ")
    assert scrubbed.endswith(" after")
    assert "rd" not in scrubbed


@pytest.mark.parametrize("before", ["", "x", "xx", "xxx"])
@pytest.mark.parametrize("after", ["", "y", "yy"])
def test_a_secret_is_known_in_base64_of_something_longer(before: str, after: str) -> None:
    whole = (before + PASSWORD + after).encode()

    for encoded in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
        assert [piece for piece in buried(PASSWORD) if piece in encoded]
        assert not [piece for piece in buried("another-secret") if piece in encoded]


def test_of_two_secrets_the_longer_goes_first() -> None:
    assert Scrubber(["hunter", "hunter22"])("hunter22 hunter") == "*** ***"


def test_a_secret_that_was_cut_in_two_does_not_show_its_beginning() -> None:
    scrub = Scrubber(["hunter22-and-more"])

    assert (
        scrub('begins "the password is hunter22-an…" (200 of 900)')
        == 'begins "the password is ***…" (200 of 900)'
    )
    assert scrub("hunted…") == "hunted…"


def test_a_scrubber_without_secrets_changes_nothing() -> None:
    assert Scrubber()("all of this") == "all of this"


def test_a_scrubber_can_be_pickled() -> None:
    scrub = Scrubber(["hunter22"])

    assert pickle.loads(pickle.dumps(scrub)) == scrub  # noqa: S301  # our own bytes


def test_scrubbing_takes_no_longer_with_a_thousand_secrets_and_many_cuts() -> None:
    scrub = Scrubber(f"secret-number-{n:04}-of-many" for n in range(1000))
    text = "lorem ipsum … " * 200 + "secret-number-0042-of-m…"

    scrubbed = scrub(text)

    assert scrubbed.endswith(" ***…")


def test_half_a_surrogate_pair_is_no_reason_to_fail() -> None:
    assert "hunter22" not in Scrubber(["hunter22"])("\ud800 hunter22")


@pytest.mark.parametrize(
    ("secret", "written"),
    [
        ("P@ss!word", "P%40ss!word"),  # encodeURIComponent
        ("pa*ss w~d", "pa*ss+w%7Ed"),  # a form
        ("p@ss/word", "p%40ss%2fword"),
        ("p#ss[wo]rd", "p%23ss[wo]rd"),  # the query of an address
        ("of-a-file\n", "of-a-file"),
    ],
)
def test_a_scrubber_knows_how_browsers_write_addresses(secret: str, written: str) -> None:
    assert Scrubber([secret])(f"/?q={written}&r=1") == "/?q=***&r=1"
