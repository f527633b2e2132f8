"""How scripts/install gets a browser on machines that have apt, sudo, or neither."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from prober.probes import chromium

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "install"
TOOLS = ("dirname", "cksum", "cat", "find", "rm", "env", "head", "mkdir", "touch", "chmod")
WHOLE = ("python --version", "pip --version")  # the venv's, asked whether they start
SHELL = "/usr/lib/chromium/chromium-headless-shell"


@dataclass(frozen=True)
class Machine:
    """A copy of the script where nothing is real but the shell that runs it.

    What would be installed system-wide lies in `folder/system`; each program
    called writes itself and its arguments into `folder/calls`.
    """

    folder: Path

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>"{self.folder}/calls"\n{text}\n')
        path.chmod(0o755)

    def shell(self) -> Path:
        return self.folder / "system" / SHELL[1:]

    def apt(self, *packages: str) -> None:
        """An apt-get that knows these packages only."""
        put = f'mkdir -p "{self.shell().parent}"; touch "{self.shell()}"; chmod +x "{self.shell()}"'
        known = "".join(
            f"*{name}*) {put if name.startswith('chromium') else ':'} ;;\n" for name in packages
        )
        self.program("bin/apt-get", f'case "$*" in *update*) ;;\n{known}*) exit 100 ;; esac')

    def run(self, code: int = 0, /, **env: str) -> tuple[str, list[str]]:
        """What it said, and which programs it called; how it ended is as the test expects."""
        calls = self.folder / "calls"
        calls.write_text("")
        done = subprocess.run(
            ["/bin/sh", self.folder / "scripts" / "install"],
            env={"PATH": f"{self.folder}/bin", "HOME": str(self.folder), **env},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        return done.stderr, [
            call
            for call in calls.read_text().splitlines()
            if not call.startswith(("id ", "prober ")) and call not in WHOLE
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Root's, with Python and its packages in place, and no browser."""
    machine = Machine(tmp_path)
    for folder in ("scripts", "journeys"):
        (tmp_path / folder).mkdir()
    text = SCRIPT.read_text().replace("\n/usr/lib", f"\n{tmp_path}/system/usr/lib")
    (tmp_path / "scripts" / "install").write_text(text)
    (tmp_path / "pyproject.toml").write_text("")
    machine.program("bin/id", "echo 0")
    machine.program("bin/python3", "")
    machine.program(".venv/bin/python", 'case "$*" in *chromium*) exit 1 ;; esac')
    machine.program(".venv/bin/pip", "")
    machine.program(".venv/bin/prober", "echo prober 1.0")
    machine.program(".venv/bin/playwright", 'case "$*" in *install*) exit 1 ;; esac')
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    return machine


def browsers(calls: list[str]) -> list[str]:
    return [call for call in calls if call.startswith(("apt-get", "playwright install"))]


def test_a_shell_that_is_there_is_taken_and_nothing_installed(machine: Machine) -> None:
    machine.shell().parent.mkdir(parents=True)
    machine.program(f"system{SHELL}", "")
    said, calls = machine.run()

    assert browsers(calls) == []
    assert "installed: .venv/bin/prober (prober 1.0)" in said


def test_debians_is_installed_once_and_a_second_run_does_nothing(machine: Machine) -> None:
    machine.apt("chromium-headless-shell")
    said, calls = machine.run()
    again, none = machine.run()

    assert browsers(calls) == [
        "apt-get update -qq",
        "apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends"
        " chromium-headless-shell fonts-liberation",
    ]
    assert "installing Debian's chromium-headless-shell" in said
    assert f"journeys have a browser: {machine.shell()}" in said
    assert again.endswith("already installed in .venv\n")
    assert none == []


def test_where_debian_has_none_playwrights_own_is_installed_with_its_libraries(
    machine: Machine,
) -> None:
    machine.apt("libatomic1")
    machine.program(
        ".venv/bin/playwright", f'case "$*" in *install*) touch "{machine.folder}/own" ;; esac'
    )
    machine.program(
        ".venv/bin/python", f'case "$*" in *chromium*) [ -f "{machine.folder}/own" ] ;; esac'
    )
    said, calls = machine.run()
    _, again = machine.run()

    assert browsers(calls)[-1] == "playwright install --with-deps --only-shell chromium"
    assert "journeys have a browser: Playwright's own" in said
    assert browsers(again) == []


