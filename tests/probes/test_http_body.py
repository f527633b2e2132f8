"""What is sent as a body, and what it is called."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from prober.probes import http_file
from prober.probes.http import HttpCheck
from prober.probes.http_file import NamedFile
from prober.probes.http_settings import HttpSettings
from prober.result import Outcome
from prober.secret import Secret
from prober.wire.failure import OwnFault
from tests.probes.looking import http_check, look
from tests.servers.http import Asked, reply, site


def http(**settings: object) -> HttpSettings:
    return HttpSettings.model_validate({"url": "https://shop.example/"} | settings)


async def sent(**settings: object) -> Asked:
    async with site({"/": reply()}) as shop:
        seen = await look(http_check(shop.url(), method="POST", **settings))
    assert seen.finding.outcome is Outcome.UP
    return shop.asked[0]


async def test_a_form_is_what_a_browser_sends() -> None:
    form = {"user": "ä b&c", "tag": ["x", "y"], "n": 1, "agree": True, "none": [], "empty": ""}
    asked = await sent(form=form)

    assert asked.body == b"user=%C3%A4+b%26c&tag=x&tag=y&n=1&agree=true&empty="
    assert asked.header("Content-Type") == "application/x-www-form-urlencoded"
    assert asked.header("Content-Length") == str(len(asked.body))


async def test_the_users_content_type_stands() -> None:
    asked = await sent(form={"a": "b"}, headers={"content-type": "text/x"})

    assert asked.header("Content-Type") == "text/x"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.json", "application/json"), ("a.XML", "text/xml"), ("a.txt", "text/plain"), ("a", None)],
)
async def test_a_file_is_sent_byte_by_byte_under_its_names_type(
    tmp_path: Path, name: str, media_type: str | None
) -> None:
    content = bytes(range(256)) + b"\r\n"
    (tmp_path / name).write_bytes(content)
    asked = await sent(body_file=str(tmp_path / name))

    assert asked.body == content
    assert asked.header("Content-Type") == media_type


async def test_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_text("before")
    check = HttpCheck.model_validate(
        {"name": "a", "http": {"url": "http://a.example/", "body_file": str(file)}}
    )
    file.write_text("after")

    assert isinstance(check.http, HttpSettings)
    assert check.http.payload.content == b"before"


def test_a_file_with_another_content_is_another_check(tmp_path: Path) -> None:
    """So that a reload restarts it."""
    file = tmp_path / "body"
    file.write_text("before")
    before, same = http(body_file=str(file)), http(body_file=str(file))
    file.write_text("after")
    after = http(body_file=str(file))

    assert before == same == pickle.loads(pickle.dumps(before))  # noqa: S301 - our own
    assert before != after
    assert after.model_dump(mode="json")["body_file"] == str(file)
    assert "after" not in repr(after)


def test_what_is_no_file_is_our_own_fault_in_a_run(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(OwnFault, match=r"body_file .* could not be read"):
            _ = http(body_file=str(path)).payload


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_file, "LARGEST", 2**20)
    file = tmp_path / "body"
    file.write_bytes(b"a" * (2**20 + 1))

    with pytest.raises(ValueError, match="is over 1 MiB; name a smaller file"):
        NamedFile.read(str(file))


def test_secret_fields_of_a_form_are_secret() -> None:
    settings = http(form={"password": "hunter2", "user": "shown", "tokens": "t"})

    assert settings.form == {"password": (Secret("hunter2"),), "user": ("shown",), "tokens": ("t",)}
    assert "hunter2" not in repr(settings) + settings.model_dump_json()
    assert settings.payload.content == b"password=hunter2&user=shown&tokens=t"
