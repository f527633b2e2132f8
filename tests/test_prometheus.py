"""A real Prometheus scrapes the agent, which watches a real nginx over HTTP, HTTPS and in a browser."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from tests.agent_process import running, until
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
    location /page {{ default_type text/html; return 200 "<h1>Hello</h1><button>Go</button>"; }}
  }}
  server {{
    listen 127.0.0.1:{https} ssl; ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 "ok"; }}
  }}
}}
"""
PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - {{job_name: prober, honor_labels: true, static_configs: [{{targets: ["{target}"]}}]}}
"""
CONFIG = """
agent: {{region: eu, data_dir: ./data, labels: {{env: test}}}}
web: {{listen: "127.0.0.1:0"}}
defaults: {{interval: 500ms, timeout: 400ms}}
checks:
  - {{name: plain, http: "http://127.0.0.1:{http}/"}}
  - {{name: safe, http: {{url: "https://localhost:{https}/", tls: {{ca_file: ca.pem}}, expect: {{certificate: {{valid_for: 1h}}}}}}}}
  - {{name: port, tcp: "127.0.0.1:{http}"}}
  - {{name: page, interval: 5s, timeout: 5s, journey: {{script: way.py, base_url: "http://127.0.0.1:{http}"}}}}
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
    'up{job="prober"}',
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
    'histogram_quantile(0.9, rate(prober_run_duration_seconds_bucket{check="plain"}[5s])) > 0',
    'prober_failures_total{check="plain",reason="status"} == 0',
    'prober_alert_firing{check="plain",alert="down"} == 0',
    "prober_schedule_lag_seconds_count > 0",
    'prober_build_info{version!=""}',
    "prober_store_up == 1",
    'probe_success{check="page",region="eu"} == 1',
    'probe_step_success{check="page",step="look"} == 1',
    'probe_step_duration_seconds{check="page",step="look"} > 0',
    'probe_web_vital_lcp_seconds{check="page",page="/page"} > 0',
    'probe_web_vital_inp_seconds{check="page",page="/page"} > 0',
    'probe_interactions{check="page",page="/page"} == 1',
    'prober_web_vital_lcp_seconds_count{check="page",page="/page"} > 0',
    'histogram_quantile(0.75, prober_web_vital_lcp_seconds_bucket{check="page"}) > 0',
    "prober_journey_startup_seconds_count > 0",
    "prober_journey_queue_seconds_count > 0",
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@asynccontextmanager
async def program(folder: Path, *command: str) -> AsyncIterator[None]:
    with (folder / "program.log").open("a") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


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


async def test_a_real_prometheus_has_every_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBER_CHROMIUM_ARGS", NOTHING_OUTSIDE)
    (tmp_path / "way.py").write_text(WAY)
    http, https, api = free_port(), free_port(), free_port()
    text = CONFIG.format(http=http, https=https)
    async with nginx(tmp_path, http, https), running(tmp_path, text) as agent:
        target = agent.url.removeprefix("http://").rstrip("/")
        (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(target=target))
        command = [tool("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"]
        command += [f"--web.listen-address=127.0.0.1:{api}", "--log.level=warn"]
        async with program(tmp_path, *command), httpx.AsyncClient(trust_env=False) as client:

            async def found(query: str) -> bool:
                try:
                    answer = await client.get(
                        f"http://127.0.0.1:{api}/api/v1/query", params={"query": query}
                    )
                except httpx.TransportError:
                    return False  # Prometheus is still starting
                if answer.status_code != 200:
                    return False
                rows = json.loads(answer.text).get("data", {}).get("result", [])
                return bool(rows) and all(
                    float(row["value"][1]) != 0 or "==" in query for row in rows
                )

            for query in EXPECTED:
                await until(lambda query=query: found(query), query)
            assert not await found('up{job="prober"} == 0')
            assert not await found('prober_runs_total{outcome="unknown"} > 0')