@pytest.mark.parametrize("apt", [True, False], ids=["nobody's sudo", "no apt"])
def test_where_apt_may_not_be_used_playwrights_own_is_installed(
    apt: bool, machine: Machine
) -> None:
    machine.program("bin/id", "echo 1000")
    machine.program("bin/sudo", "exit 1")
    if apt:
        machine.apt("chromium-headless-shell")
    _, calls = machine.run()

    assert browsers(calls) == ["playwright install --only-shell chromium"]


def test_a_sudo_that_asks_nothing_will_do(machine: Machine) -> None:
    machine.program("bin/id", "echo 1000")
    machine.program("bin/sudo", 'shift; "$@"')
    machine.apt("chromium-headless-shell")
    said, calls = machine.run()

    assert "sudo -n apt-get update -qq" in calls
    assert f"journeys have a browser: {machine.shell()}" in said


def test_without_any_browser_it_says_so_and_asks_again_an_hour_later(machine: Machine) -> None:
    said, calls = machine.run()
    again, none = machine.run()
    hour = (machine.folder / ".venv" / "no-browser").stat().st_mtime - 3700
    os.utime(machine.folder / ".venv" / "no-browser", (hour, hour))
    _, later = machine.run()

    assert browsers(calls) == browsers(later) == ["playwright install --only-shell chromium"]
    assert "journeys are unknown until there is one, all other checks work" in said
    assert "still no headless browser for journeys" in again
    assert browsers(none) == []


def test_another_browser_is_named_as_what_journeys_use(machine: Machine) -> None:
    machine.program(".venv/bin/python", 'case "$*" in *chromium*) echo /opt/chrome ;; esac')
    said, calls = machine.run()

    assert browsers(calls) == ["playwright install --only-shell chromium"]
    assert "journeys use /opt/chrome; only with a headless shell are their vitals verified" in said


def test_a_driver_that_does_not_start_gets_the_library_it_lacks(machine: Machine) -> None:
    machine.apt("libatomic1", "chromium-headless-shell")
    machine.program(
        ".venv/bin/playwright",
        f'grep -q libatomic1 "{machine.folder}/calls" || {{ echo no libatomic >&2; exit 127; }}',
    )
    (machine.folder / "bin" / "grep").symlink_to(shutil.which("grep") or "")
    said, calls = machine.run()

    assert "installing Debian's libatomic1" in said
    assert [call for call in calls if call == "apt-get update -qq"] == ["apt-get update -qq"]
    assert "no journey does" not in said


def test_a_driver_that_still_does_not_start_is_said_with_its_own_words(machine: Machine) -> None:
    machine.program(".venv/bin/playwright", "echo libatomic.so.1: cannot open >&2; exit 127")
    said, _ = machine.run()

    assert "without it no journey does: libatomic.so.1: cannot open" in said


def test_what_journeys_import_is_installed_whenever_its_list_changes(machine: Machine) -> None:
    machine.apt("chromium-headless-shell")
    asked = []
    for text in (None, "pyotp\n", "pyotp\n", "pyotp\nlxml\n"):
        if text is not None:
            (machine.folder / "journeys" / "requirements.txt").write_text(text)
        _, calls = machine.run()
        asked.append(sum("-r journeys/requirements.txt" in call for call in calls))

    assert asked == [0, 1, 0, 1]


def test_the_script_and_the_agent_look_in_the_same_places() -> None:
    (listed,) = re.findall(r'^SHELLS="\n(.*?)"$', SCRIPT.read_text(), re.DOTALL | re.MULTILINE)

    assert tuple(listed.split()) == chromium.SHELLS


def makes_venvs(machine: Machine, *, when: str = "true") -> None:
    """A python3 that does, if the command `when` succeeds; otherwise it says why not."""
    venv = machine.folder / ".venv"
    shutil.copytree(venv, machine.folder / "whole")
    made = f'mkdir -p .venv && cp -R "{machine.folder}/whole/." .venv/ && echo made'
    machine.program(
        "bin/python3",
        f'case "$*" in *venv*) {when} || {{ echo no ensurepip here; exit 1; }}; {made} ;;'
        " *print*) echo 3.12 ;; esac",
    )
    for tool in ("cp", "grep"):
        (machine.folder / "bin" / tool).symlink_to(shutil.which(tool) or "")


