"""A real Prometheus scrapes the agent, which watches a real nginx over HTTP, HTTPS and in a browser.

It has the rules that `prober rules` makes of the agent's config, and answers
what the dashboards ask that `prober dashboards` makes of it: one stack, since
each takes seconds to start. What the agent says stands there three times: as
its own, as that of a second agent of its region, as while one is replaced, and
as that of another region. Of these, no query may make a mistake.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import trustme
import yaml

from prober.config import load
from prober.config.scene import scene
from prober.export.dashboards.whole import dashboards
from prober.export.rules import text
from prober.export.rules.whole import generated
from prober.export.scene import Scene
from tests.agent_process import running, until
from tests.servers.program import program
from tests.servers.receivers import free_port
from tests.servers.target import Target
from tests.servers.target import target as a_target
from tests.tools import tool

NOTHING_OUTSIDE = "'--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'"
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{
    listen 127.0.0.1:{http}; location / {{ return 200 "ok"; }}
    location /queue {{ default_type application/json; return 200 '{{"length": 7}}'; }}
    location /page {{ default_type text/html; return 200 "<h1>Hello</h1><button>Go</button>"; }}
  }}
  server {{
    listen 127.0.0.1:{https} ssl; ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 "ok"; }}
  }}
}}
"""
PROMETHEUS = """
global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - {{job_name: prober, honor_labels: true, static_configs: [{{targets: ["{target}"]}}]}}
  - job_name: second
    honor_labels: true
    static_configs: [{{targets: ["{target}"]}}]
    relabel_configs: [{{target_label: job, replacement: prober}}, {{target_label: instance, replacement: second}}]
  - job_name: other
    honor_labels: true
    static_configs: [{{targets: ["{target}"]}}]
    relabel_configs: [{{target_label: job, replacement: prober}}, {{target_label: instance, replacement: other}}]
    metric_relabel_configs: [{{source_labels: [region], regex: eu, target_label: region, replacement: us}}]
"""
CONFIG = """
agent: {{region: eu, data_dir: ./data, labels: {{env: test}}}}
web: {{listen: "127.0.0.1:0"}}
prometheus: {{scrape_interval: 2s}}
defaults: {{interval: 1s, timeout: 900ms}}
alerts:
  down: {{when: {{failures: 2}}}}
  errors: {{when: {{error_rate: 5%, over: 15m}}}}
slos:
  - {{name: availability, availability: 99.9%}}
  - {{name: fast, match: {{checks: [plain]}}, latency: {{under: 100ms, ratio: 95%}}}}
notifiers:
  hook: {{webhook: {{url: "http://127.0.0.1:{http}/hook"}}}}
checks:
  - {{name: plain, labels: {{team: shop}}, http: "http://127.0.0.1:{http}/"}}
  - {{name: safe, http: {{url: "https://localhost:{https}/", tls: {{ca_file: ca.pem}}, expect: {{certificate: {{valid_for: 1h}}}}}}}}
  - {{name: port, tcp: "127.0.0.1:{http}"}}
  - {{name: broken, severity: low, http: "{target}"}}
  - {{name: reader, http: {{url: "http://127.0.0.1:{http}/queue", values: {{queue: "$.length"}}}}}}
  - name: page
    interval: 5s
    timeout: 5s
    journey:
      script: way.py
      base_url: "http://127.0.0.1:{http}"
      budgets: {{lcp: 10s, js_errors: 0, steps: {{look: 1ms}}, pages: {{/page: {{lcp: 9s}}}}}}
"""
WAY = """
from prober.journey import journey

@journey
def way(page, step):
    with step("look"):
        page.goto("/page")
        page.get_by_role("button").click()
"""
EXPECTED = [
    'count(up{job="prober"} == 1) == 3',
    'probe_success{check="safe",region="eu"}',
    'probe_success{check="plain",region="eu"}',
    'probe_success{check="port",region="eu"}',
    'probe_http_status_code{check="plain"} == 200',
    'probe_ssl_earliest_cert_expiry{check="safe"} > time()',
    'probe_ssl_last_chain_expiry_timestamp_seconds{check="safe"} > time()',
    'probe_tls_version_info{check="safe"}',
    'probe_http_duration_seconds{check="safe",phase="tls"} > 0',
    'prober_check_info{check="safe",env="test",kind="http"}',
    'prober_runs_total{check="plain",outcome="up"} > 1',
    'prober_runs_total{check="plain",outcome="down"} == 0',
    'sum(prober_runs_total{outcome="up"}) > sum(prober_runs_total{outcome="unknown"})',
    'histogram_quantile(0.9, rate(prober_run_duration_seconds_bucket{check="plain"}[10s])) > 0',
    'prober_failures_total{check="plain",reason="status"} == 0',
    'prober_failures_total{check="broken",reason="status"} > 1',
    'prober_alert_firing{check="plain",alert="down"} == 0',
    'prober_alert_firing{check="broken",alert="down"} == 1',
    "prober_schedule_lag_seconds_count > 0",
    'prober_build_info{version!=""}',
    "prober_store_up == 1",
    'probe_value{check="reader",name="queue"} == 7',
    'probe_success{check="page",region="eu"} == 1',
    'probe_step_success{check="page",step="look"} == 1',
    'probe_step_duration_seconds{check="page",step="look"} > 0',
    'probe_web_vital_lcp_seconds{check="page",page="/page"} > 0',
    'probe_web_vital_inp_seconds{check="page",page="/page"} > 0',
    'probe_interactions{check="page",page="/page"} == 1',
    'probe_budget_ok{check="page",budget="lcp",page="/page"} == 1',
    'probe_budget_ok{check="page",budget="step look"} == 0',
    'prober_web_vital_lcp_seconds_count{check="page",page="/page"} > 0',
    'histogram_quantile(0.75, prober_web_vital_lcp_seconds_bucket{check="page"}) > 0',
    "prober_journey_startup_seconds_count > 0",
    "prober_journey_queue_seconds_count > 0",
    'check:prober_regions:count{check="broken"} == 2',
    'check_alert:prober_quorum:met{check="broken",alert="down"}',
    'ALERTS{alertname="ProberQuorumDown",check="broken",alertstate="firing"}',
    'slo:period_error_budget_remaining:ratio{check="plain",slo="availability"} == 1',
    'slo:period_error_budget_remaining:ratio{check="broken",slo="availability"} < 0',
    'slo:objective:ratio{slo="fast"} == 0.95',
]
# What Grafana fills in; a variable of several values may match them all.
FILLED = {
    "$__rate_interval": "10s", "$__interval": "1s", "$__range": "1m", "$over": "1m",
    "${datasource}": "prometheus",
}  # fmt: skip
SINGLE = {
    "prober-check": ("check", ("safe", "plain", "reader", "page", "broken")),
    "prober-journey": ("journey", ("page",)),
}
PATIENCE = 45.0  # seconds that a busy machine may take to show everything


