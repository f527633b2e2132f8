"""What the `prober` command understands. Parses, calls one function, exits; decides nothing.

What only one command needs is imported by it: a server and a shop would double
the time that `prober validate` takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from prober import __version__, config, log
from prober.config.model import Config
from prober.errors import ConfigError, ProberError, StartError
from prober.stdout import say

if TYPE_CHECKING:  # a generic at type checking only
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

BAD_INPUT = 2  # a config, a name, a port or a folder that cannot be used
OUR_FAULT = 3


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; errors are said on stderr, without a traceback."""
    options = _parser().parse_args(argv)
    log.set_up(options.log_format, options.log_level)
    try:
        sys.exit(options.command(options))
    except (ConfigError, StartError) as error:
        _say(str(error))
        sys.exit(BAD_INPUT)
    except ProberError as error:
        _say(str(error))
        sys.exit(OUR_FAULT)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except BrokenPipeError:  # `prober check | head`: nobody is left to be told
        sys.exit(0)
    except Exception:  # noqa: BLE001  # our own fault: an exit code and the one traceback users see
        log.logger.critical("a fault of prober's own", exc_info=True)
        sys.exit(OUR_FAULT)


def _run(options: argparse.Namespace) -> int:
    signal.signal(
        signal.SIGHUP, signal.SIG_IGN
    )  # until the agent listens: it reads the config anyway
    from prober import agent

    loaded = _load(options, allow_broken=True)
    asyncio.run(agent.run(loaded.config, options.config, on_config=_quietly(options)))
    return 0


def _check(options: argparse.Namespace) -> int:
    from prober import once

    for number in once.ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)

    # A script whose check nobody has named says itself, in its run, that it cannot be imported.
    loaded = config.load(options.config, os.environ, only=options.names)
    _quietly(options)(loaded.config)
    return asyncio.run(
        once.run(loaded.config, options.names, as_json=options.json, junit=options.junit)
    )


def _validate(options: argparse.Namespace) -> int:
    loaded = _load(options, allow_unset=options.allow_unset)
    count = len(loaded.config.checks)
    say(f"{options.config}: valid, {count} check{'' if count == 1 else 's'}")
    return 0


def _schema(options: argparse.Namespace) -> int:
    from prober.config import schema

    say(schema.text())
    return 0


def _demo(options: argparse.Namespace) -> int:
    from prober.demo import run as demo

    loaded = _load(options, allow_broken=True)
    on_config = _quietly(options)
    asyncio.run(
        demo.run(loaded.config, options.config, break_it=options.break_it, on_config=on_config)
    )
    return 0


def _load(
    options: argparse.Namespace,
    *,
    allow_unset: bool = False,
    allow_broken: bool = False,
) -> config.Loaded:
    loaded = config.load(
        options.config, os.environ, allow_unset=allow_unset, allow_broken=allow_broken
    )
    for warning in (*loaded.warnings, *loaded.broken):
        _say(f"warning: {warning}")
    _quietly(options)(loaded.config)
    return loaded


def _quietly(options: argparse.Namespace) -> Callable[[Config], None]:
    """Tells the log which secrets a config holds, so that no line shows them."""
    return lambda loaded: log.set_up(options.log_format, options.log_level, loaded.scrub)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """Instead of dying on the spot: whoever has begun something may end it."""
    sys.exit(128 + number)


def _say(text: str) -> None:
    if sys.stderr is not None:  # it was closed before we began, and print would take stdout
        print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="prober", description="Synthetic and uptime probing agent."
    )
    parser.add_argument("--version", action="version", version=f"prober {__version__}")
    parser.add_argument("--log-format", choices=["console", "json"], default="console")
    levels = ["debug", "info", "warning", "error"]
    parser.add_argument("--log-level", choices=levels, default="info", type=str.lower)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _command(commands, "run", _run, "the agent, until SIGTERM or SIGINT")

    check = _command(commands, "check", _check, "run checks once, now, and say what they saw")
    whom = "default: all; NAME of a check with targets_from: those of all its targets"
    check.add_argument("names", nargs="*", metavar="NAME", help=whom)
    check.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    check.add_argument("--junit", type=Path, metavar="FILE", help="JUnit's XML as well, for CI")

    validate = _command(commands, "validate", _validate, "read the config without probing")
    validate.add_argument(
        "--allow-unset", action="store_true", help="accept ${NAME} that is not set"
    )

    about = "JSON Schema of the config, for editors"
    commands.add_parser("schema", help=about, description=about + ".").set_defaults(command=_schema)

    trial = _command(commands, "demo", _demo, "a small real shop and the agent watching it")
    breaking = "make the shop fail and heal in turn"
    trial.add_argument("--break", action="store_true", dest="break_it", help=breaking)
    return parser


def _command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    command.add_argument(
        *("-c", "--config"),
        type=Path,
        default=Path("config.yaml"),
        metavar="FILE",
        help="default: %(default)s",
    )
    command.set_defaults(command=run)
    return command
