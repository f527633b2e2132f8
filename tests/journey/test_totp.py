from __future__ import annotations

import base64
from pathlib import Path

import pytest

from prober.clock import SystemClock
from prober.journey.events import Learned
from prober.journey.given import Gift
from prober.journey.totp import Codes, NoSeed, Seed
from prober.result import Outcome, Reason
from tests.journey.running import run

KEYS = {
    "SHA1": b"12345678901234567890",
    "SHA256": b"12345678901234567890123456789012",
    "SHA512": b"1234567890123456789012345678901234567890123456789012345678901234",
}
# The appendix of RFC 6238: seconds, and the code of eight digits for each hash.
VECTORS = [
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]


def base32(key: bytes) -> str:
    return base64.b32encode(key).decode()


@pytest.mark.parametrize(("moment", "sha1", "sha256", "sha512"), VECTORS)
def test_the_codes_are_those_of_the_standard(
    moment: int, sha1: str, sha256: str, sha512: str
) -> None:
    said = [
        Seed.of(
            f"otpauth://totp/Shop:probe?secret={base32(key)}&algorithm={name}&digits=8&issuer=Shop"
        ).code(moment + 0.9)
        for name, key in KEYS.items()
    ]

    assert said == [sha1, sha256, sha512]


@pytest.mark.parametrize(
    "text",
    [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        " gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n",
        "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ",
        "otpauth://totp/probe?secret=gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
        "OTPAUTH://TOTP/probe?SECRET=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=sha-1&period=30",
    ],
)
def test_a_seed_is_taken_as_people_paste_it(text: str) -> None:
    assert Seed.of(text).code(59) == "287082"


def test_padding_may_be_there_or_not() -> None:
    assert Seed.of("GEZDGNBVGY======") == Seed.of("GEZDGNBVGY") == Seed(b"123456")


def test_a_code_lasts_for_its_period() -> None:
    seed = Seed.of(f"otpauth://totp/?secret={base32(KEYS['SHA1'])}&period=60")

    assert seed.code(60) == seed.code(119.9) == Seed(KEYS["SHA1"]).code(30)
    assert seed.code(120) != seed.code(119)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is no seed of one-time codes"),
        ("hunter-189", "is no seed of one-time codes; write it in base32, or the otpauth:// URL"),
        ("otpauth://totp/probe?issuer=Shop", "is no seed of one-time codes"),
        ("otpauth://hotp/probe?secret=GEZDGNBV", "is no otpauth://totp/ URL"),
        ("otpauth://[", "is no otpauth:// URL"),
        ("otpauth://totp/?secret=GEZDGNBV&algorithm=MD5", "write one of SHA1, SHA256, SHA512"),
        ("otpauth://totp/?secret=GEZDGNBV&digits=12", "has unfit digits; 6 to 8 are known"),
        ("otpauth://totp/?secret=GEZDGNBV&period=0", "has unfit period; 1 to 3600 are known"),
        ("otpauth://totp/?secret=GEZDGNBV&period=²", "has unfit period"),
    ],
)
def test_what_is_no_seed_is_told_and_not_shown(text: str, wrong: str) -> None:
    with pytest.raises(NoSeed) as error:
        Seed.of(text)

    assert wrong in str(error.value)
    assert "GEZD" not in str(error.value)
    assert "hunter" not in str(error.value)


SOURCE = """
from prober.journey import journey

@journey
def sign_in(page, totp, step):
    with step("code"):
        print("it is", totp("otp"))
    totp("word")
"""


def test_a_journey_gets_the_code_of_now_and_nobody_else_does(tmp_path: Path) -> None:
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    seen = run(tmp_path, SOURCE, secrets={"otp": seed, "word": "hunter-189"})

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.SCRIPT)
    assert seen.ended.message == (
        "journey.py:8: NoSeed: secrets.word is no seed of one-time codes;"
        " write it in base32, or the otpauth:// URL"
    )
    (code,) = seen.all(Learned)[0].texts
    assert f"it is {code}" in seen.output
    assert code not in "".join(map(str, seen.events))


def test_a_seed_that_is_not_there_is_told_as_any_secret_is() -> None:
    codes = Codes(Gift("secrets", {"otp": "GEZDGNBV"}), SystemClock(), lambda event: None)

    with pytest.raises(KeyError, match="secrets has no 'opt'; did you mean 'otp'"):
        codes("opt")
