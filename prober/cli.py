"""What the `prober` command understands. Parses, calls one function, exits; decides nothing.

What only one command needs is imported by it: a server and a shop would double
the time that `prober validate` takes, and the kinds of checks that of `prober --help` many times.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from prober import __version__, client, generate, log, sentry
from prober.errors import ConfigError, ProberError, StartError
from prober.secret import Scrubber
from prober.stdout import say

if TYPE_CHECKING:  # a generic at type checking only
    from prober import config, once
    from prober.config.model import Config

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

BAD_INPUT = 2  # a config, a name, a port or a folder that cannot be used
OUR_FAULT = 3
RUNS = 5  # with --budgets
JSON = "one JSON object a line, nothing else"


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; errors are said on stderr, without a traceback."""
    options = _parser().parse_args(argv)
    _heard(options)
    try:
        sys.exit(options.command(options))
    except (ConfigError, StartError) as error:
        _complain(options, str(error))
        sys.exit(BAD_INPUT)
    except ProberError as error:
        _complain(options, str(error))
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
    from prober import config, once

    wish = _wish(options)
    for number in once.ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)

    # A script whose check nobody has named says itself, in its run, that it cannot be imported.
    only = None if options.dry_run and not options.names else options.names
    loaded = config.load(options.config, os.environ, only=only)
    _quietly(options)(loaded.config)
    if options.dry_run:
        return once.rehearse(loaded.config, options.names, wish)
    return asyncio.run(once.run(loaded.config, options.names, wish))


def _wish(options: argparse.Namespace) -> once.Wish:
    """Raises StartError for options that do not go together."""
    from prober import once
    from prober.probes.play import Play

    if options.runs is not None and not options.budgets:
        raise StartError("-n is for --budgets: so many runs, whose medians are judged")
    if options.budgets and options.debug:
        raise StartError("--budgets measures and --debug halts; choose one")
    if options.dry_run and (options.junit or options.budgets):
        raise StartError("--dry-run runs nothing, so there is nothing for --junit or --budgets")
    headed = options.headed or options.debug
    if headed and not options.dry_run and not _has_display():
        raise StartError(
            "no window can be shown here, DISPLAY and WAYLAND_DISPLAY are not set;"
            " run it on a desktop, or under xvfb-run"
        )
    return once.Wish(
        as_json=options.json,
        junit=options.junit,
        play=Play(headless=not headed, slow_mo=options.slow_mo / 1000, debug=options.debug),
        budgets=(options.runs or RUNS) if options.budgets else 0,
    )


def _has_display() -> bool:
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.platform != "linux" or bool(shown)


def _doctor(options: argparse.Namespace) -> int:
    from prober.doctor import examination

    return asyncio.run(examination.run(options.config, os.environ, as_json=options.json))


def _notify_test(options: argparse.Namespace) -> int:
    from prober import notify_test

    loaded = _load(options, allow_broken=True)
    return asyncio.run(notify_test.run(loaded.config, options.names))


def _validate(options: argparse.Namespace) -> int:
    from prober.config.shard import counted

    loaded = _load(options, allow_unset=options.allow_unset)
    say(f"{options.config}: valid, {counted(loaded.config)}")
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
    from prober import config

    loaded = config.load(
        options.config, os.environ, allow_unset=allow_unset, allow_broken=allow_broken
    )
    _quietly(options)(loaded.config)
    for warning in (*loaded.warnings, *loaded.broken):
        _complain(options, str(warning), logging.WARNING)
    return loaded


def _quietly(options: argparse.Namespace) -> Callable[[Config], None]:
    """Tells the log which secrets a config holds, so that no line shows them."""
    return lambda loaded: _heard(options, loaded.scrub)


def _heard(options: argparse.Namespace, scrub: Scrubber | None = None) -> None:
    log.set_up(options.log_format, options.log_level, scrub, behind=_lasts(options))
    sentry.set_up(os.environ.get("SENTRY_DSN", ""), scrub)


def _lasts(options: argparse.Namespace) -> bool:
    """Who does must not wait for whoever reads what it says, and that may be a program."""
    return options.command in (_run, _demo)


def _complain(options: argparse.Namespace, text: str, level: int = logging.ERROR) -> None:
    if _lasts(options) and options.log_format == "json":
        log.logger.log(level, "%s", text)
    else:
        _say(f"warning: {text}" if level == logging.WARNING else text)


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

    _check_command(commands)

    validate = _command(commands, "validate", _validate, "read the config without probing")
    validate.add_argument(
        "--allow-unset", action="store_true", help="accept ${NAME} that is not set"
    )

    about = "look whether this machine is fit for the agent, its journeys above all"
    doctor = _command(commands, "doctor", _doctor, about)
    doctor.add_argument("--json", action="store_true", help=JSON)

    _notify_command(commands)

    client.add_commands(commands, _command)
    generate.add_commands(commands, _command)

    about = "JSON Schema of the config, for editors"
    commands.add_parser("schema", help=about, description=about + ".").set_defaults(command=_schema)

    trial = _command(commands, "demo", _demo, "a small real shop and the agent watching it")
    breaking = "make the shop fail and heal in turn"
    trial.add_argument("--break", action="store_true", dest="break_it", help=breaking)
    return parser


def _check_command(commands: Commands) -> None:
    check = _command(commands, "check", _check, "run checks once, now, and say what they saw")
    whom = "default: all; NAME of a check with targets_from: those of all its targets"
    check.add_argument("names", nargs="*", metavar="NAME", help=whom)
    check.add_argument("--json", action="store_true", help=JSON)
    check.add_argument("--junit", type=Path, metavar="FILE", help="JUnit's XML as well, for CI")
    flags = {
        "--headed": "journeys in a browser that is seen",
        "--debug": "one journey in Playwright's inspector, without time limits",
        "--dry-run": "say what would be run, and run nothing",
        "--budgets": "run journeys several times; exit 1 where a median breaks a budget",
    }
    for flag, text in flags.items():
        check.add_argument(flag, action="store_true", help=text)
    pause = "milliseconds between two actions of a journey"
    check.add_argument("--slow-mo", type=_milliseconds, default=0.0, metavar="MS", help=pause)
    times = f"runs of each journey with --budgets; default: {RUNS}"
    check.add_argument("-n", type=_times, dest="runs", metavar="N", help=times)


def _notify_command(commands: Commands) -> None:
    about = "what concerns the notifiers"
    notify = commands.add_parser("notify", help=about, description=about.capitalize() + ".")
    below = notify.add_subparsers(required=True, metavar="COMMAND")
    about = "send each notifier a test alert and its end, now, and say what it answered"
    test = _command(below, "test", _notify_test, about)
    test.add_argument("names", nargs="*", metavar="NAME", help="default: all")


def _milliseconds(text: str) -> float:
    if not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds; write 500")
    return float(text)


def _times(text: str) -> int:
    if not text.isdecimal() or len(text) > 3 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs; write 1 to 999")
    return int(text)


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
