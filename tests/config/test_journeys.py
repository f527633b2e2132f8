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
