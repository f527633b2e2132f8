"""Which looks are there, in which order, and what do they come to?

Nothing is left behind, no root is needed, and a running agent is not
disturbed, but by what the browser takes of the processor.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from prober import config
from prober.clock import SystemClock
from prober.config.model import AgentSettings, Config
from prober.doctor import browser, network, system
from prober.doctor.looks import Level, Look, Machine, Seen, blocking, looked
from prober.errors import ConfigError, Problem
from prober.stdout import say
from prober.wire.threads import Threads

DEFAULT = Path("config.yaml")
LOOKS = (
    Look("clock", system.clock),
    Look("processors", blocking(system.processors)),
    Look("memory", blocking(system.memory)),
    Look("files", blocking(system.files)),
    Look("disk", blocking(system.disk)),
    Look("ports", network.ports),
    Look("resolver", network.resolver, limit=30.0),
    Look("icmp", blocking(network.icmp)),
)


async def run(path: Path, env: Mapping[str, str], *, as_json: bool) -> int:
    """Says one line for each look; the exit code."""
    loaded, seen = _config(path, env)
    levels = {_said("config", seen, as_json)}
    machine = Machine(config=loaded, env=env, clock=SystemClock(), threads=Threads())
    for look in LOOKS:
        levels.add(_said(look.name, await looked(look, machine), as_json))
    with tempfile.TemporaryDirectory(prefix="prober-doctor-", ignore_cleanup_errors=True) as folder:
        async for name, one in browser.tried(machine, Path(folder)):
            levels.add(_said(name, one, as_json))
    return 1 if Level.FAIL in levels else 0


def _config(path: Path, env: Mapping[str, str]) -> tuple[Config, Seen]:
    """The agent's, without a look at the scripts; an empty one where there is none to be had."""
    if not path.exists() and path == DEFAULT:
        found = f"there is no {path} here, the rest is looked at as without one"
        return _empty(), Seen.warn(found, "name yours: prober doctor -c FILE")
    try:
        loaded = config.load(path, env, only=()).config
    except ConfigError as error:
        return _empty(), Seen.fail(_first(error.problems), "prober validate says them all")
    count = len(loaded.checks)
    return loaded, Seen.ok(f"{path}, {count} check{'' if count == 1 else 's'}")


def _first(problems: Sequence[Problem]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"


def _empty() -> Config:
    agent = AgentSettings(region="unknown", data_dir=Path("data").absolute())
    return Config(agent=agent, regions=(agent.region,))


def _said(name: str, seen: Seen, as_json: bool) -> Level:
    say(json.dumps(seen.to_json(name)) if as_json else seen.line(name))
    return seen.level
