"""A check of the kind `journey`: what it is in a config, and what is said of its script."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.config import load
from prober.errors import ConfigError
from prober.probes.journey_settings import JourneyCheck
from prober.secret import Secret
from tests.config.loading import loaded, refused, warned

GOOD = "from prober.journey import journey\n\n@journey\ndef order(page): ...\n"
WHOLE = """
agent: {notify: never, browser: {workers: 2, sandbox: false}}
checks:
  - name: place-order
    interval: 10m
    timeout: 90s
    journey:
      script: journeys/shop.py::order
      base_url: https://shop.example.com
      params: {user: probe@example.com, sku: demo-1, count: 3, tags: [a, {b: null}], pin: "${file:pin}"}
      secrets: {password: "${SHOP_PASSWORD}", code: 0123456}
  - {name: short, journey: journeys/shop.py}
"""
ENV = {"SHOP_PASSWORD": "hunter22"}


def write(folder: Path, text: str = GOOD, name: str = "shop.py") -> Path:
    (folder / "journeys").mkdir(exist_ok=True)
    (folder / "journeys" / name).write_text(text)
    return folder / "journeys" / name


def journeys(folder: Path, text: str) -> tuple[JourneyCheck, ...]:
    checks = loaded(folder, text, ENV).config.checks
    return tuple(check for check in checks if isinstance(check, JourneyCheck))


def test_the_contracts_journey_loads(tmp_path: Path) -> None:
    script = write(tmp_path)
    (tmp_path / "pin").write_text("471147\n")

    order, short = journeys(tmp_path, WHOLE)

    assert (order.interval, order.timeout) == (600, 90)
    assert (order.journey.path, order.journey.function) == (script, "order")
    assert order.journey.params["tags"] == ["a", {"b": None}]
    assert order.journey.secrets == {"password": Secret("hunter22"), "code": Secret("0123456")}
    assert (short.interval, short.timeout) == (300, 60)
    assert (short.journey.path, short.journey.function) == (script, None)


def test_the_browser_is_one_in_its_sandbox_where_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "pin").write_text("471147")

    given = loaded(tmp_path, WHOLE, ENV).config.agent.browser
    default = loaded(tmp_path, "").config.agent.browser

    assert (given.workers, given.sandbox) == (2, False)
    assert (default.workers, default.sandbox) == (1, "auto")
    assert (
        loaded(tmp_path, "agent: {browser: {sandbox: true}}").config.agent.browser.sandbox is True
    )


def test_secrets_and_what_came_from_files_are_hidden_but_params_are_not(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "pin").write_text("471147\n")
    config = loaded(tmp_path, WHOLE, ENV).config

    said = config.scrub("hunter22 0123456 471147 probe@example.com demo-1")

    assert said == "*** *** *** probe@example.com demo-1"
    assert "hunter22" not in repr(config) + repr(config.checks)


def test_a_short_secret_is_a_warning(tmp_path: Path) -> None:
    write(tmp_path)
    text = (
        "agent: {notify: never}\nchecks:\n  - name: a\n    journey:\n"
        "      script: journeys/shop.py\n      secrets: {pin: 4711}\n"
    )

    assert warned(tmp_path, text) == [
        "config.yaml:6: checks[0].journey.secrets.pin: a secret under 6 characters; make it longer"
    ]


@pytest.mark.parametrize(
    ("defaults", "interval", "timeout"),
    [
        ("", 300, 60),
        ("{timeout: 10s}", 300, 10),  # what is written for all counts for journeys too
        ("{interval: 60s, timeout: 10s, journey: {interval: 5m, timeout: 60s}}", 300, 60),
        ("{interval: 2m, journey: {timeout: 30s}}", 120, 30),
        ("{interval: 1s, timeout: 1s, tcp: {interval: 5m}, journey: {interval: 60s}}", 60, 1),
    ],
)
def test_defaults_count_by_kind_then_for_all_then_the_kinds_own(
    tmp_path: Path, defaults: str, interval: float, timeout: float
) -> None:
    write(tmp_path)
    text = f"defaults: {defaults}\nchecks: [{{name: a, journey: journeys/shop.py}}]\n"

    (check,) = journeys(tmp_path, text)

    assert (check.interval, check.timeout) == (interval, timeout)


@pytest.mark.parametrize(
    ("defaults", "check", "warns"),
    [
        ("{timeout: 5s}", "", True),
        ("{timeout: 14.9s}", "", True),
        ("{timeout: 15s}", "", False),
        ("{timeout: 5s}", "timeout: 5s, ", False),  # somebody has thought of this very journey
        ("{timeout: 5s, journey: {timeout: 10s}}", "", False),
        ("{timeout: 5s, journey: {interval: 10m}}", "", True),
        ("{interval: 2m}", "", False),
    ],
)
def test_a_short_timeout_that_is_for_all_is_a_warning_where_it_reaches_a_journey(
    tmp_path: Path, defaults: str, check: str, warns: bool
) -> None:
    write(tmp_path)
    script = "journeys/shop.py"
    text = (
        f"agent: {{notify: never}}\ndefaults: {defaults}\nchecks:\n  - {{name: a, tcp: 'a:1'}}\n"
        f"  - {{name: b, {check}journey: {script}}}\n  - {{name: c, {check}journey: {script}}}\n"
    )

    said = warned(tmp_path, text)

    assert len(said) == warns
    for one in said:
        assert one.startswith("config.yaml:2: defaults.timeout: ")
        assert "write journey: {timeout: 60s} beside it" in one


def test_a_budget_that_the_timeout_keeps_is_worth_a_word(tmp_path: Path) -> None:
    steps = "(step):\n    with step('pay'), step('sign in'): ..."
    (tmp_path / "order.py").write_text(GOOD.replace("(page): ...", steps))
    text = """agent: {notify: never}
