from __future__ import annotations

import base64
from pathlib import Path

import pytest
import trustme

from prober.probes.http import HttpCheck
from prober.secret import Scrubber
from tests.config.loading import loaded, refused, warned


def scrub_of(folder: Path, settings: str) -> Scrubber:
    text = f"checks:\n  - name: a\n    http:\n      url: https://h.example/\n{settings}"
    return loaded(folder, text).config.scrub


@pytest.mark.parametrize(
    "settings",
    [
        "      json: {password: hunter22}",
        "      json: {login: [{api_key: hunter22}]}",
        "      json: {token: {a: [hunter22]}}",
        "      json: {client_secret: hunter22, x: 1}",
        "      json: {webhook_url: hunter22}",
        "      json: {dsn: hunter22}",
        "      json: {auth: {user: hunter22}}",
        "      json: {secrets: {any: hunter22}}",
        "      auth: {bearer: hunter22}",
        "      auth: {basic: {username: somebody, password: hunter22}}",
        "      auth: {basic: {username: hunter22}}",
        "      auth: {oauth2: {token_url: 'https://i.example/', client_id: a, client_secret: hunter22}}",
        "      auth: {oauth2: {token_url: 'https://i.example/', client_id: hunter22, client_secret: a}}",
        "      auth: {oauth2: {token_url: 'https://i.example/', client_id: a, client_secret: a,"
        " params: {scopes: hunter22}}}",
        "      proxy: http://u:hunter22@proxy.example:3128",
        "      form: {password: hunter22}",
        "      headers: {Cookie: hunter22}",
        "      headers: {authorization: Bearer hunter22}",
        "      headers: {X-API-KEY: hunter22}",
        "      headers: {token: hunter22}",
        "      headers: {shop_key: [hunter22]}",
        "      headers: {Cookie: a=b; sid=hunter22; c=d}",
        "      headers: {cookie: [a=b, 'sid=\"hunter22\"']}",
        "      headers: {Cookie: sid=hunter%322}",
        "      headers: &h {Cookie: sid=hunter22}",
        "      headers: {X: &c sid=hunter22, Cookie: *c}",
        "      headers: {X: &c sid=hunter22, Cookie: [*c]}",
        "      headers: {Proxy-Authorization: [hunter22]}",
        "      headers: {X: 'see https://user:hunter22@other.example/'}",
        "      body: see https://hunter22@other.example/",
        "      json: {x: &pw hunter22, y: {password: *pw}}",
        "      json: {x: &pw {a: [hunter22]}, y: {secrets: *pw}}",
        "      json: {x: &pw {a: hunter22}, secrets: {<<: *pw}}",
    ],
)
def test_a_value_is_secret_by_its_field(tmp_path: Path, settings: str) -> None:
    scrub = scrub_of(tmp_path, settings)

    assert scrub("the word hunter22 again") == "the word *** again"


@pytest.mark.parametrize(
    "settings",
    [
        "      headers: {X-Request: hunter22}",
        "      json: {key: hunter22, passwords: hunter22, tokens: hunter22}",
        "      body: hunter22@other.example",
        "      headers: {key: hunter22, tokens: hunter22}",
        "      expect: {json: {$.access_token: hunter22, $.a.password: hunter22}}",
    ],
)
def test_other_fields_are_not(tmp_path: Path, settings: str) -> None:
    assert not scrub_of(tmp_path, settings).values


