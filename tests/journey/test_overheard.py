"""What nobody had named a secret is told to the agent, whatever evidence is wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prober.journey.events import Learned
from tests.journey.running import Run, run
from tests.servers.pages import Page, site

COOKIE = {"Set-Cookie": "sid=s3ss1on-of-mine; Path=/"}
PAGES = {
    "/": Page("<label>Password <input type=password></label><p></p>", headers=COOKIE),
    "/next": Page("<p>"),
}
SOURCE = """
from prober.journey import journey
@journey
def sign_in(page, step):
    page.goto("/")
    page.get_by_label("Password").fill("typed-1")
    page.get_by_label("Password").blur()
    page.goto("/next")
    page.evaluate("fetch('/api?access_token=in-th3-url', {headers: {Authorization: 'Bearer f3tched'}})")
    raise AssertionError("no welcome")
"""


def learned(it: Run, *, words: bool) -> set[str]:
    return {text for one in it.all(Learned) for text in one.texts if one.words is words}


@pytest.mark.parametrize("evidence", ["failure", "never"])
def test_typed_passwords_and_cookies_are_learned_before_the_verdict(
    tmp_path: Path, evidence: str
) -> None:
    with site(PAGES) as it:
        seen = run(tmp_path, SOURCE, base_url=it.url, evidence=evidence)

    assert seen.ended.message.endswith("no welcome")
    assert learned(seen, words=True) == {"typed-1"}
    assert "s3ss1on-of-mine" in learned(seen, words=False)


def test_what_is_typed_into_a_page_that_a_script_has_written_is_learned(tmp_path: Path) -> None:
    source = """
from prober.journey import journey
@journey
def sign_in(page, step):
    page.set_content("<label>Password <input type=password></label>")
    page.get_by_label("Password").fill("typed-2")
    page.evaluate("document.querySelector('input').type = 'text'")
    page.get_by_label("Password").blur()
    raise AssertionError("no welcome")
"""
    with site(PAGES) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert "typed-2" in learned(seen, words=True)


def test_what_stands_under_a_secrets_name_in_a_request_is_learned(tmp_path: Path) -> None:
    with site(PAGES) as it:
        seen = run(tmp_path, SOURCE, base_url=it.url)

    assert {"in-th3-url", "f3tched"} <= learned(seen, words=False)


def test_what_a_storage_state_holds_is_learned(tmp_path: Path) -> None:
    with site(PAGES) as it:
        values = [
            "eyJ.st0red",
            '"qu0ted-token"',
            '{"access_token": "inn3r-token", "theme": "dark"}',
            "yes",
        ]
        stored = [{"name": f"key {number}", "value": value} for number, value in enumerate(values)]
        state = {"cookies": [], "origins": [{"origin": it.url, "localStorage": stored}]}
        (tmp_path / "state.json").write_text(json.dumps(state))
        context = {"storage_state": str(tmp_path / "state.json")}
        source = SOURCE.replace("no welcome", "{page.evaluate('localStorage.length')} values")
        source = source.replace('AssertionError("', 'AssertionError(f"')
        seen = run(tmp_path, source, base_url=it.url, context=context)

    assert seen.ended.message.endswith("4 values")
    assert {*values[:3], "qu0ted-token", "inn3r-token"} <= learned(seen, words=False)
    assert "yes" not in learned(seen, words=False)