checks:
  - name: a
    timeout: 60s
    journey:
      script: order.py
      budgets:
        lcp: 2500
        cls: 100
        js_errors: 100
        inp: 60s
        duration: 2m
        pages: {checkout: {fcp: 1800, lcp: 4s}}
        steps: {pay: 5000, sign in: 5s}
"""
    said = warned(tmp_path, text)

    why = "is longer than timeout 1 m: no run can break it; write 500ms or 2.5s, a bare number is seconds"
    assert said == [
        f"config.yaml:{line}: checks[0].journey.budgets.{key}: {limit} {why}"
        for line, key, limit in (
            (8, "lcp", "41 m 40 s"),
            (12, "duration", "2 m"),
            (13, "pages.checkout.fcp", "30 m"),
            (14, "steps.pay", "1 h 23 m"),
        )
    ]


def test_a_default_that_misfits_many_checks_is_one_mistake_that_names_some(tmp_path: Path) -> None:
    checks = "".join(f"  - {{name: c{i}, tcp: 'a:1'}}\n" for i in range(9))

    assert refused(
        tmp_path, f"defaults: {{interval: 5s}}\nchecks:\n  - {{tcp: 'a:1'}}\n{checks}"
    ) == [
        "config.yaml:1: defaults.interval: checks[0], c0, c1 and 7 more: timeout 10 s (the default"
        " for tcp checks) is longer than interval 5 s; lower timeout or raise interval",
        'config.yaml:3: checks[0]: no "name"; it is required here',
    ]


def test_only_the_scripts_of_the_checks_that_are_asked_for_are_looked_into(tmp_path: Path) -> None:
    write(tmp_path, "", "none.py")
    write(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(
        "checks:\n  - {name: a, journey: journeys/none.py}\n  - {name: b, journey: journeys/none.py}\n"
        "  - {name: c, journey: journeys/shop.py}\n"
    )

    assert len(load(path, {}, only=["c", "nobody"]).config.checks) == 3
    assert load(path, {}, only=[]).broken == ()
    with pytest.raises(ConfigError, match=r"checks\[1\]\.journey: has no journey"):
        load(path, {}, only=["b"])
    with pytest.raises(ConfigError, match=r"checks\[0\]\.journey: has no journey"):
        load(path, {})


def test_a_script_is_one_of_the_files_that_a_config_names(tmp_path: Path) -> None:
    script = write(tmp_path)
    text = "checks: [{name: a, journey: journeys/shop.py}]\n"
    before = loaded(tmp_path, text).config
    script.write_text(GOOD + "# changed\n")

    after = loaded(tmp_path, text).config

    assert list(before.files) == [str(tmp_path / "config.yaml"), str(script)]
    assert before.files[str(script)] != after.files[str(script)]
    assert (before.checks, before.rules) == (after.checks, after.rules)
    assert before != after


def test_the_script_is_found_from_wherever_the_agent_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    write(tmp_path / "etc", "", "none.py")
    (tmp_path / "etc" / "config.yaml").write_text(
        "checks: [{name: a, journey: journeys/none.py}]\n"
    )
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as error:
        load("etc/config.yaml", {})

    assert str(error.value).startswith("etc/journeys/none.py: checks[0].journey: has no journey")


def test_the_same_mistake_of_a_script_is_said_once(tmp_path: Path) -> None:
    write(tmp_path, "def order(:\n")
    script = "journeys/shop.py"
    text = (
        f"checks: [{{name: a, journey: {script}}}, {{name: b, journey: {script}}},"
        f" {{name: c, journey: '{script}::order'}}]\n"
    )

    assert refused(tmp_path, text) == [
        "journeys/shop.py:1: checks[0].journey: syntax error: invalid syntax",
    ]


def test_a_mistake_in_what_a_script_imports_has_that_files_name(tmp_path: Path) -> None:
    write(tmp_path, "import pages\n" + GOOD)
    write(tmp_path, "\n1 / 0\n", "pages.py")

    said = refused(tmp_path, "checks: [{name: a, journey: journeys/shop.py}]\n")

    assert len(said) == 1
    assert said[0].startswith("journeys/pages.py:2: checks[0].journey: ")
    assert "ZeroDivisionError" in said[0]


def test_mistakes_of_the_config_and_of_scripts_are_said_together(tmp_path: Path) -> None:
    write(tmp_path, "")
    text = "colour: red\nchecks: [{name: a, colour: red, journey: journeys/shop.py}]\n"

    files = [line.partition(":")[0] for line in refused(tmp_path, text)]

    assert files == ["config.yaml", "config.yaml", "journeys/shop.py"]


def test_a_secret_in_what_an_import_says_is_not_shown(tmp_path: Path) -> None:
    write(tmp_path, "raise RuntimeError('no user hunter22\\nhere')\n")
    text = "checks: [{name: a, journey: {script: journeys/shop.py, secrets: {p: hunter22}}}]\n"

    (said,) = refused(tmp_path, text)

    assert "hunter22" not in said
    assert "***" in said
    assert len(said.splitlines()) == 1


def test_a_broken_journey_is_no_mistake_where_that_is_allowed(tmp_path: Path) -> None:
    write(tmp_path, "")
    path = tmp_path / "config.yaml"
    path.write_text("agent: {notify: never}\nchecks: [{name: a, journey: journeys/shop.py}]\n")

    config, warnings, broken = load(path, {}, allow_broken=True)

    assert [check.name for check in config.checks] == ["a"]
    assert warnings == ()
    assert [(one.file, one.field) for one in broken] == [
        (str(tmp_path / "journeys" / "shop.py"), "checks[0].journey")
    ]


def test_a_missing_script_is_a_mistake_also_there(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("checks: [{name: a, journey: journeys/shop.py}]\n")

    with pytest.raises(ConfigError, match=r"'journeys/shop\.py' does not exist; name a script"):
        load(path, {}, allow_broken=True)


@pytest.mark.parametrize("content", [None, GOOD])
def test_an_unset_name_in_the_path_of_a_script_can_be_allowed(
    tmp_path: Path, content: str | None
) -> None:
    if content:
        write(tmp_path, content)
    text = 'checks: [{name: a, journey: "${WHERE_IT_IS}/shop.py"}]\n'

    assert len(refused(tmp_path, text)) == 1
    assert loaded(tmp_path, text, allow_unset=True).broken == ()
    if content:
        assert loaded(tmp_path, text, {"WHERE_IT_IS": "journeys"}).broken == ()


def test_with_allow_unset_a_broken_script_is_told(tmp_path: Path) -> None:
    write(tmp_path, "")
    text = (
        "checks: [{name: a, journey: {script: journeys/shop.py, secrets: {p: '${NOT_THERE}'}}}]\n"
    )

    (said,) = refused(tmp_path, text, allow_unset=True)

    assert "has no journey" in said


NEEDY = (
    "from prober.journey import journey\n\n@journey\ndef order(params, secrets, totp):\n"
    "    params['sku']\n    totp('otp')\n"
)
SEED = "GEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ("", "; there is 'pay now'"),
        ("    with step('go'), step('sign in'), step('sign out'): ...", " and 1 more"),
        ("    with step(f'made {step}'): ...", None),
    ],
)
def test_a_budget_of_a_step_that_no_run_has_is_worth_a_word(
    tmp_path: Path, more: str, hint: str | None
) -> None:
    write(tmp_path, GOOD.replace("(page): ...", f"(step):\n    with step('pay now'): ...\n{more}"))
    text = """
