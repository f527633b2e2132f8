"""What has changed is told once, whatever came of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from prober.config import load
from prober.config.globs import Pattern
from prober.config.watch import TargetFiles, Watch, look
from tests.config.loading import loaded


def files(folder: Path, *patterns: str) -> TargetFiles:
    return TargetFiles.of(Pattern(str(folder), text) for text in patterns)


async def test_without_patterns_nothing_is_looked_at() -> None:
    assert not await Watch(TargetFiles()).changed()


async def test_what_is_as_it_was_read_has_not_changed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    watch = Watch(files(tmp_path, "*.json", "none.yaml"))

    assert not await watch.changed()
    assert not await watch.changed()


async def test_new_gone_longer_and_replaced_files_are_changes_each_told_once(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.json"
    file.write_text("[]")
    watch = Watch(files(tmp_path, "*.json", "named.yaml"))

    told = []
    (tmp_path / "b.json").write_text("[]")
    told += [await watch.changed(), await watch.changed()]
    file.write_text("[ ]")
    told += [await watch.changed(), await watch.changed()]
    (tmp_path / "b.json").unlink()
    told += [await watch.changed(), await watch.changed()]
    (tmp_path / "named.yaml").write_text("[]")
    told += [await watch.changed(), await watch.changed()]
    before = file.stat()
    (tmp_path / "new").write_text("{ }")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").rename(file)  # of the same size and time, as a copy with its times is
    told += [await watch.changed(), await watch.changed()]

    assert told == [True, False] * 5


async def test_files_that_nobody_asked_for_are_no_change(tmp_path: Path) -> None:
    watch = Watch(files(tmp_path, "*.json"))
    (tmp_path / "a.yaml").write_text("[]")
    (tmp_path / ".a.json").write_text("[]")

    assert not await watch.changed()


async def test_after_a_reload_it_is_the_new_patterns_that_count(tmp_path: Path) -> None:
    watch = Watch(files(tmp_path, "*.json"))
    watch.configure(files(tmp_path, "*.yaml"))
    (tmp_path / "a.json").write_text("[]")
    first = await watch.changed()
    (tmp_path / "a.yaml").write_text("[]")

    assert not first
    assert await watch.changed()


def test_a_config_knows_its_target_files_as_they_were_before_they_were_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "a.json").write_text(json.dumps([{"targets": ["h:1"]}]))
    config = loaded(
        tmp_path, "checks: [{name: many, targets_from: [targets/*.json], tcp: }]"
    ).config

    assert list(config.targets.seen) == [str(tmp_path / "targets" / "a.json")]
    assert look(config.targets.patterns) == config.targets.seen
    assert load(tmp_path / "config.yaml", {}).config.targets == config.targets
