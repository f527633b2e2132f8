from __future__ import annotations

import pickle
import socket
from pathlib import Path

import pytest
import trustme

from prober.alerts.conditions import Failures
from prober.alerts.rules import EffectiveRule
from prober.alerts.slo import Latency
from prober.config import Config, load
from prober.config.model import PrometheusSettings
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.webhook import WebhookNotifier
from prober.probes.http import HttpCheck
from prober.probes.tcp import TcpCheck
from prober.shard import Shard
from tests.config.loading import loaded, refused

# The example of the contract, as far as it is built.
WHOLE = """
agent:
  region: eu-west-1            # on every series, result and alert; PROBER_REGION overrides
  labels: {env: prod}
  data_dir: ./data
  shard: 0/3                   # this agent's share of the checks; PROBER_SHARD overrides
  notify: always
web:
  listen: 127.0.0.1:9620
  external_url: https://prober.eu.example.com/
regions: [eu-west-1, us-east-1, ap-south-1]
quorum: 2
prometheus: {job: prober}
defaults: {interval: 60s, timeout: 10s, retries: 0, tcp: {interval: 5m, timeout: 60s}}
checks:
  - name: homepage
    http: https://shop.example.com/
  - name: api-health
    interval: 30s
    timeout: 3s
    severity: critical
    labels: {team: payments, route: /health}
    runbook: https://wiki.example.com/runbooks/api
    http:
      url: https://api.example.com/health/
      method: POST
      headers: {Accept: application/json, Authorization: "Bearer ${TOKEN}"}
      json: {ping: 1}
      redirects: 10
      tls: {ca_file: ca.pem, server_name: x, insecure_skip_verify: false, min_version: "1.2"}
      max_body: 10MiB
      expect:
        status: 200
        body: {contains: ok, not_contains: [], matches: "v\\\\d+", not_matches: []}
        headers: {Content-Type: {matches: json}}
        json: {"$.status": healthy, "$.queue": {lt: 100}, "$.errors": {exists: false}}
        duration: 2s
        certificate: {valid_for: 7d}
    alerts: {down: {when: {failures: 5}}, fast: {when: {failures: 1}, severity: low}}
  - {name: redis, tcp: "10.0.0.9:6379", alerts: {down: null}}
alerts:
  down:   {when: {failures: 3}, resolve: {successes: 2}, remind: 4h}
severities: [critical, high, medium, low, info]
notifiers:
  am:      {alertmanager: {urls: ["http://am-0:9093", "http://am-1:9093"]}}
  hook:    {webhook: {url: "https://x/hook", headers: {}, hmac_secret: "${S}"}}
routes:
  - match: {severity: [critical], labels: {team: payments}}
    notify: [am, hook]
    continue: true
  - notify: [hook]
slos:
  - {name: availability, match: {}, availability: 99.9%, window: 30d}
  - {name: fast, match: {checks: [api-health]}, latency: {under: 1s, ratio: 95%}, window: 30d}
"""
ENV = {"TOKEN": "abcdefgh", "S": "hmac-secret"}


def certificate(path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(path))


def whole(folder: Path) -> Config:
    certificate(folder / "ca.pem")
    return loaded(folder, WHOLE, ENV).config


def test_what_is_built_of_the_contracts_example_loads(tmp_path: Path) -> None:
    config = whole(tmp_path)

    homepage, api, redis = config.checks
    assert isinstance(homepage, HttpCheck)
    assert isinstance(api, HttpCheck)
    assert isinstance(redis, TcpCheck)
    assert (homepage.interval, api.interval, redis.interval) == (60, 30, 300)
    assert (homepage.timeout, api.timeout, redis.timeout) == (10, 3, 60)
    assert isinstance(config.notifiers["am"], AlertmanagerNotifier)
    assert isinstance(config.notifiers["hook"], WebhookNotifier)
    assert [route.notify for route in config.routes] == [("am", "hook"), ("hook",)]
    assert config.web.external_url == "https://prober.eu.example.com"


def test_what_joins_regions_is_the_quorum_the_shard_and_what_was_promised(tmp_path: Path) -> None:
    config = whole(tmp_path)

    assert config.agent.shard == Shard(0, 3)
    assert (config.quorum, config.checks[0].quorum) == (2, None)
    assert config.prometheus == PrometheusSettings(job="prober", scrape_interval=30)
    available, fast = config.slos
    assert available.availability == pytest.approx(0.999)
    assert (available.latency, available.window) == (None, 30 * 86400)
    assert fast.latency == Latency(under=1, ratio=0.95)


