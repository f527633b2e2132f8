"""What is probed by blackbox_exporter and by prober, and by which modules: the same for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.common.bench import free_ports
from tests.servers.answers import serving_answers
from tests.servers.raw import Do, closed_port, raw_server
from tests.servers.tls import Authority
from tests.tools import tool

TRIES = 5  # a busy machine holds our agent up, which says so and blames no target
TOO_LONG = f"http://{'a' * 64}.example:80/ok"  # no resolver needs to be asked for such a name
MODULES = """\
modules:
  http: {prober: http, timeout: 2s}
  http_hasty: {prober: http, timeout: 300ms}
  http_stay: {prober: http, timeout: 2s, http: {no_follow_redirects: true}}
  http_found: {prober: http, timeout: 2s, http: {follow_redirects: false, valid_status_codes: [302]}}
  http_bad: {prober: http, timeout: 2s, http: {valid_status_codes: [404, 500]}}
  http_head: {prober: http, timeout: 2s, http: {method: HEAD}}
  http_post: {prober: http, timeout: 2s, http: {method: POST, body: '{"ping": 1}', headers: {Content-Type: application/json}, fail_if_body_not_matches_regexp: ['"ping": \\d']}}
  http_wants: {prober: http, timeout: 2s, http: {fail_if_body_not_matches_regexp: ["[Hh]ello", "world$"]}}
  http_dreads: {prober: http, timeout: 2s, http: {fail_if_body_matches_regexp: ["Hel+o"]}}
  http_green: {prober: http, timeout: 2s, http: {fail_if_header_not_matches: [{header: x-colour, regexp: "^green$"}]}}
  http_not_green: {prober: http, timeout: 2s, http: {fail_if_header_matches: [{header: X-Colour, regexp: "^green$"}]}}
  http_not_blue_or_none: {prober: http, timeout: 2s, http: {fail_if_header_matches: [{header: X-Sky, regexp: blue, allow_missing: true}]}}
  http_sky: {prober: http, timeout: 2s, http: {fail_if_header_not_matches: [{header: X-Sky, regexp: blue}]}}
  http_gzip: {prober: http, timeout: 2s, http: {compression: gzip}}
  http_gzip_hello: {prober: http, timeout: 2s, http: {compression: gzip, fail_if_body_not_matches_regexp: [Hello]}}
  http_short: {prober: http, timeout: 2s, http: {body_size_limit: 1KB}}
  http_roomy: {prober: http, timeout: 2s, http: {body_size_limit: 10KB}}
  http_v2: {prober: http, timeout: 2s, http: {valid_http_versions: ["HTTP/2.0"], tls_config: {ca_file: "{ca}"}}}
  http_v1: {prober: http, timeout: 2s, http: {enable_http2: false, valid_http_versions: ["HTTP/1.1"], tls_config: {ca_file: "{ca}"}}}
  http_plain: {prober: http, timeout: 2s, http: {fail_if_ssl: true, tls_config: {ca_file: "{ca}"}}}
  http_safe: {prober: http, timeout: 2s, http: {fail_if_not_ssl: true, tls_config: {ca_file: "{ca}"}}}
  http_ca: {prober: http, timeout: 2s, http: {tls_config: {ca_file: "{ca}"}}}
  http_any: {prober: http, timeout: 2s, http: {tls_config: {insecure_skip_verify: true}}}
  http_tls13: {prober: http, timeout: 2s, http: {tls_config: {ca_file: "{ca}", min_version: TLS13}}}
  http_named: {prober: http, timeout: 2s, http: {tls_config: {ca_file: "{ca}", server_name: good.example}}}
  http_host: {prober: http, timeout: 2s, http: {headers: {Host: "shop.example:8080"}, fail_if_body_not_matches_regexp: ["^shop.example:8080$"]}}
  http_client: {prober: http, timeout: 2s, http: {tls_config: {ca_file: "{ca}", cert_file: "{cert}", key_file: "{key}"}}}
  http_basic: {prober: http, timeout: 2s, http: {basic_auth: {username: probe, password: sesame-open}}}
  http_basic_wrong: {prober: http, timeout: 2s, http: {basic_auth: {username: probe, password: sesame-shut}}}
  http_bearer: {prober: http, timeout: 2s, http: {bearer_token: t0ken-of-the-probe}}
  http_header: {prober: http, timeout: 2s, http: {headers: {authorization: Bearer t0ken-of-the-probe}, basic_auth: {username: probe, password: sesame-shut}}}
  http_empty: {prober: http, timeout: 2s, http: {method: "", preferred_ip_protocol: "", body: "", bearer_token_file: "", basic_auth: , headers: , valid_status_codes: , tls_config: {ca_file: "", server_name: ""}}}
  http_ip4: {prober: http, timeout: 2s, http: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}}
  http_ip6: {prober: http, timeout: 2s, http: {preferred_ip_protocol: ip6, ip_protocol_fallback: false}}
  http_proxy: {prober: http, timeout: 2s, http: {proxy_url: "http://127.0.0.1:1"}}
  tcp: {prober: tcp, timeout: 2s}
  tcp_empty: {prober: tcp, timeout: 2s, tcp: {source_ip_address: "", query_response: [{expect: , send: ""}], tls_config: }}
  tcp_any_line: {prober: tcp, timeout: 500ms, tcp: {query_response: [{expect: ""}]}}
  tcp_ip6: {prober: tcp, timeout: 2s, tcp: {preferred_ip_protocol: ip6, ip_protocol_fallback: false}}
  tcp_tls: {prober: tcp, timeout: 2s, tcp: {tls: true, tls_config: {ca_file: "{ca}"}}}
  tcp_banner: {prober: tcp, timeout: 500ms, tcp: {query_response: [{expect: "^220 .*ESMTP"}]}}
  tcp_irc: {prober: tcp, timeout: 1s, tcp: {query_response: [{send: "NICK prober"}, {expect: "PING :([^ ]+)", send: "PONG ${1}"}, {expect: "^:[^ ]+ 001"}]}}
  tcp_starttls: {prober: tcp, timeout: 2s, tcp: {query_response: [{expect: "^220"}, {send: "STARTTLS\\r"}, {expect: "^220"}, {starttls: true}, {expect: "^250"}], tls_config: {ca_file: "{ca}", server_name: good.example}}}
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/leaf.key;
  server {{
    listen 127.0.0.1:{both} ssl http2;
    location / {{ return 200 "two or one"; }}
    location /moved {{ return 301 /; }}
    location /file {{ root {folder}; gzip on; gzip_min_length 1; gzip_types text/plain; default_type text/plain; }}
  }}
  server {{ listen 127.0.0.1:{old} ssl; ssl_protocols TLSv1.2; location / {{ return 200 "old"; }} }}
}}
"""


@dataclass(frozen=True)
class Target:
    name: str
    module: str
    url: str
    hostname: str = ""

    @property
    def query(self) -> dict[str, str]:
        named = {"hostname": self.hostname} if self.hostname else {}
        return {"module": self.module, "target": self.url, **named}


@dataclass
class Ground:
    """Where everything listens."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def modules(self) -> str:
        files = {"ca": "ca.pem", "cert": "client.pem", "key": "client.key"}
        text = MODULES
        for name, file in files.items():
            text = text.replace(f"{{{name}}}", str(self.folder / file))
        return text

    def targets(self) -> list[Target]:
        at = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        user = f"probe:sesame-open@{at['plain']}"
        good = f"https://{at['good']}"
        answers = {
            "200": ("http", "/ok"),
            "201": ("http", "/created"),
            "204": ("http", "/empty"),
            "404": ("http", "/missing"),
            "404 wanted": ("http_bad", "/missing"),
            "500": ("http", "/broken"),
            "500 wanted": ("http_bad", "/broken"),
            "Last-Modified": ("http", "/dated"),
            "103, then 200": ("http", "/early"),
            "redirect": ("http", "/moved"),
            "redirect not followed": ("http_stay", "/found"),
            "redirect wanted": ("http_found", "/found"),
            "redirect loop": ("http", "/loop"),
            "redirect without Location": ("http", "/lost"),
            "redirect to gopher": ("http", "/elsewhere"),
            "chunked": ("http", "/chunked"),
            "bad chunk": ("http", "/badchunk"),
            "no length": ("http", "/unsized"),
            "HTTP/1.0": ("http", "/old"),
            "cut": ("http", "/cut"),
            "reset": ("http", "/reset"),
            "no answer": ("http", "/nothing"),
            "garbage": ("http", "/garbage"),
            "slow": ("http", "/slow"),
            "silent": ("http_hasty", "/silent"),
            "body that stops": ("http_hasty", "/drip"),
            "HEAD": ("http_head", "/head"),
            "POST": ("http_post", "/echo"),
            "body as wanted": ("http_wants", "/ok"),
            "body not as wanted": ("http_wants", "/broken"),
            "body without what is wanted": ("http_wants", "/large"),
            "body as dreaded": ("http_dreads", "/ok"),
            "body not as dreaded": ("http_dreads", "/large"),
            "header as wanted": ("http_green", "/ok"),
            "header wanted and missing": ("http_sky", "/ok"),
            "header as dreaded": ("http_not_green", "/ok"),
            "header dreaded and missing": ("http_not_green", "/large"),
            "header that may be missing": ("http_not_blue_or_none", "/ok"),
            "gzip unasked": ("http", "/gzip"),
            "gzip": ("http_gzip_hello", "/gzip"),
            "gzip asked, plain sent": ("http_gzip", "/ok"),
            "gzip asked, garbage sent": ("http_gzip", "/badgzip"),
            "body over its limit": ("http_short", "/large"),
            "body within its limit": ("http_roomy", "/large"),
            "version not as wanted": ("http_v2", "/ok"),
            "version as wanted": ("http_v1", "/ok"),
            "TLS dreaded, none there": ("http_plain", "/ok"),
            "TLS wanted, none there": ("http_safe", "/ok"),
            "Host header": ("http_host", "/where"),
            "basic auth": ("http_basic", "/basic"),
            "basic auth, wrong": ("http_basic_wrong", "/basic"),
            "bearer token": ("http_bearer", "/bearer"),
            "bearer token, missing": ("http", "/bearer"),
            "header before basic auth": ("http_header", "/bearer"),
            "options that are empty": ("http_empty", "/ok"),
            "IPv4 alone": ("http_ip4", "/ok"),
            "IPv6 alone, IPv4 given": ("http_ip6", "/ok"),
            "proxy that is not there": ("http_proxy", "/ok"),
        }
        return [
            *(
                Target(name, m, f"http://{at['plain']}{path}")
                for name, (m, path) in answers.items()
            ),
            Target("user before basic auth", "http_basic_wrong", f"http://{user}/basic"),
            Target("user before bearer token", "http_bearer", f"http://{user}/basic"),
            Target("header before user", "http_header", f"http://{user}/bearer"),
            Target("no scheme", "http", f"{at['plain']}/ok"),
            Target("no URL", "http", "http://[nothing"),
            Target("other scheme", "http", "ftp://127.0.0.1:1/"),
            Target("hostname", "http", f"http://{at['plain']}/where", "shop.example"),
            Target("IPv6", "http", f"http://[::1]:{self.ports['six']}/ok"),
            Target("IPv4 alone, IPv6 given", "http_ip4", f"http://[::1]:{self.ports['six']}/ok"),
            Target("closed port", "http", f"http://{at['closed']}/"),
            Target("no such name", "http", TOO_LONG),
            Target("TLS", "http_ca", f"{good}/ok"),
            Target("TLS wanted", "http_safe", f"{good}/ok"),
            Target("TLS dreaded", "http_plain", f"{good}/ok"),
            Target("TLS, unknown CA", "http", f"{good}/ok"),
            Target("TLS, unverified", "http_any", f"https://{at['self-signed']}/ok"),
            Target("TLS, self-signed", "http_ca", f"https://{at['self-signed']}/ok"),
            Target("TLS, expired", "http_ca", f"https://{at['expired']}/ok"),
            Target("TLS, wrong host", "http_ca", f"https://{at['named']}/ok"),
            Target("TLS, server_name", "http_named", f"https://{at['named']}/ok"),
            Target("TLS, hostname", "http_ca", f"https://{at['named']}/ok", "good.example"),
            Target("TLS 1.2 alone", "http_ca", f"https://{at['old']}/"),
            Target("TLS 1.2 alone, 1.3 wanted", "http_tls13", f"https://{at['old']}/"),
            Target("TLS, client certificate", "http_client", f"https://{at['asks']}/ok"),
            Target("TLS, no client certificate", "http_ca", f"https://{at['asks']}/ok"),
            Target("TLS, chunked", "http_ca", f"{good}/chunked"),
            Target("http to a TLS port", "http", f"http://{at['good']}/ok"),
            Target("https to a plain port", "http_any", f"https://{at['plain']}/ok"),
            Target("HTTP/2", "http_ca", f"https://{at['both']}/"),
            Target("HTTP/2 wanted", "http_v2", f"https://{at['both']}/"),
            Target("HTTP/2 redirect", "http_ca", f"https://{at['both']}/moved"),
            Target("HTTP/2 not offered", "http_v1", f"https://{at['both']}/"),
            Target("tcp", "tcp", at["plain"]),
            Target("tcp, options that are empty", "tcp_empty", at["plain"]),
            Target("tcp closed", "tcp", at["closed"]),
            Target("tcp without port", "tcp", "127.0.0.1"),
            Target("tcp IPv6", "tcp_ip6", f"[::1]:{self.ports['six']}"),
            Target("tcp IPv6 alone, IPv4 given", "tcp_ip6", at["plain"]),
            Target("tcp TLS", "tcp_tls", at["good"]),
            Target("tcp TLS, wrong host", "tcp_tls", at["named"]),
            Target("tcp TLS, hostname", "tcp_tls", at["named"], "good.example"),
            Target("tcp TLS, plain port", "tcp_tls", at["smtp"]),
            Target("tcp banner", "tcp_banner", at["smtp"]),
            Target("tcp other banner", "tcp_banner", at["irc"]),
            Target("tcp any line", "tcp_any_line", at["smtp"]),
            Target("tcp any line, silent", "tcp_any_line", at["silent"]),
            Target("tcp silent", "tcp_banner", at["silent"]),
            Target("tcp dialogue", "tcp_irc", at["irc"]),
            Target("tcp dialogue, cut", "tcp_irc", at["smtp"]),
            Target("tcp starttls", "tcp_starttls", at["starttls"]),
        ]


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    """Everything that is probed, listening."""
    authority = Authority(folder)
    authority.client()
    authority.files("127.0.0.1")
    long_ago = {
        "not_before": datetime(2020, 1, 1, tzinfo=UTC),
        "not_after": datetime(2021, 1, 1, tzinfo=UTC),
    }
    contexts = {
        "plain": None,
        "good": authority.server("127.0.0.1"),
        "named": authority.server("good.example"),
        "self-signed": authority.self_signed_server(),
        "expired": authority.server("127.0.0.1", **long_ago),
        "asks": authority.server_that_asks(),
    }
    scripts = {
        "smtp": (b"220 mail.example ESMTP ready\r\n", Do.HANG),
        "irc": (
            b":irc.example NOTICE *\r\nPING :3.14\r\n",
            Do.READ_ALL,
            b":irc.example 001 you\r\n",
            Do.HANG,
        ),
        "silent": (Do.HANG,),
        "starttls": (
            b"220 go\r\n",
            Do.READ_ALL,
            b"220 ready\r\n",
            Do.STARTTLS,
            b"250 hello\r\n",
            Do.HANG,
        ),
    }
    there = Ground(folder)
    async with AsyncExitStack() as stack:
        there.ports["closed"] = stack.enter_context(closed_port())
        for name, context in contexts.items():
            there.ports[name] = await stack.enter_async_context(serving_answers(context))
        there.ports["six"] = await stack.enter_async_context(serving_answers(None, "::1"))
        for name, script in scripts.items():
            tls = contexts["named"] if name == "starttls" else None
            there.ports[name] = stack.enter_context(raw_server(*script, tls=tls)).port
        there.ports |= zip(("both", "old"), free_ports(2), strict=True)
        await stack.enter_async_context(_nginx(there))
        yield there


