"""How does somebody at a terminal decide something? `prober ack` and its like ask the running agent.

The agent alone writes: these commands go through its API, and need no more
than its address.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import socket
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from prober.errors import ConfigError, ProberError, StartError
from prober.stdout import say

if TYPE_CHECKING:  # not for what only `prober validate` needs
    from pydantic import JsonValue

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
    Command: TypeAlias = Callable[[argparse.Namespace], int]
    Make: TypeAlias = Callable[[Commands, str, Command, str], argparse.ArgumentParser]

WITHIN = 30.0  # seconds; the agent answers when the decision is on disk
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


class Refused(ProberError):
    """The agent did not do it, or there is none. Exit code 1."""


def add_commands(commands: Commands, make: Make) -> None:
    """`make` makes one that knows of the config."""
    one = make(commands, "ack", _ack, "see to an incident: no more reminders, no escalation")
    one.add_argument("id", metavar="ID", help="of the incident, or at least six of its digits")
    _add_why(one, needed=False)
    _add_url(one)

    about = "tell nobody of what matches, for a while"
    below = _group(commands, "silence", about)
    _add_begin(make(below, "add", _begin, about), "silences")
    _add_list(make(below, "list", _list, "list the silences that are not over"), "silences")
    _add_end(make(below, "expire", _end, "end a silence before its time"), "silences")

    below = _group(commands, "maintenance", "a window in which something is worked on")
    _add_begin(make(below, "start", _begin, "begin a window now"), "maintenance")
    _add_list(make(below, "list", _list, "list the windows begun by hand"), "maintenance")
    _add_end(make(below, "end", _end, "end a window before its time"), "maintenance")


def _group(commands: Commands, name: str, about: str) -> Commands:
    group = commands.add_parser(name, help=about, description=about.capitalize() + ".")
    return group.add_subparsers(required=True, metavar="COMMAND")


def _add_begin(command: argparse.ArgumentParser, place: str) -> None:
    how = 'which labels are meant: team=payments, severity!=low, check=~"api-.*"; all have to match'
    command.add_argument("matchers", nargs="+", type=_matcher, metavar="MATCHER", help=how)
    command.add_argument(
        "--for", dest="lasts", type=_duration, required=True, metavar="TIME", help="such as 2h"
    )
    _add_why(command, needed=True)
    _add_url(command, place)


def _add_list(command: argparse.ArgumentParser, place: str) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    _add_url(command, place)


def _add_end(command: argparse.ArgumentParser, place: str) -> None:
    command.add_argument("id", metavar="ID")
    _add_why(command, needed=False)
    _add_url(command, place)


def _add_why(command: argparse.ArgumentParser, *, needed: bool) -> None:
    command.add_argument(
        "--comment", required=needed, default="", metavar="TEXT", help="why, for the audit log"
    )


def _add_url(command: argparse.ArgumentParser, place: str = "") -> None:
    where = "of the agent; default: web.listen of the config, on this machine"
    command.add_argument("--url", type=_url, help=where)
    command.set_defaults(place=place)


def _ack(options: argparse.Namespace) -> int:
    path = f"incidents/{quote(options.id, safe='')}/ack"
    return _done(options, lambda agent: agent.ask("POST", path, _why(options)))


def _begin(options: argparse.Namespace) -> int:
    wanted = {"matchers": options.matchers, "for": options.lasts, **_why(options)}
    return _done(options, lambda agent: agent.ask("POST", options.place, wanted))


def _end(options: argparse.Namespace) -> int:
    path = f"{options.place}/{quote(options.id, safe='')}"
    return _done(options, lambda agent: agent.ask("DELETE", path, _why(options)))


def _list(options: argparse.Namespace) -> int:
    def show(agent: Agent) -> str:
        found = agent.ask("GET", options.place)
        rows = found if isinstance(found, list) else []
        if options.json:
            return "\n".join(map(json.dumps, rows))
        return _table(rows) or f"no {options.place}"

    return _say(options, show)


def _done(options: argparse.Namespace, decide: Callable[[Agent], JsonValue]) -> int:
    def told(agent: Agent) -> str:
        done = decide(agent)
        its = done if isinstance(done, dict) else {}
        until = f", until {its['ends_at']}" if "ends_at" in its else ""
        if "warning" in its:
            print(_plain(f"warning: {its['warning']}"), file=sys.stderr)
        return _plain(f"{its.get('said')}{until}")

    return _say(options, told)


def _say(options: argparse.Namespace, what: Callable[[Agent], str]) -> int:
    try:
        said = what(Agent(options.url or _address(options.config), proxied=bool(options.url)))
    except Refused as error:
        print(_plain(str(error)), file=sys.stderr)
        return 1
    if said:
        say(said)
    return 0


class Agent:
    """The one at `url`, asked through its API."""

    def __init__(self, url: str, *, proxied: bool) -> None:
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        self._url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = {"Content-Type": "application/json", **_authorization(user)}
        is_far = parts.hostname not in LOCAL
        proxies = ProxyHandler() if proxied and is_far else ProxyHandler({})
        self._opener: OpenerDirector = build_opener(proxies, _Straight)

    def ask(self, method: str, path: str, body: Mapping[str, JsonValue] | None = None) -> JsonValue:
        """Its data. Raises Refused."""
        request = Request(  # noqa: S310 - http or https, see `_url`
            f"{self._url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=self._headers,
        )
        try:
            with self._opener.open(request, timeout=WITHIN) as answer:
                sent = answer.read()
        except HTTPError as error:
            with error:
                raise Refused(self._refusal(error)) from None
        except (OSError, HTTPException, UnicodeError, OverflowError) as error:
            why = error.reason if isinstance(error, URLError) else error
            said = getattr(why, "strerror", None) or str(why)
            raise Refused(f"no agent answers at {self._url}: {said.lower()}") from None
        return self._data(sent)

    def _refusal(self, error: HTTPError) -> str:
        try:
            said = json.loads(error.read())["error"]
        except (OSError, HTTPException, ValueError, TypeError, KeyError):
            return f"no agent answers at {self._url}, but something that says {error.code}"
        return f"the agent refused: {said}"

    def _data(self, sent: bytes) -> JsonValue:
        try:
            data: JsonValue = json.loads(sent)["data"]
        except (ValueError, TypeError, KeyError):
            raise Refused(f"no agent answers at {self._url}, but something else") from None
        return data


def _authorization(user: str) -> dict[str, str]:
    """For a proxy before the agent that asks who it is."""
    encoded = b64encode(unquote(user).encode()).decode()
    return {"Authorization": f"Basic {encoded}"} if user else {}


class _Straight(HTTPRedirectHandler):
    """A POST that is sent on would come in as a GET, and decide nothing."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _address(path: Path) -> str:
    """Of the agent with this config, on this machine. Raises StartError."""
    from prober import config

    try:
        web = config.load(path, os.environ, allow_unset=True, allow_broken=True, only=()).config.web
    except ConfigError as error:
        raise StartError(f"{error}\n--url names an agent without its config") from None
    host = _EVERYWHERE.get(web.host or "", web.host)
    under = urlsplit(web.external_url or "").path.rstrip("/")
    return f"http://{f'[{host}]' if ':' in str(host) else host}:{web.port}{under}"