@asynccontextmanager
async def nginx(folder: Path, http: int, https: int) -> AsyncIterator[None]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = authority.issue_cert("localhost", "127.0.0.1")
    own.private_key_pem.write_to_path(str(folder / "key.pem"))
    for number, pem in enumerate(own.cert_chain_pems):
        pem.write_to_path(str(folder / "chain.pem"), append=number > 0)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, http=http, https=https))
    async with program(
        folder, tool("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")
    ):
        yield


class Answer(NamedTuple):
    """`rows` are the values of each series; `error` is what Prometheus has against the question."""

    rows: list[list[float]]
    error: str = ""


@dataclass
class Prometheus:
    url: str
    client: httpx.AsyncClient

    async def get(self, path: str, **params: str) -> tuple[int, str]:
        try:
            answer = await self.client.get(f"{self.url}/api/v1/{path}", params=params)
        except httpx.TransportError as error:
            return 503, str(error)  # Prometheus is still starting
        return answer.status_code, answer.text

    async def now(self) -> float:
        _, moment = await self.get("query", query="time()")
        return float(json.loads(moment)["data"]["result"][1])

    async def ask(self, query: str, *, last: float = 0.0) -> Answer:
        """As it is now, or second by second through the `last` seconds."""
        if not last:
            status, body = await self.get("query", query=query)
        else:
            end = await self.now()
            span = {"start": str(end - last), "end": str(end), "step": "1"}
            status, body = await self.get("query_range", query=query, **span)
        if status != 200:
            return Answer([], "" if status == 503 else body)
        data = json.loads(body)["data"]
        if data["resultType"] == "scalar":
            return Answer([[float(data["result"][1])]])
        return Answer(
            [[float(value) for _, value in row.get("values", [row.get("value")])]
             for row in data["result"]]
        )  # fmt: skip

    async def holds(self, query: str) -> bool:
        """It has series, and none of them is 0, unless that is what is asked for."""
        rows = (await self.ask(query)).rows
        return bool(rows) and all(row[-1] != 0 or "==" in query for row in rows)


