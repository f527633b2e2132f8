"""What does an image run where a deploy file says no more? Ours is read from the Dockerfile.

Of the others it is what their images have, with this machine's own program in the place of theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from tests import tools
from tests.pod import Mount
from tests.tools import tool

ROOT = Path(__file__).parent.parent
OURS = "prober"
_WORDS = TypeAdapter(tuple[str, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    folder: str = "/"
    user: int = 65534
    group: int = 65534
    health: tuple[str, ...] = ()


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions and what follows each, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    parts = [line.partition(" ") for line in lines if line]
    return [(instruction, rest.strip()) for instruction, _, rest in parts]


def last_stage() -> list[tuple[str, str]]:
    every = dockerfile()
    begins = max(number for number, one in enumerate(every) if one[0] == "FROM")
    return every[begins:]


def prober() -> Image:
    said = last_stage()
    last = dict(said)
    user, _, group = last["USER"].partition(":")
    words = [rest.split() for instruction, rest in said if instruction == "ENV"]
    return Image(
        entrypoint=_WORDS.validate_json(last["ENTRYPOINT"]),
        command=_WORDS.validate_json(last["CMD"]),
        env=dict(word.split("=", 1) for line in words for word in line),
        mounts=tuple(_copied(rest) for instruction, rest in said if instruction == "COPY"),
        user=int(user),
        group=int(group),
        health=_WORDS.validate_json(last["HEALTHCHECK"].partition(" CMD ")[2]),
    )


def _copied(rest: str) -> Mount:
    """What was installed into the image's venv is in this one."""
    *_, source, target = rest.split()
    return Mount(source=ROOT / (".venv" if source == "/venv" else source), target=target)


def image(name: str) -> Image | None:
    """By its name and tag; None: it cannot be run here."""
    repository = name.rpartition(":")[0]
    if repository.rpartition("/")[2] == OURS:
        return prober()
    if repository == "prom/prometheus":
        arguments = (
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
        )
        return Image(entrypoint=(tool("prometheus"),), command=arguments, folder="/prometheus")
    if repository == "prom/alertmanager":
        arguments = (
            "--config.file=/etc/alertmanager/alertmanager.yml",
            "--storage.path=/alertmanager",
        )
        program = tools.alertmanager()
        return Image(entrypoint=(program,), command=arguments, folder="/alertmanager")
    return None


def program(word: str) -> str:
    """tini is where this machine has it."""
    return tool("tini") if word == "tini" else word