def test_runs_are_sent_nowhere_unless_a_collector_is_given(tmp_path: Path) -> None:
    raw = "otlp: {endpoint: 'http://collector:4318/', headers: {x-api-key: hunter2hunter2}}"
    settings = loaded(tmp_path, raw).config.otlp

    assert loaded(tmp_path, "otlp:").config.otlp is None
    assert settings is not None
    assert (settings.endpoint, settings.sample) == ("http://collector:4318", 0.1)
    assert settings.headers["x-api-key"].reveal() == "hunter2hunter2"
    assert loaded(tmp_path, raw).config.scrub("said hunter2hunter2") == "said ***"


def test_the_shard_of_the_environment_wins_over_that_of_the_config(tmp_path: Path) -> None:
    config = loaded(tmp_path, "agent: {shard: 0/3}", {"PROBER_SHARD": "2/4"}).config
    assert config.agent.shard == Shard(2, 4)
    said = refused(tmp_path, "agent: {shard: 0/3}", {"PROBER_SHARD": "4/4"})
    assert said == ["config.yaml:1: agent.shard: PROBER_SHARD='4/4' is no shard; write 0/4 to 3/4"]


def test_a_check_has_the_rules_with_its_own_overrides(tmp_path: Path) -> None:
    rules = whole(tmp_path).rules

    down = EffectiveRule(name="down", condition=Failures(3), remind=14400, severity="critical")
    assert rules["homepage"] == (down,)
    assert [(rule.name, rule.condition, rule.severity) for rule in rules["api-health"]] == [
        ("down", Failures(5), "critical"),
        ("fast", Failures(1), "low"),
    ]
    assert rules["redis"] == ()


def test_every_file_that_is_named_is_hashed_and_absolute(tmp_path: Path) -> None:
    config = whole(tmp_path)

    assert sorted(config.files) == [str(tmp_path / "ca.pem"), str(tmp_path / "config.yaml")]
    assert {len(digest) for digest in config.files.values()} == {64}
    api = config.checks[1]
    assert isinstance(api, HttpCheck)
    assert api.http.tls.ca_file == tmp_path / "ca.pem"
    assert config.agent.data_dir == tmp_path / "data"


def test_a_changed_file_changes_the_config(tmp_path: Path) -> None:
    before = whole(tmp_path)
    certificate(tmp_path / "ca.pem")

    after = load(tmp_path / "config.yaml", ENV).config

    assert after != before
    assert after.checks == before.checks


def test_configs_are_compared_by_value_also_through_a_pickle(tmp_path: Path) -> None:
    config = whole(tmp_path)

    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own
    assert loaded(tmp_path, WHOLE, ENV).config == config
    assert loaded(tmp_path, WHOLE, ENV | {"S": "another-secret"}).config != config


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "checks:\n", "checks: []\n", "{}"])
def test_an_empty_config_is_legal(tmp_path: Path, text: str) -> None:
    config, warnings, broken = loaded(tmp_path, text)

    assert config.checks == ()
    assert config.agent.region == socket.gethostname()
    assert config.regions == (socket.gethostname(),)
    assert config.web.listen == "127.0.0.1:9620"
    assert config.agent.data_dir == tmp_path / "data"
    assert (warnings, broken) == ((), ())


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert loaded(tmp_path, "\ufeffagent: {region: eu}").config.agent.region == "eu"


def test_the_environment_overrides_region_and_listen(tmp_path: Path) -> None:
    text = "agent: {region: eu}\nweb: {listen: ':1'}\n"
    env = {"PROBER_REGION": "us", "PROBER_LISTEN": "[::]:9621"}

    config = loaded(tmp_path, text, env).config

    assert config.agent.region == "us"
    assert config.regions == ("us",)
    assert (config.web.host, config.web.port) == ("::", 9621)


def test_an_empty_override_overrides_nothing(tmp_path: Path) -> None:
    env = {"PROBER_REGION": "", "PROBER_LISTEN": ""}

    assert loaded(tmp_path, "agent: {region: eu}", env).config.agent.region == "eu"


def test_a_wrong_override_is_named(tmp_path: Path) -> None:
    env = {"PROBER_REGION": "r" * 201, "PROBER_LISTEN": "here"}

    assert refused(tmp_path, "agent: {region: eu}\nweb: {listen: ':1'}", env) == [
        "config.yaml:1: agent.region: PROBER_REGION is too long; at most 200 characters",
        "config.yaml:2: web.listen: PROBER_LISTEN='here' is not an address;"
        " set host:port, :9620 or [::]:9620",
    ]


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:9620", "127.0.0.1", 9620), (":0", None, 0), ("[::1]:80", "::1", 80)],
)
def test_listen_is_a_host_and_a_port(
    tmp_path: Path, listen: str, host: str | None, port: int
) -> None:
    web = loaded(tmp_path, f"web: {{listen: '{listen}'}}").config.web

    assert (web.host, web.port) == (host, port)


