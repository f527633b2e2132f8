"""What does a container's program find around it? This machine's programs, and else what its file says.

Run by tests/pod.py as root in namespaces of its own, with what it is told on stdin; becomes the
container's program. Knows only the standard library, and starts fast.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt")
CONFINED = Path(__file__).with_name("confined.py")
BEHIND = ".machine"  # where this machine's /etc is to be seen


class Mounted(TypedDict):
    source: str
    target: str
    writable: bool


class World(TypedDict):
    """`shown` are folders of this machine that stay where they are, read-only."""

    root: str
    hosts: list[str]
    shown: list[str]
    tmpfs: list[str]
    mounts: list[Mounted]
    read_only: bool
    user: int
    group: int
    folder: str
    command: list[str]
    env: dict[str, str]


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def bind(source: Path, target: Path, *, writable: bool = False) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount("--rbind" if writable else "--bind", *([] if writable else ["-o", "ro"]), source, target)


def show(path: Path, root: Path) -> None:
    """As it is here; a link stays one."""
    there = inside(root, str(path))
    if path.is_symlink():
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(os.readlink(path))
    elif path.exists() and not there.exists():
        bind(path, there)


def settings(world: World, root: Path) -> None:
    """/etc: this machine's, but for names of hosts and what the container mounts there."""
    bind(Path("/etc"), root / BEHIND / "etc")
    own = {Path(one["target"]).parts[2] for one in world["mounts"] if one["target"][:5] == "/etc/"}
    (root / "etc").mkdir()
    for name in {*os.listdir("/etc")} - own - {"hosts"}:
        (root / "etc" / name).symlink_to(f"/{BEHIND}/etc/{name}")
    (root / "etc" / "hosts").write_text(f"127.0.0.1 localhost {' '.join(world['hosts'])}\n")


def build(world: World, root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", "mode=755", "container", root)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    for path in world["tmpfs"]:
        inside(root, path).mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=1777", "container", inside(root, path))
    for name in (*PROGRAMS, *world["shown"]):
        show(Path(name), root)
    (root / "proc").mkdir()
    mount("-t", "proc", "proc", root / "proc")
    bind(Path("/dev"), root / "dev", writable=True)
    (root / "sys").mkdir()
    mount("-t", "sysfs", "-o", "ro", "sysfs", root / "sys")
    settings(world, root)
    for one in sorted(world["mounts"], key=lambda one: one["target"]):
        bind(Path(one["source"]), inside(root, one["target"]), writable=one["writable"])
    if world["read_only"]:
        mount("-o", "remount,ro", root)


def enter(root: Path) -> None:
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "."], check=True)
    subprocess.run(["umount", "-l", "."], check=True)
    os.chdir("/")


def main() -> None:
    world: World = json.load(sys.stdin)
    root = Path(world["root"])
    build(world, root)
    enter(root)
    os.chdir(world["folder"])
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    drop = ["setpriv", f"--reuid={world['user']}", f"--regid={world['group']}", "--clear-groups"]
    # A change of user forgets who dies with whom, so it is said again.
    drop += [
        "--no-new-privs",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--pdeathsig=SIGKILL",
        "--",
    ]
    drop = [sys.executable, "-I", str(CONFINED), *drop]
    os.execvpe(drop[0], [*drop, *world["command"]], world["env"])  # noqa: S606 - a shell would be in the way


if __name__ == "__main__":
    main()
