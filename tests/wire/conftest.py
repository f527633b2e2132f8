"""A network with files of its own, an authority, and the attempt that everything is put into."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from prober.clock import SystemClock
from prober.result import Attempt
from prober.wire.kernel import ANCILLARY, Kernel, stamp
from prober.wire.network import Network
from tests.servers.tls import Authority


@pytest.fixture
def attempt() -> Attempt:
    return Attempt(run_id="r", traceparent="t")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """resolv.conf and hosts, both empty."""
    conf, hosts = tmp_path / "resolv.conf", tmp_path / "hosts"
    conf.write_text("")
    hosts.write_text("")
    return conf, hosts


@pytest.fixture(scope="session", autouse=True)
def stamps() -> Iterator[None]:
    """As in an agent that has run for a moment: the kernel has begun to stamp, which takes a while.

    Until then a stamp is when the data was read.
    """
    kernel, clock = Kernel.tried(), SystemClock()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        kernel.stamp_arrivals(asking)
        asking.bind(("127.0.0.1", 0))
        for _ in range(1000 if kernel.stamps else 0):
            sent = clock.now()
            asking.sendto(b"?", asking.getsockname())
            time.sleep(0.02)
            _, ancillary, _, _ = asking.recvmsg(1, ANCILLARY)
            if stamp(ancillary) < sent + 0.01:
                break
        yield


@pytest_asyncio.fixture
async def net(files: tuple[Path, Path]) -> AsyncIterator[Network]:
    conf, hosts = files
    network = Network(SystemClock(), resolv_conf=conf, hosts=hosts)
    yield network
    network.close()


@pytest.fixture
def resolv_conf(files: tuple[Path, Path]) -> Callable[[str], None]:
    def write(text: str) -> None:
        files[0].write_text(f"search\n{text}")

    return write


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