def test_labels_are_the_agents_the_defaults_the_kinds_and_the_checks_key_by_key(
    tmp_path: Path,
) -> None:
    text = """
agent: {labels: {a: agent, b: agent, c: agent, d: agent}}
defaults: {labels: {b: all, c: all, d: all}, tcp: {labels: {c: tcp, d: tcp}}}
checks:
  - {name: x, tcp: "h:1", labels: {d: check}}
  - {name: y, http: "http://h/"}
"""
    x, y = loaded(tmp_path, text).config.checks

    assert x.labels == {"a": "agent", "b": "all", "c": "tcp", "d": "check"}
    assert y.labels == {"a": "agent", "b": "all", "c": "all", "d": "all"}


def test_a_check_can_take_back_a_default(tmp_path: Path) -> None:
    text = """
defaults: {severity: low, alerts: {down: {when: {failures: 9}}}}
checks: [{name: x, tcp: "h:1", severity: null, alerts: {down: null}}]
"""
    config = loaded(tmp_path, text).config

    assert config.checks[0].severity is None
    assert config.rules["x"] == ()


def test_a_number_where_a_text_is_wanted_is_the_text_that_was_written(tmp_path: Path) -> None:
    text = 'checks: [{name: 007, tcp: "h:1", labels: {version: 1.10, on: true, hex: 0x1F}}]'

    (check,) = loaded(tmp_path, text).config.checks

    assert check.name == "007"
    assert check.labels == {"version": "1.10", "on": "true", "hex": "0x1F"}


def test_anchors_aliases_and_merge_keys(tmp_path: Path) -> None:
    text = """
checks:
  - &base {name: a, interval: 30s, timeout: &t 3s, tcp: "h:1"}
  - {<<: *base, name: b, timeout: 5s}
  - {<<: [{name: c, retries: 1}, *base], labels: &l {x: y}}
  - {name: d, timeout: *t, tcp: "h:1", labels: *l}
"""
    checks = loaded(tmp_path, text).config.checks

    assert [(c.name, c.interval, c.timeout, c.retries) for c in checks] == [
        ("a", 30, 3, 0),
        ("b", 30, 5, 0),
        ("c", 30, 3, 1),
        ("d", 60, 3, 0),
    ]
    assert checks[2].labels == checks[3].labels == {"x": "y"}


def test_a_mistake_in_what_is_merged_has_the_line_where_it_is_written(tmp_path: Path) -> None:
    text = 'checks:\n  - &base {name: a,\n     retries: -1, tcp: "h:1"}\n  - {<<: *base, name: b}\n'

    assert refused(tmp_path, text) == [
        "config.yaml:3: checks[0].retries: -1 is too small; 0 or more",
        "config.yaml:3: checks[1].retries: -1 is too small; 0 or more",
    ]


def test_every_attempt_must_fit_the_interval_exactly(tmp_path: Path) -> None:
    fits = 'checks: [{name: a, tcp: "h:1", interval: 32s, timeout: 10s, retries: 2}]'

    assert loaded(tmp_path, fits).config.checks[0].retries == 2
    assert len(refused(tmp_path, fits.replace("32s", "31.9s"))) == 1


def test_the_agent_notifies_itself_where_it_is_the_only_region(tmp_path: Path) -> None:
    def notifies(text: str) -> bool:
        return loaded(tmp_path, text).config.notifies

    assert notifies("")
    assert not notifies("agent: {region: a}\nregions: [a, b]")
    assert notifies("agent: {region: a, notify: always}\nregions: [a, b]")
    assert not notifies("agent: {notify: never}")


def test_many_checks_without_aliases_are_not_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.config.compose.MANY", 100)
    text = "checks:\n" + "".join(f"  - {{name: c{i}, tcp: 'h:1'}}\n" for i in range(200))

    assert len(loaded(tmp_path, text).config.checks) == 200


def test_a_long_value_is_not_quoted_whole(tmp_path: Path) -> None:
    (said,) = refused(tmp_path, f"checks: [{{name: a, tcp: {'a' * 3000}:x}}]")

    assert said.endswith("aa…' has no valid port; write a number from 1 to 65535")
    assert len(said) < 200