checks:
  - name: a
    journey: {script: journeys/shop.py, budgets: {steps: {pay now: 1s, pay nwo: 1s, made later: 1s}}}
"""
    place = "config.yaml:4: checks[0].journey.budgets.steps"

    said = [one for one in warned(tmp_path, text) if "budgets" in one]

    if hint is None:  # it may have others than those that it names
        assert said == []
    else:
        assert said[0] == f"{place}[\"pay nwo\"]: order has no such step; did you mean 'pay now'?"
        assert said[1].startswith(f'{place}["made later"]: order has no such step; there ')
        assert said[1].endswith(hint)
        assert len(said) == 2


def test_every_mistake_of_a_script_is_told_at_once_and_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("(page): ...", "(stpe, secret, params): params['sku']"))
    text = """checks:
  - {name: a, journey: {script: journeys/shop.py, params: {sku: 1}}}
  - {name: b, journey: "journeys/shop.py::order"}
"""
    place = "journeys/shop.py:4: checks[{}].journey{}: "

    assert refused(tmp_path, text) == [
        place.format(0, ".script")
        + "order asks for 'stpe', which no journey gets; did you mean 'step'?",
        place.format(0, ".script")
        + "order asks for 'secret', which no journey gets; did you mean 'secrets'?",
        place.format(1, "") + "params has no 'sku'; write it under params of the check",
    ]


def test_what_a_script_needs_is_asked_of_every_check_that_names_it(tmp_path: Path) -> None:
    write(tmp_path, NEEDY)
    text = f"""