def test_file_names_are_no_secrets(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("h.example")
    issued.private_key_pem.write_to_path(str(tmp_path / "hunter22"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert"))
    settings = "      tls: {key_file: hunter22, cert_file: cert}"

    assert not scrub_of(tmp_path, settings).values


def test_names_that_somebody_gave_are_no_fields(tmp_path: Path) -> None:
    text = (
        "alerts: {token: {when: {failures: 3}, severity: critical}}\n"
        "notifiers: {my_key: {webhook: {url: https://hooks.example/}}}\n"
    )

    assert not loaded(tmp_path, text).config.scrub.values


def test_a_step_or_page_called_password_has_no_secret_limit(tmp_path: Path) -> None:
    (tmp_path / "order.py").write_text(
        "from prober.journey import journey\n@journey\ndef order(page): ...\n"
    )
    text = """
checks:
  - name: a
    journey:
      script: order.py
      budgets: {steps: {password: 5000ms}, pages: {token: {lcp: 2500ms}, my_key: {fcp: 1800ms}}}
      params: {password: hunter22}
"""

    assert loaded(tmp_path, text).config.scrub.values == {"hunter22"}


def test_whatever_comes_from_a_file_is_secret(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter22\n")
    scrub = scrub_of(tmp_path, '      body: "x ${file:pw}"')

    assert scrub.values == {"hunter22"}


def test_a_credential_is_secret_without_its_scheme_and_decoded(tmp_path: Path) -> None:
    credential = base64.b64encode(b"user:hunter22").decode()
    scrub = scrub_of(tmp_path, f"      headers: {{Authorization: Basic {credential}}}")

    assert scrub(f"{credential} hunter22 user:hunter22") == "*** *** ***"


def test_userinfo_is_secret_as_it_is_and_decoded(tmp_path: Path) -> None:
    scrub = scrub_of(tmp_path, "      body: https://user:p%40ssword@other.example/")

    assert scrub("p%40ssword p@ssword user:p@ssword") == "*** *** ***"


def test_a_word_in_a_cookie_is_no_secret(tmp_path: Path) -> None:
    scrub = scrub_of(tmp_path, "      headers: {Cookie: theme=dark; sid=hunter22}")

    assert scrub("dark hunter22 theme=dark; sid=hunter22") == "dark *** ***"


def test_a_path_that_names_a_secret_is_no_secret_field(tmp_path: Path) -> None:
    text = """
checks:
  - name: a
    http:
      url: https://h.example/
      expect: {json: {"$.access_token": {exists: true}, "$.token.my_key": {count: 1}, "$.secret": 5}}
"""
    (check,) = loaded(tmp_path, text).config.checks

    assert isinstance(check, HttpCheck)
    assert {path: rule.written for path, rule in check.http.expect.json_.items()} == {
        "$.access_token": '{"exists": true}',
        "$.token.my_key": '{"count": 1}',
        "$.secret": "5",
    }


def test_a_secret_is_the_text_that_is_written(tmp_path: Path) -> None:
    scrub = scrub_of(
        tmp_path, "      json: {password: 0123456, token: 1e5000, api_key: true, dsn: null}"
    )

    assert scrub.values == {"0123456", "1e5000", "true"}


def test_a_short_secret_is_a_warning_with_its_line_and_not_its_value(tmp_path: Path) -> None:
    text = """
agent: {notify: never}
checks:
  - name: a
    http:
      url: https://user:ab1@h.example/
      headers:
        Authorization: Bearer ab2
        Cookie: longer-than-six
      json:
        password: ab3
        token: ${PW}
"""
    said = "a secret under 6 characters; make it longer"

    assert warned(tmp_path, text, {"PW": "ab4"}) == [
        f"config.yaml:6: checks[0].http.url: {said}",
        f"config.yaml:8: checks[0].http.headers.Authorization: {said}",
        f"config.yaml:11: checks[0].http.json.password: {said}",
        f"config.yaml:12: checks[0].http.json.token: {said}",
    ]


@pytest.mark.parametrize(
    "secret", ["hunter22", "it's-hidden", "it's\"a\\b{c}", "x y", "ü-secret", "tab\\tbed"]
)
def test_no_mistake_shows_a_secret(tmp_path: Path, secret: str) -> None:
    quoted = secret.replace("'", "''")
    text = f"""
agent: {{notify: '{quoted}'}}
checks:
  - name: '{quoted} '
    interval: 'x{quoted}"x'
    http:
      url: 'ftp://u:{quoted}@x'
      headers: {{Authorization: '{quoted}\t\x85'}}
      json: {{password: '{quoted}'}}
      method: '{quoted} ü'
  - tcp: 'u://a:{quoted}@x y'
    '{quoted}': 1
notifiers:
  hook: {{webhook: {{url: 'h://{quoted}@x', hmac_secret: ['{quoted}']}}}}
"""
    said = refused(tmp_path, text)

    assert len(said) >= 6
    # However it is quoted there: a backslash more or less hides nothing.
    bare = secret.replace("\\", "")
    assert not [line for line in said if bare in line.replace("\\", "")]


def test_a_mistake_of_syntax_shows_no_secret_either(tmp_path: Path) -> None:
    text = "agent:\n  token: hunter22\n  region: !hunter22 x\n  x: *hunter22\n"

    assert refused(tmp_path, text) == [
        "config.yaml:3: agent.region: the unknown tag !***; leave it out",
        "config.yaml:4: **** is not defined above; write &*** before the value it means",
    ]


def test_how_a_client_says_who_it_is_is_no_secret(tmp_path: Path) -> None:
    """Else `body` and `read` would be taken out of every message."""
    (tmp_path / "pw").write_text("hunter22")
    settings = (
        "      auth: {oauth2: {token_url: 'https://i.example/token', client_id: somebody,"
        " client_secret: hunter22, auth_style: body, scopes: [read]}}\n"
        "  - {name: b, http: {url: 'https://b.example/',"
        " auth: {basic: {username: somebody, password_file: pw}}}}"
    )
    text = f"checks:\n  - name: a\n    http:\n      url: https://h.example/\n{settings}"
    said = "read the body of pw"

    config = loaded(tmp_path, text).config

    assert config.scrub(said) == said
    assert not [one for one in warned(tmp_path, text) if "secret" in one]
    assert str(tmp_path / "pw") in config.files


STEPS = """
checks:
  - name: a
    http:
      values: {api_key: "$.queue.length"}
      steps:
        - name: sign in
          url: https://h.example/
          json: {password: hunter22}
          extract: {token: "$.session.value", db_password: {header: X-Session-Id}}
        - name: look
          url: https://h.example/
          headers: {Authorization: "Bearer {{token}}", X-Api-Key: hunter33}
          auth:
"""


def test_where_a_token_is_found_is_no_secret_but_all_in_a_step_that_is_one_is(
    tmp_path: Path,
) -> None:
    scrub = loaded(tmp_path, STEPS).config.scrub

    assert {"hunter22", "hunter33"} <= scrub.values
    for said in ("$.session.value", "X-Session-Id", "$.queue.length"):
        assert scrub(said) == said


def test_what_is_filled_in_later_is_no_short_secret(tmp_path: Path) -> None:
    text = STEPS.replace("auth:", 'auth: {bearer: "{{t}}"}').replace(
        "headers: {Authorization", "headers: {X"
    )

    assert not [one for one in warned(tmp_path, text.replace("token", "t")) if "secret" in one]
