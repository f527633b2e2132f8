"""A reload touches what differs and nothing else."""

from __future__ import annotations

from pathlib import Path

from prober.config import Config, load
from prober.config.difference import Difference, cannot_change, difference

HEAD = "agent: {region: eu, data_dir: ./data}\n"


def config(folder: Path, text: str) -> Config:
    file = folder / "config.yaml"
    file.write_text(text)
    return load(file, {}).config


def checks(**each: str) -> str:
    return HEAD + "checks:\n" + "".join(f"  - {{name: {n}, {rest}}}\n" for n, rest in each.items())


async def test_the_same_config_differs_in_nothing(tmp_path: Path) -> None:
    text = checks(a="tcp: '127.0.0.1:1'", b="http: 'http://127.0.0.1/'")
    same = await difference(config(tmp_path, text), config(tmp_path, text))

    assert same == Difference()
    assert str(same) == "nothing changed"


async def test_added_removed_changed_and_moved_are_told_apart(tmp_path: Path) -> None:
    old = config(
        tmp_path, checks(a="tcp: '127.0.0.1:1'", b="tcp: '127.0.0.1:2'", c="tcp: '127.0.0.1:3'")
    )
    new = config(
        tmp_path,
        checks(
            b="tcp: '127.0.0.1:9'", c="interval: 30s, tcp: '127.0.0.1:3'", d="tcp: '127.0.0.1:4'"
        ),
    )

    found = await difference(old, new)

    assert found == Difference(added=("d",), removed=("a",), changed=("b", "c"), moved=("c",))
    assert str(found) == "added d; removed a; changed b, c"


async def test_a_rule_that_changes_for_all_changes_the_checks_but_moves_none(
    tmp_path: Path,
) -> None:
    text = checks(a="tcp: '127.0.0.1:1'")
    old = config(tmp_path, text)
    new = config(tmp_path, text + "alerts: {down: {when: {failures: 5}}}\n")

    found = await difference(old, new)

    assert (found.changed, found.moved) == (("a",), ())


async def test_a_changed_script_is_named_and_touches_no_check(tmp_path: Path) -> None:
    script = tmp_path / "order.py"
    script.write_text("from prober.journey import journey\n\n@journey\ndef order(page): ...\n")
    old = config(tmp_path, checks(a="journey: order.py"))
    script.write_text(script.read_text() + "# better\n")

    found = await difference(old, config(tmp_path, checks(a="journey: order.py") + "# more\n"))

    assert found == Difference(files=(str(script),))
    assert str(found) == f"changed {script}"


async def test_other_parts_are_named(tmp_path: Path) -> None:
    text = checks(a="tcp: '127.0.0.1:1'")
    hook = "notifiers: {hook: {webhook: {url: 'http://127.0.0.1/'}}}\n"

    found = await difference(config(tmp_path, text), config(tmp_path, text + hook))

    assert found.others == ("notifiers",)


def test_what_an_agent_is_built_on_cannot_change(tmp_path: Path) -> None:
    old = config(tmp_path, HEAD)
    new = config(tmp_path, "agent: {region: us, data_dir: ./other}\nweb: {listen: ':1'}\n")

    fields = [text.partition(":")[0] for text in cannot_change(old, new)]

    assert fields == ["agent.region", "agent.data_dir", "web.listen"]
    assert cannot_change(old, old) == ()
