"""Is a container of tests/pod.py as narrow as a real one? What runs in too wide a one proves nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aiohttp import web

from tests.agent_process import until
from tests.pod import Container, Mount, Pod, pod

LOOK = r"""
id -u; id -G; cat /proc/1/comm; ls /sys/class/net | wc -l; ls /proc | grep -c '^[0-9]'
grep CapEff /proc/self/status; grep CapBnd /proc/self/status; grep NoNewPrivs /proc/self/status
for place in /x /etc/x /etc/app/x /usr/x /venv; do touch "$place" 2>/dev/null && echo "wrote $place"; done
touch /tmp/x /data/x && echo "kept"; cat /etc/app/settings; grep -c other /etc/hosts; echo "of $WHO"
"""
SERVE = (sys.executable, "-m", "http.server", "--bind", "0.0.0.0", "8000")


async def test_a_container_has_what_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    settings, data = tmp_path / "settings", tmp_path / "data"
    settings.write_text("its settings\n")
    data.mkdir()
    os.chown(data, 10001, 10001)
    one = Container(
        name="one",
        command=("sh", "-c", LOOK),
        env={"WHO": "me"},
        mounts=(
            Mount(source=settings, target="/etc/app/settings"),
            Mount(source=data, target="/data", writable=True),
        ),
        tmpfs=("/tmp",),
        user=10001,
        group=10001,
    )
    async with pod(tmp_path, [one, Container(name="other", command=("touch", "/tmp/x"))]) as it:
        await until(lambda: it.ended() == ["one", "other"], "both have ended")

    assert it.log("one").split("\n") == [
        "10001", "10001", "sh", "1", "3",  # itself, ls and grep
        "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1",
        "kept", "its settings", "1", "of me", "",
    ]  # fmt: skip
    assert "Read-only file system" in it.log("other")  # it was given no tmpfs
    assert (data / "x").stat().st_uid == 10001


async def test_they_reach_each_other_by_name_and_nobody_outside(tmp_path: Path) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    outside = runner.addresses[0][1]
    fetch = "import sys, urllib.request as it; it.urlopen(sys.argv[1], timeout=5)"
    try:
        async with pod(tmp_path, [Container(name="shop", command=SERVE)]) as it:
            await until(lambda: answers(it), "shop answers")
            codes = [
                await it.run("shop", sys.executable, "-c", fetch, f"http://{address}/")
                for address in ("shop:8000", f"127.0.0.1:{outside}")
            ]
            beyond = await it.ask(f"http://shop:{outside}/")
    finally:
        await runner.cleanup()

    assert codes == [0, 1]
    assert beyond is None


async def answers(it: Pod) -> bool:
    return await it.ask("http://shop:8000/") is not None


async def test_nothing_of_a_pod_outlives_it(tmp_path: Path) -> None:
    mark = f"sleep {os.getpid()}{os.stat(tmp_path).st_ino}"
    command = ("sh", "-c", f"setsid {mark} & exec {mark}")
    async with pod(tmp_path, [Container(name="one", command=command)]) as it:
        await until(lambda: len(running(mark)) == 2, "both sleep")
        assert it.ended() == []

    await until(lambda: running(mark) == [], "nobody sleeps any more")
    assert os.listdir(tmp_path / "one.root") == []


def running(mark: str) -> list[str]:
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if one.read_bytes().replace(b"\0", b" ").strip() == mark.encode():
                found.append(one.parent.name)
        except OSError:
            continue  # it ended meanwhile
    return found