checks:
  - {{name: a, journey: {{script: journeys/shop.py, params: {{sku: 1}}, secrets: {{otp: {SEED}}}}}}}
  - {{name: b, journey: {{script: journeys/shop.py, params: {{suk: 1}}, secrets: {{otp: {SEED}}}}}}}
  - {{name: c, journey: journeys/shop.py}}
  - {{name: d, journey: {{script: "journeys/shop.py::order", params: {{sku: 1}}, secrets:}}}}
"""
    where = "journeys/shop.py:{}: checks[{}].journey{}: "
    no_seed = "secrets has no 'otp'; write it under secrets of the check"

    assert refused(tmp_path, text.replace("secrets:}", "}")) == [
        where.format(5, 1, ".script") + "params has no 'sku'; did you mean 'suk'?",
        where.format(5, 2, "") + "params has no 'sku'; write it under params of the check",
        where.format(6, 2, "") + no_seed,
        where.format(6, 3, ".script") + no_seed,
    ]


def test_needs_are_met_by_what_is_not_set_yet(tmp_path: Path) -> None:
    write(tmp_path, NEEDY)
    text = (
        "checks: [{name: a, journey: {script: journeys/shop.py,"
        " params: {sku: '${SKU}'}, secrets: {otp: '${OTP}'}}}]\n"
    )

    assert loaded(tmp_path, text, allow_unset=True).broken == ()
    assert loaded(tmp_path, text, {"SKU": "1", "OTP": SEED}).broken == ()
    (said,) = refused(tmp_path, text, {"SKU": "1", "OTP": "hunter-189"})
    assert "secrets.otp is no seed of one-time codes" in said
    assert "hunter" not in said


def test_where_params_are_no_mapping_that_is_the_only_mistake(tmp_path: Path) -> None:
    write(tmp_path, NEEDY.replace("    totp('otp')\n", ""))
    text = "checks: [{name: a, journey: {script: journeys/shop.py, params: [sku]}}]\n"

    assert refused(tmp_path, text) == [
        "config.yaml:1: checks[0].journey.params: a list is not a mapping of keys"
    ]


def test_a_need_of_a_function_that_is_imported_has_that_files_name(tmp_path: Path) -> None:
    write(tmp_path, NEEDY.replace("    totp('otp')\n", ""), "common.py")
    write(tmp_path, "from common import order\n")

    assert refused(tmp_path, "checks: [{name: a, journey: journeys/shop.py}]\n") == [
        "journeys/common.py:5: checks[0].journey: params has no 'sku';"
        " write it under params of the check"
    ]


def test_an_agent_that_starts_takes_a_missing_need_as_a_broken_journey(tmp_path: Path) -> None:
    write(tmp_path, NEEDY)
    path = tmp_path / "config.yaml"
    path.write_text("agent: {notify: never}\nchecks: [{name: a, journey: journeys/shop.py}]\n")

    config, _, broken = load(path, {}, allow_broken=True)

    assert [check.name for check in config.checks] == ["a"]
    assert [one.line for one in broken] == [5, 6]


NAPPING = """
from time import sleep
from prober.journey import journey

@journey
async def order(page):
    sleep(3)
    sleep(4)
"""


@pytest.mark.parametrize(
    ("settings", "warns"),
    [("", True), (", first_party: ['https://a.example']", True), (", first_party: []", False)],
)
def test_a_journey_that_holds_up_its_own_pages_is_a_warning(
    tmp_path: Path, settings: str, warns: bool
) -> None:
    write(tmp_path, NAPPING)
    text = (
        "agent: {notify: never}\nchecks:\n"
        f"  - {{name: a, journey: {{script: journeys/shop.py{settings}}}}}\n"
    )

    assert (
        warned(tmp_path, text)
        == [
            "config.yaml:3: checks[0].journey.script: order calls time.sleep() (journeys/shop.py:7), which"
            " holds up the page's own requests too; use await page.wait_for_timeout()"
        ]
        * warns
    )
