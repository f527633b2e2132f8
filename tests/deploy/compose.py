"""Which containers does a compose file ask for?"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue

from tests.images import Image, image, program
from tests.pod import Container, Mount

FILE = Path(__file__).parent.parent.parent / "deploy" / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


class Health(BaseModel):
    test: list[str]


class Service(BaseModel):
    """What of a service matters to its program; the schema judges the rest."""

    model_config = ConfigDict(extra="ignore")

    image: str
    entrypoint: list[str] | None = None
    command: list[str] | None = None
    environment: dict[str, str] = {}
    volumes: list[str] = []
    tmpfs: list[str] = []
    read_only: bool = False
    healthcheck: Health | None = None


class Compose(BaseModel):
    model_config = ConfigDict(extra="ignore")

    services: dict[str, Service]
    volumes: dict[str, None]


def read(env: Mapping[str, str]) -> JsonValue:
    """The file with its variables filled in, as `docker compose config` shows it."""
    document: JsonValue = yaml.safe_load(FILE.read_text())
    return _filled(document, env)


def _filled(value: JsonValue, env: Mapping[str, str]) -> JsonValue:
    if isinstance(value, dict):
        return {key: _filled(one, env) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, env) for one in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda it: env.get(it["name"]) or it["default"], value)
    return value


def containers(folder: Path, env: Mapping[str, str]) -> tuple[Container, ...]:
    """Those whose program is on this machine; the volumes are folders in `folder`."""
    services = Compose.model_validate(read(env)).services
    found = ((name, one, image(one.image)) for name, one in services.items())
    return tuple(_container(folder, name, one, its) for name, one, its in found if its is not None)


def _container(folder: Path, name: str, service: Service, its: Image) -> Container:
    entrypoint = service.entrypoint or its.entrypoint
    # An entrypoint of the file's own makes the image's command void.
    command = service.command or (() if service.entrypoint else its.command)
    health = service.healthcheck.test[1:] if service.healthcheck else its.health
    return Container(
        name=name,
        command=tuple(map(program, (*entrypoint, *command))),
        env={**its.env, **service.environment},
        mounts=(*its.mounts, *_mounts(folder, service.volumes, (its.user, its.group))),
        tmpfs=tuple(one.partition(":")[0] for one in service.tmpfs),
        folder=its.folder,
        user=its.user,
        group=its.group,
        read_only=service.read_only,
        health=tuple(health),
    )


def _mounts(folder: Path, volumes: Sequence[str], owner: tuple[int, int]) -> list[Mount]:
    found = []
    for volume in volumes:
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            place = (FILE.parent / source).resolve(strict=True)
        else:  # a named one, which begins as the image's own folder: its user's
            place = folder / source
            place.mkdir(exist_ok=True)
            os.chown(place, *owner)
        found.append(Mount(source=place, target=target, writable=mode != ["ro"]))
    return found