def dangle(machine: Machine) -> None:
    """The venv's python is gone, as after an upgrade of the system's."""
    python = machine.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.11")
    for name in ("pip", "prober"):
        (python.parent / name).write_text("#!/nonexistent/python3.11\n")


def move(machine: Machine) -> None:
    """The venv's python starts, but its scripts name the folder in which they were made."""
    for name in ("pip", "prober"):
        path = machine.folder / ".venv" / "bin" / name
        path.write_text("#!/nonexistent/.venv/bin/python\n")


@pytest.mark.parametrize("mishap", [dangle, move])
def test_a_venv_that_does_not_start_any_more_is_made_anew(
    mishap: Callable[[Machine], None], machine: Machine
) -> None:
    machine.apt("chromium-headless-shell")
    makes_venvs(machine)
    machine.run()
    (machine.folder / ".venv" / "left").touch()
    mishap(machine)
    said, calls = machine.run()
    again, _ = machine.run()

    assert "removing .venv, which does not start any more" in said
    assert "python3 -m venv .venv" in calls
    assert "installed: .venv/bin/prober (prober 1.0)" in said
    assert not (machine.folder / ".venv" / "left").exists()
    assert again == "==> already installed in .venv\n"


def test_a_venv_that_is_whole_stays_when_what_is_to_be_in_it_changes(machine: Machine) -> None:
    machine.apt("chromium-headless-shell")
    (machine.folder / ".venv" / "left").touch()
    _, calls = machine.run()

    assert (machine.folder / ".venv" / "left").exists()
    assert "python3 -m venv .venv" not in calls


def test_without_a_venv_module_debians_is_installed(machine: Machine) -> None:
    machine.apt("python3.12-venv", "chromium-headless-shell")
    makes_venvs(machine, when=f'grep -q 3.12-venv "{machine.folder}/calls"')
    shutil.rmtree(machine.folder / ".venv")
    said, _ = machine.run()

    assert "installing Debian's python3.12-venv" in said
    assert "ensurepip" not in said
    assert "installed: .venv/bin/prober (prober 1.0)" in said


@pytest.mark.parametrize("apt", [True, False], ids=["apt has none", "no apt"])
def test_where_no_venv_can_be_made_pythons_own_words_are_shown(apt: bool, machine: Machine) -> None:
    makes_venvs(machine, when="false")
    shutil.rmtree(machine.folder / ".venv")
    if apt:
        machine.apt("chromium-headless-shell")
    said, _ = machine.run(1)

    assert said.endswith(
        "this Python makes no venv (Debian and Ubuntu: apt install python3.12-venv); it says:\n"
        "no ensurepip here\n"
    )
    assert not (machine.folder / ".venv").exists()


def test_an_old_python_is_told_what_would_be_right(machine: Machine) -> None:
    machine.program("bin/python3", "exit 1")
    said, _ = machine.run(1)

    assert "Python 3.11 or newer, e.g. apt install python3.11 python3.11-venv" in said


def test_a_browser_that_is_named_is_taken_wherever_it_lies(machine: Machine) -> None:
    machine.program("my browsers/chrome", "")
    said, calls = machine.run(PROBER_CHROMIUM=str(machine.folder / "my browsers" / "chrome"))

    assert browsers(calls) == []
    assert "PROBER_CHROMIUM" not in said


def test_a_browser_that_is_named_and_not_there_is_said(machine: Machine) -> None:
    machine.apt("chromium-headless-shell")
    said, calls = machine.run(PROBER_CHROMIUM="/opt/no chrome")
    again, _ = machine.run(PROBER_CHROMIUM="/opt/no chrome")

    assert browsers(calls) == []
    for text in (said, again):
        assert "PROBER_CHROMIUM is '/opt/no chrome', which is no program" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_colours_are_for_terminals(terminal: bool, machine: Machine) -> None:
    reader, writer = os.openpty() if terminal else os.pipe()
    subprocess.run(
        ["/bin/sh", machine.folder / "scripts" / "install"],
        env={"PATH": f"{machine.folder}/bin", "HOME": str(machine.folder)},
        stderr=writer,
        timeout=20,
        check=True,
    )
    said = os.read(reader, 1 << 16)
    os.close(reader)
    os.close(writer)

    assert (b"\033" in said) == terminal
    assert b"==>" in said