@asynccontextmanager
async def stack(folder: Path, broken: Target) -> AsyncIterator[tuple[Prometheus, Scene]]:
    http, https, api = free_port(), free_port(), free_port()
    (folder / "way.py").write_text(WAY)
    config = CONFIG.format(http=http, https=https, target=broken.url)
    command = [tool("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"]
    command += [f"--web.listen-address=127.0.0.1:{api}", "--log.level=warn"]
    command += ["--enable-feature=exemplar-storage"]
    command += ["--scrape.discovery-reload-interval=100ms"]  # it would begin after five seconds
    async with nginx(folder, http, https), running(folder, config) as agent:
        address = agent.url.removeprefix("http://").rstrip("/")
        (folder / "prometheus.yml").write_text(PROMETHEUS.format(target=address))
        watched = scene(load(folder / "config.yaml", {}, only=()).config, "config.yaml")
        (folder / "rules.yml").write_text(hurried(text.rules(generated(watched), watched)))
        async with (
            program(folder, *command),
            httpx.AsyncClient(trust_env=False, timeout=10) as client,
        ):
            yield Prometheus(f"http://127.0.0.1:{api}", client), watched


def hurried(rules: str) -> str:
    """The same rules, each group once a second: nobody waits four minutes for a test."""
    read = yaml.safe_load(rules)
    return yaml.safe_dump({"groups": [group | {"interval": "1s"} for group in read["groups"]]})


class Question(NamedTuple):
    """What a panel asks; `queries` are the same of several checks, of which one has to have an answer."""

    where: str
    queries: tuple[str, ...]
    is_instant: bool


def questions(watched: Scene) -> Iterator[Question]:
    for name, board in dashboards(watched).items():
        uid, panels = board["uid"], board["panels"]
        assert isinstance(uid, str)
        assert isinstance(panels, list)
        for panel in panels:
            assert isinstance(panel, dict)
            targets = panel.get("targets", [])
            assert isinstance(targets, list)
            for target in targets:
                assert isinstance(target, dict)
                where = f"{name}: {panel['title']}: {target['refId']}"
                filled = tuple(variants(str(target["expr"]), uid))
                yield Question(where, filled, target["instant"] is True)


def variants(expr: str, uid: str) -> Iterator[str]:
    for name, value in FILLED.items():
        expr = expr.replace(name, value)
    single, checks = SINGLE.get(uid, ("", ("",)))
    for check in checks:
        own = expr.replace(f'"${single}"', f'"{check}"') if single else expr
        yield re.sub(r'=~"\$\w+"', '=~".*"', own)


async def unanswered(prometheus: Prometheus, left: list[Question]) -> list[Question]:
    """Those to which nothing comes back that could be drawn."""
    return [question for question in left if not await is_answered(prometheus, question)]


async def is_answered(prometheus: Prometheus, question: Question) -> bool:
    assert not [query for query in question.queries if "$" in query], question.where
    for query in question.queries:
        answer = await prometheus.ask(query, last=0.0 if question.is_instant else 15.0)
        assert not answer.error, f"{question.where}: {query}: {answer.error}"
        if any(value == value for row in answer.rows for value in row):  # not NaN
            return True
    return False


def offered(watched: Scene) -> Iterator[tuple[str, str, str]]:
    """Where it stands, the label and the series of each variable that Prometheus fills."""
    for name, board in dashboards(watched).items():
        templating = board["templating"]
        assert isinstance(templating, dict)
        variables = templating["list"]
        assert isinstance(variables, list)
        for variable in variables:
            assert isinstance(variable, dict)
            if variable["type"] == "query":
                asked = re.fullmatch(r"label_values\((.+), (\w+)\)", str(variable["definition"]))
                assert asked, variable
                series = next(variants(asked[1], str(board["uid"])))
                yield f"{name}: {variable['name']}", asked[2], series


async def unhealthy(prometheus: Prometheus) -> list[str]:
    """The rules that cannot be evaluated."""
    _, body = await prometheus.get("rules")
    groups = json.loads(body)["data"]["groups"]
    every = [rule for group in groups for rule in group["rules"]]
    assert every
    return [f"{rule['name']}: {rule.get('lastError')}" for rule in every if rule["health"] != "ok"]


async def exemplars(prometheus: Prometheus) -> set[str]:
    """The traces of runs of `broken` that Prometheus has beside their durations."""
    query = 'prober_run_duration_seconds_bucket{check="broken"}'
    end = await prometheus.now()
    span = {"start": str(end - 60), "end": str(end)}
    status, body = await prometheus.get("query_exemplars", query=query, **span)
    assert status == 200, body
    found = [one for row in json.loads(body)["data"] for one in row["exemplars"]]
    return {one["labels"]["trace_id"] for one in found}


@pytest.mark.timeout(150)
async def test_a_real_prometheus_answers_what_rules_and_dashboards_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBER_CHROMIUM_ARGS", NOTHING_OUTSIDE)
    async with a_target() as broken, stack(tmp_path, broken) as (prometheus, watched):
        was_up = 'probe_success{check="broken"} == 1'
        await until(lambda: prometheus.holds(was_up), was_up, PATIENCE)
        broken.status = 500
        for query in EXPECTED:
            await until(lambda query=query: prometheus.holds(query), query, PATIENCE)

        left = list(questions(watched))
        assert len(left) > 150
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while left:
                    left = await unanswered(prometheus, left)
        assert [question.where for question in left] == []

        assert await unhealthy(prometheus) == []
        for where, label, series in offered(watched):
            _, body = await prometheus.get(f"label/{label}/values", **{"match[]": series})
            assert json.loads(body)["data"], f"{where}: {series}"
        known = await exemplars(prometheus)
        sent = b"".join(broken.heads).decode()
        assert known
        assert not [trace for trace in known if f"traceparent: 00-{trace}-" not in sent]
