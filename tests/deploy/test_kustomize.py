"""Is what our small kustomize makes what the real one makes?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.deploy.kubernetes import BASE, OVERLAYS
from tests.deploy.kustomize import Tree, at, documents, find, render
from tests.tools import found

FOLDERS = [BASE, *sorted(OVERLAYS.iterdir())]
ONE = """
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  volumes: [{name: a, configMap: {name: settings}}, {name: b, configMap: {name: others}}]
  containers:
    - {name: x, env: [{name: OF, value: a:b:c}, {name: BY, valueFrom: {configMapKeyRef: {name: settings, key: a.txt}}}]}
"""
ABOVE = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: here
resources: [one.yaml]
configMapGenerator:
  - {name: settings, files: [a.txt], literals: ["B=1=2"]}
replacements:
  - source: {kind: Pod, name: one, fieldPath: metadata.name}
    targets:
      - select: {kind: Pod, name: one}
        fieldPaths: ["spec.containers.[name=x].env.[name=OF].value"]
        options: {delimiter: ":", index: 1}
"""


def by_name(trees: list[Tree]) -> dict[str, Tree]:
    return {f"{it['kind']}/{at(it, 'metadata.name')}": it for it in trees}


def real(folder: Path) -> list[Tree]:
    kubectl = found("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl to compare with")
    command = [kubectl, "kustomize", str(folder)]
    return documents(
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.yaml").write_text(ONE)
    (tmp_path / "kustomization.yaml").write_text(ABOVE)
    (tmp_path / "a.txt").write_text('text <b> & "c" é\u2028\n')
    return tmp_path


def test_what_is_known_of_kustomize_is_done(folder: Path) -> None:
    trees = render(folder)
    pod, (name,) = find(trees, "Pod", "one"), [n for n in by_name(trees) if "settings" in n]
    settings = by_name(trees)[name]

    assert name == "ConfigMap/settings-92h2hcbdmf"
    assert settings["data"] == {"a.txt": (folder / "a.txt").read_text(), "B": "1=2"}
    assert [at(it, "metadata.namespace") for it in trees] == ["here", "here"]
    assert at(pod, "spec.volumes.[name=a].configMap.name") == name.partition("/")[2]
    assert at(pod, "spec.volumes.[name=b].configMap.name") == "others"
    assert at(pod, "spec.containers.[name=x].env.[name=OF].value") == "a:one:c"


def test_it_is_what_kubectl_makes(folder: Path) -> None:
    made = {str(it): (by_name(render(it)), by_name(real(it))) for it in (folder, *FOLDERS)}

    assert {it: ours for it, (ours, _) in made.items()} == {
        it: theirs for it, (_, theirs) in made.items()
    }


def test_what_is_not_known_of_kustomize_is_a_mistake(folder: Path) -> None:
    file = folder / "kustomization.yaml"
    file.write_text(file.read_text() + "namePrefix: a-\n")

    with pytest.raises(ValidationError, match="namePrefix"):
        render(folder)
