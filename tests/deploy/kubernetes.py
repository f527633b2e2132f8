"""Which containers do Kubernetes' manifests ask for? A StatefulSet's, as its controller and kubelet make them.

What the pods of a set share on a node they do not share here: a network. So each but the first listens
on a port of its own; all else is theirs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from tests.deploy.kustomize import Tree, find
from tests.images import Image, image, program
from tests.pod import Container, Mount

ROOT = Path(__file__).parent.parent.parent
BASE = ROOT / "deploy" / "kubernetes" / "base"
OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
INDEX = "apps.kubernetes.io/pod-index"
_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^()]*)\))")
_LABEL = re.compile(r"metadata\.labels\['(?P<key>.+)'\]")
_TEXTS = TypeAdapter(dict[str, str])


class Part(BaseModel):
    """What of a manifest matters here; the schemas judge the rest."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, frozen=True)


class Named(Part):
    name: str
    optional: bool = False


class FieldRef(Part):
    field_path: str


class From(Part):
    field_ref: FieldRef


class Variable(Part):
    name: str
    value: str = ""
    value_from: From | None = None


class Source(Part):
    config_map_ref: Named | None = None
    secret_ref: Named | None = None


class Port(Part):
    name: str
    container_port: int


class Get(Part):
    path: str
    port: str


class Probe(Part):
    http_get: Get
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


class VolumeMount(Part):
    name: str
    mount_path: str
    read_only: bool = False


class Rights(Part):
    read_only_root_filesystem: bool = False


class Main(Part):
    """The pod's one container."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    env_from: tuple[Source, ...] = ()
    ports: tuple[Port, ...]
    startup_probe: Probe
    readiness_probe: Probe
    liveness_probe: Probe
    security_context: Rights
    volume_mounts: tuple[VolumeMount, ...]

    def port(self, name: str) -> int:
        (found,) = [one.container_port for one in self.ports if one.name == name]
        return found


class Volume(Part):
    name: str
    config_map: Named | None = None
    empty_dir: dict[str, str] | None = None


class Ids(Part):
    run_as_user: int
    run_as_group: int
    fs_group: int


class PodSpec(Part):
    termination_grace_period_seconds: int
    security_context: Ids
    containers: tuple[Main]
    volumes: tuple[Volume, ...]

    @property
    def main(self) -> Main:
        return self.containers[0]


class Labelled(Part):
    name: str = ""
    labels: dict[str, str] = {}


class Template(Part):
    metadata: Labelled
    spec: PodSpec


class Claim(Part):
    metadata: Labelled


class SetSpec(Part):
    replicas: int
    template: Template
    volume_claim_templates: tuple[Claim, ...]


class StatefulSet(Part):
    metadata: Labelled
    spec: SetSpec


@dataclass(frozen=True, slots=True)
class Region:
    """All that an overlay asks for."""

    trees: list[Tree]

    @property
    def agents(self) -> StatefulSet:
        return StatefulSet.model_validate(find(self.trees, "StatefulSet", "prober"))

    def data(self, name: str) -> dict[str, str]:
        return _TEXTS.validate_python(find(self.trees, "ConfigMap", name)["data"])

    def environment(self, ordinal: int) -> dict[str, str]:
        """Of the pod's container, but for what its image says."""
        agents = self.agents
        main = agents.spec.template.spec.main
        labels = {**agents.spec.template.metadata.labels, INDEX: str(ordinal)}
        env: dict[str, str] = {}
        for source in main.env_from:
            if source.config_map_ref:
                env |= self.data(source.config_map_ref.name)
            elif source.secret_ref:
                assert source.secret_ref.optional  # there is none
        for one in main.env:
            env[one.name] = (
                field(one.value_from.field_ref.field_path, labels)
                if one.value_from
                else expanded(one.value, env)
            )
        return env


def field(path: str, labels: Mapping[str, str]) -> str:
    """A label that the pod has not is empty."""
    found = _LABEL.fullmatch(path)
    assert found, path
    return labels.get(found["key"], "")


def expanded(text: str, env: Mapping[str, str]) -> str:
    """`$(NAME)` as Kubernetes fills it in: what is not known stays, and `$$` is a dollar."""

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        return "$" if name is None else env.get(name, found[0])

    return _REFERENCE.sub(value, text)


def container(folder: Path, region: Region, ordinal: int, port: int) -> Container:
    """The pod with this number; its volumes are folders in `folder`, its agent listens on `port`."""
    agents = region.agents
    spec, name = agents.spec.template.spec, f"{agents.metadata.name}-{ordinal}"
    its = image(spec.main.image)
    assert its is not None, spec.main.image
    env = {**region.environment(ordinal), "PROBER_LISTEN": f"0.0.0.0:{port}"}
    return Container(
        name=name,
        command=tuple(program(word) for word in _command(spec.main, its, env)),
        env={**its.env, **env},
        mounts=(*its.mounts, *_mounts(folder / f"{name}.volumes", region)),
        tmpfs=tuple(
            mount.mount_path for mount in spec.main.volume_mounts if mount.name in _empty(spec)
        ),
        folder=its.folder,
        user=spec.security_context.run_as_user,
        group=spec.security_context.run_as_group,
        read_only=spec.main.security_context.read_only_root_filesystem,
    )


def _command(main: Main, its: Image, env: Mapping[str, str]) -> tuple[str, ...]:
    """Who gives a command of his own does without the image's arguments."""
    command = main.command or its.entrypoint
    arguments = main.args or (() if main.command else its.command)
    return (*command, *(expanded(word, env) for word in arguments))


def _empty(spec: PodSpec) -> set[str]:
    return {one.name for one in spec.volumes if one.empty_dir is not None}


def _mounts(folder: Path, region: Region) -> list[Mount]:
    set_spec = region.agents.spec
    spec = set_spec.template.spec
    places = {one.name: one for one in spec.main.volume_mounts}
    found = []
    for volume in spec.volumes:
        if volume.config_map:
            projected(folder / volume.name, region.data(volume.config_map.name))
            target = places[volume.name].mount_path
            found.append(Mount(source=folder / volume.name, target=target))
    for claim in set_spec.volume_claim_templates:
        source, place = folder / claim.metadata.name, places[claim.metadata.name]
        source.mkdir(parents=True)
        os.chown(source, 0, spec.security_context.fs_group)
        source.chmod(0o2775)
        found.append(Mount(source=source, target=place.mount_path, writable=not place.read_only))
    return found


def projected(folder: Path, data: Mapping[str, str]) -> None:
    """As kubelet keeps a ConfigMap: links by way of one that it turns round, so that all change at once."""
    folder.mkdir(parents=True, exist_ok=True)
    inner = folder / f"..{len(list(folder.iterdir()))}"
    inner.mkdir()
    for name, text in data.items():
        (inner / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    fresh = folder / "..data_tmp"
    fresh.symlink_to(inner.name)
    fresh.replace(folder / "..data")