def _why(options: argparse.Namespace) -> dict[str, JsonValue]:
    return {"by": _who(), "comment": options.comment}


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # of a container, say
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _table(rows: Sequence[JsonValue]) -> str:
    cells = [_cells(row) for row in rows if isinstance(row, dict)]
    if not cells:
        return ""
    cells = [("ID", "FROM", "UNTIL", "MATCHERS", "BY", "COMMENT"), *cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: Mapping[str, JsonValue]) -> tuple[str, ...]:
    matchers = row.get("matchers")
    shown = " ".join(map(str, matchers)) if isinstance(matchers, list) else ""
    names = ("id", "starts_at", "ends_at", "by", "comment")
    id_, starts_at, ends_at, by, comment = (str(row.get(name, "")) for name in names)
    return tuple(map(_plain, (id_, starts_at, ends_at, shown, by, comment)))


def _plain(text: str) -> str:
    """Somebody else wrote it: nothing in it may move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _matcher(text: str) -> str:
    from prober.alerts.matchers import parse

    try:
        return str(parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _duration(text: str) -> str:
    from prober.units import parse_duration

    try:
        if parse_duration(text) > 0:
            return text
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    raise argparse.ArgumentTypeError(f"{text!r} is no time at all; write it as 30m or 2h")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is no number
        is_one = False
    if not is_one or not text.isascii() or not text.isprintable() or {" ", "?", "#"} & {*text}:
        shown = text.rpartition("@")[2]  # what is before it may be a password
        raise argparse.ArgumentTypeError(f"{shown!r} is no address; write http://127.0.0.1:9620")
    return text
