"""`prober rules` as a user meets it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.command import Done, prober
from tests.promtool import check_rules
from tests.tools import tool

CONFIG = """
agent: {region: eu, data_dir: /nowhere/at/all}
regions: [eu, us, ap]
prometheus: {job: probes, scrape_interval: 10s, runbooks: "https://wiki.example.com/prober"}
checks:
  - {name: homepage, http: "https://shop.example.com/", labels: {team: web}}
  - {name: api, http: "http://${HOST}/", depends_on: [homepage], quorum: 1}
alerts:
  down: {when: {failures: 3}}
  cert: {when: {certificate_expires_within: 30d}, severity: low}
"""


def made(folder: Path, *options: str, config: str = CONFIG, **env: str) -> Done:
    (folder / "config.yaml").write_text(config)
    return prober(folder, "rules", *options, env={"HOST": "api.example.com", **env})


def test_prometheus_takes_what_it_prints(tmp_path: Path) -> None:
    done = made(tmp_path)
    check_rules(tmp_path, done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert 'up{job="probes"}' in done.stdout
    assert "made by `prober rules`" in done.stdout.splitlines()[0]
    assert "from config.yaml" in done.stdout.splitlines()[0]


def test_alertmanager_takes_the_inhibitions(tmp_path: Path) -> None:
    done = made(tmp_path, "--alertmanager")
    config = tmp_path / "alertmanager.yml"
    config.write_text(f"route: {{receiver: all}}\nreceivers: [{{name: all}}]\n{done.stdout}")
    checked = subprocess.run(
        [tool("amtool"), "check-config", config], capture_output=True, text=True, timeout=30
    )

    assert (done.returncode, done.stderr, checked.returncode) == (0, "", 0)
    assert 'check="homepage"' in done.stdout


def test_both_can_be_written_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "rules"
    done = made(tmp_path, "-o", str(folder))
    again = made(tmp_path, "-o", str(folder))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert again.returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["prober-inhibit.yml", "prober-rules.yml"]  # fmt: skip
    assert (folder / "prober-rules.yml").read_text() == made(tmp_path).stdout
    assert (folder / "prober-inhibit.yml").read_text() == made(tmp_path, "--alertmanager").stdout


def test_a_folder_that_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    (tmp_path / "rules" / "prober-rules.yml").mkdir(parents=True)
    file = made(tmp_path, "-o", str(tmp_path / "taken"))
    folder = made(tmp_path, "-o", str(tmp_path / "rules"))

    assert (file.returncode, folder.returncode) == (2, 2)
    assert file.stderr == f"cannot write to {tmp_path / 'taken'}: File exists\n"
    assert folder.stderr == f"cannot write to {tmp_path / 'rules'}: Is a directory\n"
    assert [path.name for path in (tmp_path / "rules").iterdir()] == ["prober-rules.yml"]


def test_what_is_to_be_known_goes_to_stderr_and_into_the_file(tmp_path: Path) -> None:
    done = made(tmp_path, config=CONFIG.replace("region: eu,", "region: eu, notify: always,"))
    said = "agent.notify: always lets the agents tell as well: whoever hears of both is told twice"

    assert done.returncode == 0
    assert done.stderr == f"note: {said}\n"
    assert f"# Note: {said}\n" in done.stdout


def test_a_mistake_in_the_config_makes_no_rules(tmp_path: Path) -> None:
    done = made(tmp_path, "-o", str(tmp_path / "rules"), config="quorum: 0\nregionss: []\n")

    assert (done.returncode, done.stdout) == (2, "")
    assert "config.yaml:1: quorum: " in done.stderr
    assert "config.yaml:2: unknown key" in done.stderr
    assert not (tmp_path / "rules").exists()


def test_a_variable_that_is_not_set_makes_no_rules(tmp_path: Path) -> None:
    """The check with it would be missing, with its quorum and those who depend on it."""
    done = made(tmp_path, config=CONFIG.replace("HOST", "NO_SUCH_VARIABLE"))

    assert (done.returncode, done.stdout) == (2, "")
    assert "NO_SUCH_VARIABLE" in done.stderr


@pytest.mark.parametrize("shard", ["0/3", "2/3"])
def test_every_shard_makes_the_rules_of_all_checks(shard: str, tmp_path: Path) -> None:
    assert made(tmp_path, PROBER_SHARD=shard).stdout == made(tmp_path).stdout


def test_every_region_makes_the_same_rules(tmp_path: Path) -> None:
    assert made(tmp_path, PROBER_REGION="us").stdout == made(tmp_path).stdout


def test_what_is_secret_is_in_no_rule(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("swordfish")
    config = """
checks:
  - {name: a, http: "https://user:hunter22@x.example/", runbook: "https://user:hunter22@wiki/x"}
  - {name: b, http: "https://x.example/", runbook: "https://wiki/${file:token}"}
"""
    done = made(tmp_path, config=config)
    (group,) = (g for g in yaml.safe_load(done.stdout)["groups"] if g["name"] == "prober-runbooks")

    assert "hunter22" not in done.stdout
    assert [one["labels"] for one in group["rules"]] == [
        {"check": "a", "runbook": "https://***@wiki/x"},
        {"check": "b", "runbook": "https://wiki/***"},
    ]
