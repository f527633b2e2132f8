"""What does `kubectl apply -k` send? Those parts of kustomize that deploy/kubernetes uses, no more.

A field that is not known here is a mistake.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter
from pydantic.alias_generators import to_camel

Tree: TypeAlias = dict[str, JsonValue]
_TREES = TypeAdapter(list[Tree])
_REFERENCES = ("configMap", "configMapRef", "configMapKeyRef")
_SAFE = str.maketrans("013ae", "ghkmt")  # a hash that spells no words


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)


class Generator(Strict):
    name: str
    files: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()


class Replicas(Strict):
    name: str
    count: int


class Source(Strict):
    kind: str
    name: str
    field_path: str


class Selector(Strict):
    kind: str
    name: str


class Options(Strict):
    delimiter: str
    index: int


class Target(Strict):
    select: Selector
    field_paths: tuple[str, ...]
    options: Options


class Replacement(Strict):
    source: Source
    targets: tuple[Target, ...]


class Kustomization(Strict):
    api_version: Literal["kustomize.config.k8s.io/v1beta1"]
    kind: Literal["Kustomization"]
    namespace: str | None = None
    resources: tuple[str, ...]
    config_map_generator: tuple[Generator, ...] = ()
    replicas: tuple[Replicas, ...] = ()
    replacements: tuple[Replacement, ...] = ()


def render(folder: Path) -> list[Tree]:
    its = Kustomization.model_validate(yaml.safe_load((folder / "kustomization.yaml").read_text()))
    trees = [tree for name in its.resources for tree in _resources(folder / name)]
    for generator in its.config_map_generator:
        made, name = _generated(folder, generator)
        for tree in trees:
            _rename(tree, generator.name, name)
        trees.append(made)
    for tree in trees if its.namespace else ():
        _put(tree, "metadata.namespace", its.namespace)
    for one in its.replicas:
        _put(find(trees, "StatefulSet", one.name), "spec.replicas", one.count)
    for replacement in its.replacements:
        _replace(trees, replacement)
    return trees


def find(trees: list[Tree], kind: str, name: str) -> Tree:
    (found,) = [it for it in trees if (it["kind"], at(it, "metadata.name")) == (kind, name)]
    return found


def at(tree: JsonValue, path: str) -> JsonValue:
    """`[name=prober]` is the item of a list that has this field."""
    for segment in path.split("."):
        if isinstance(tree, list):
            key, _, wanted = segment.strip("[]").partition("=")
            (tree,) = [it for it in tree if isinstance(it, dict) and it[key] == wanted]
        else:
            assert isinstance(tree, dict), path
            tree = tree[segment]
    return tree


def _resources(path: Path) -> list[Tree]:
    return render(path) if path.is_dir() else documents(path.read_text())


def documents(text: str) -> list[Tree]:
    return _TREES.validate_python(list(yaml.safe_load_all(text)))


def _generated(folder: Path, generator: Generator) -> tuple[Tree, str]:
    """A map whose name changes with what it holds, and that name."""
    data: Tree = {name: (folder / name).read_text() for name in generator.files}
    data |= dict(literal.split("=", 1) for literal in generator.literals)
    name = f"{generator.name}-{_hash({'data': data, 'kind': 'ConfigMap', 'name': ''})}"
    made: Tree = {"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": {"name": name}}
    return made, name


def _hash(tree: Tree) -> str:
    """Of its JSON as Go writes it, which is careful with what HTML would take for its own."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for special in "<>&\u2028\u2029":
        text = text.replace(special, f"\\u{ord(special):04x}")
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(_SAFE)


def _rename(tree: JsonValue, old: str, new: str) -> None:
    """Wherever a map of this name is asked for."""
    for key, below in _pairs(tree):
        if key in _REFERENCES and isinstance(below, dict) and below.get("name") == old:
            below["name"] = new
        _rename(below, old, new)


def _pairs(tree: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(tree, dict):
        yield from tree.items()
    elif isinstance(tree, list):
        yield from (("", it) for it in tree)


def _put(tree: JsonValue, path: str, value: JsonValue) -> None:
    above, _, name = path.rpartition(".")
    place = at(tree, above)
    assert isinstance(place, dict), path
    place[name] = value


def _replace(trees: list[Tree], replacement: Replacement) -> None:
    source = replacement.source
    value = at(find(trees, source.kind, source.name), source.field_path)
    for target in replacement.targets:
        tree = find(trees, target.select.kind, target.select.name)
        for path in target.field_paths:
            parts = str(at(tree, path)).split(target.options.delimiter)
            parts[target.options.index] = str(value)
            _put(tree, path, target.options.delimiter.join(parts))