@asynccontextmanager
async def _nginx(there: Ground) -> AsyncIterator[None]:
    config = there.folder / "nginx.conf"
    config.write_text(NGINX.format(folder=there.folder, **there.ports))
    command = [tool("nginx"), "-e", "stderr", "-p", str(there.folder), "-c", str(config)]
    async with _program(*command):
        await _listening(there.ports["old"])
        yield


@asynccontextmanager
async def blackbox(there: Ground) -> AsyncIterator[str]:
    """The URL of a real blackbox_exporter with the modules."""
    config, (port,) = there.folder / "blackbox.yml", free_ports(1)
    config.write_text(there.modules)
    program = tool("prometheus-blackbox-exporter", "blackbox_exporter")
    listen = f"--web.listen-address=127.0.0.1:{port}"
    async with _program(program, f"--config.file={config}", listen, "--log.level=error"):
        await _listening(port)
        yield f"http://127.0.0.1:{port}/probe"


@asynccontextmanager
async def _program(*command: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)  # a server that is starting has no event to wait for
            else:
                writer.close()
                return


async def asked(url: str, target: Target, client: httpx.AsyncClient) -> Mapping[str, str]:
    """What a probe of `target` said: series and value, as they are written."""
    for _ in range(TRIES):
        answer = await client.get(url, params=target.query)
        if "the agent itself was late" not in answer.text:
            break
    assert answer.status_code == 200, (target.name, answer.text)
    lines = (line for line in answer.text.splitlines() if line and not line.startswith("#"))
    return dict(line.rsplit(" ", 1) for line in lines)
