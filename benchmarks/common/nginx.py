"""The target of most benchmarks: an nginx that answers at once, in plain and with either certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from benchmarks.common.bench import Bench, free_ports
from benchmarks.common.process import Process, program, running
from benchmarks.common.web import wait_for

PORTS = 32  # of each kind, so that 20,000 connections a second find a pair of ports
SCHEMES = ("http", "ecdsa", "rsa")
BODY = "ok, this is a small page of forty-eight bytes..\\n"

_CONFIG = """
daemon off; worker_processes 1; worker_rlimit_nofile 65536; pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  ssl_session_cache off; ssl_session_tickets off; ssl_protocols TLSv1.2 TLSv1.3;
  {servers}
}}
"""
_LOCATION = f'location / {{ default_type text/plain; return 200 "{BODY}"; }}'


@dataclass(frozen=True, slots=True)
class Nginx:
    process: Process
    ports: dict[str, list[int]]  # by scheme
    ca_file: Path

    def urls(self, scheme: str, count: int) -> list[str]:
        """So many of them, over all ports in turn."""
        word = "http" if scheme == "http" else "https"
        ports = self.ports[scheme]
        return [f"{word}://127.0.0.1:{ports[n % len(ports)]}/" for n in range(count)]


@contextmanager
def nginx(bench: Bench) -> Iterator[Nginx]:
    folder = bench.room("nginx")
    ports = free_ports(PORTS * len(SCHEMES))
    by_scheme = {scheme: ports[n :: len(SCHEMES)] for n, scheme in enumerate(SCHEMES)}
    ca_file = _certificates(folder)
    servers = "\n".join(_server(folder, scheme, by_scheme[scheme]) for scheme in SCHEMES)
    (folder / "nginx.conf").write_text(_CONFIG.format(folder=folder, servers=servers))
    argv: list[str | Path] = [
        program("nginx"),
        "-e",
        "stderr",
        "-p",
        folder,
        "-c",
        folder / "nginx.conf",
    ]
    with running(argv, folder=folder, cores=bench.cores.others) as process:
        wait_for(by_scheme["rsa"][-1], process)
        yield Nginx(process, by_scheme, ca_file)


def _server(folder: Path, scheme: str, ports: list[int]) -> str:
    tls = "" if scheme == "http" else " ssl"
    lines = [f"listen 127.0.0.1:{port}{tls} backlog=8192;" for port in ports]
    if tls:
        lines.append(f"ssl_certificate {folder}/{scheme}.pem;")
        lines.append(f"ssl_certificate_key {folder}/{scheme}.key;")
    return f"server {{ {' '.join(lines)} {_LOCATION} }}"


def _certificates(folder: Path) -> Path:
    """Of 127.0.0.1, each by an authority of its own kind; the file that names both."""
    ca_file = folder / "ca.pem"
    for scheme, kind in (("ecdsa", trustme.KeyType.ECDSA), ("rsa", trustme.KeyType.RSA)):
        authority = trustme.CA(key_type=kind)
        leaf = authority.issue_cert("127.0.0.1", key_type=kind)
        leaf.private_key_pem.write_to_path(str(folder / f"{scheme}.key"))
        for pem in leaf.cert_chain_pems:
            pem.write_to_path(str(folder / f"{scheme}.pem"), append=True)
        authority.cert_pem.write_to_path(str(ca_file), append=True)
    return ca_file
