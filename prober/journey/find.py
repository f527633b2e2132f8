"""Which function of a file is the journey, and does it ask for what there is?"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType

from prober.errors import ProberError
from prober.journey import LATER, MARKED
from prober.journey.asserts import Telling
from prober.journey.defs import amiss, definition, in_vain, line_of, place_of
from prober.journey.forgotten import Call
from prober.journey.naps import naps
from prober.journey.needs import Asks, asks
from prober.journey.pytests import missing
from prober.journey.tried import Tried
from prober.journey.where import Authors, Place, cut, said

NAMES = (
    *("page", "context", "browser", "base_url", "step"),
    *("params", "secrets", "cleanup", "run_id", "page_name", "totp", "api"),
)
TEST_NAMES = ("page", "context", "browser", "browser_name", "base_url")
_LISTED = 5  # journeys that a message names


class Unfit(ProberError):
    """The script cannot be run as it is. `line` counts from 1; 0 means the whole file.

    Whoever mends it wants to know of all: `besides` are the other mistakes that it has, and
    `would_be` is what there is without them, as far as that is known.
    """

    def __init__(self, file: str, line: int, message: str) -> None:
        self.file = file
        self.line = line
        self.message = message
        self.besides: tuple[Unfit, ...] = ()
        self.would_be: Found | None = None
        place = f"{file}:{line}" if line else file
        super().__init__(f"{place}: {message}")

    @classmethod
    def at(cls, place: Place, message: str) -> Unfit:
        return cls(place.file, place.line, message)


@dataclass(frozen=True, slots=True)
class _Read:
    """The script, once it has been imported."""

    script: Path
    module: ModuleType
    tree: ast.Module

    def unfit(self, line: int, message: str) -> Unfit:
        return Unfit(str(self.script), line, message)


@dataclass(frozen=True, slots=True)
class Found:
    function: Callable[..., object]
    name: str
    place: Place
    is_async: bool
    arguments: tuple[str, ...]  # of ours that it names
    authors: Authors
    asks: Asks
    naps: tuple[int, ...]  # the lines on which it blocks Python

    def bound(self, values: Mapping[str, object]) -> Call:
        """The function with what it asks for."""
        given = {name: values[name] for name in self.arguments}
        return Call(partial(self.function, **given), self.name, self.place)


def find(script: Path, function: str | None) -> Found:
    """Imports the script; its folder is then first on sys.path. Raises Unfit."""
    authors = Authors(script)
    tree = _parsed(script)
    _refuse(Unfit(str(script), *wrong) for wrong in amiss(tree))
    read = _Read(script, _imported(script, authors), tree)
    chosen = _chosen(read, function)
    place = place_of(chosen) or Place(str(script), 0)
    names = NAMES if chosen in MARKED else TEST_NAMES
    arguments = tuple(one.name for one in _parameters(chosen) if one.name in names)
    source = definition(chosen)
    found = Found(
        chosen,
        chosen.__name__,
        place,
        inspect.iscoroutinefunction(inspect.unwrap(chosen)),
        arguments,
        authors,
        asks(source, arguments) if source else Asks(),
        naps(source, inspect.unwrap(chosen).__globals__) if source else (),
    )
    _refuse(_mistakes(read, chosen, names, place), found)
    return found


def _refuse(mistakes: Iterable[Unfit], found: Found | None = None) -> None:
    """Raises the first of them, with the others."""
    if wrong := tuple(mistakes):
        wrong[0].besides, wrong[0].would_be = wrong[1:], found
        raise wrong[0]


def _mistakes(
    read: _Read, chosen: FunctionType, names: tuple[str, ...], place: Place
) -> Iterator[Unfit]:
    """All that is wrong with the function, which gets these `names`."""
    if inspect.isgeneratorfunction(chosen) or inspect.isasyncgenfunction(chosen):
        yield Unfit.at(place, f"{chosen.__name__} yields; a journey runs to its end")
    told: set[str] = set()
    if chosen not in MARKED:
        if getattr(chosen, "pytestmark", None):
            said = f"{chosen.__name__} has a mark of pytest's; a journey has none"
            yield Unfit.at(place, said)
        asked = inspect.signature(chosen).parameters
        for lack in missing(read.module, read.tree, asked):
            told.add(lack.name)
            yield read.unfit(lack.line, lack.message)
    for name, said in _strange(chosen, names):
        if name not in told:
            yield Unfit.at(place, said)


def _parsed(script: Path) -> ast.Module:
    try:
        return ast.parse(script.read_bytes(), str(script))
    except SyntaxError as error:
        raise _syntax(error, script) from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Unfit(str(script), 0, f"cannot be read: {why}") from None
    except ValueError as error:
        raise Unfit(str(script), 0, f"is no Python: {error}") from None


def _syntax(error: SyntaxError, script: Path) -> Unfit:
    return Unfit(error.filename or str(script), error.lineno or 0, f"syntax error: {error.msg}")


def _imported(script: Path, authors: Authors) -> ModuleType:
    sys.path.insert(0, str(script.parent))
    name = script.stem if script.stem not in sys.modules else f"journey_{script.stem}"
    spec = importlib.util.spec_from_file_location(name, script, loader=Telling(name, str(script)))
    if spec is None or spec.loader is None:
        raise Unfit(str(script), 0, "is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with Tried() as tried:
        spec.loader.exec_module(module)
    if tried.error is not None:
        raise _unimportable(tried.error, script, authors) from tried.error
    return module


def _unimportable(error: BaseException, script: Path, authors: Authors) -> Unfit:
    if isinstance(error, SyntaxError):
        return _syntax(error, script)
    place = authors.place(error.__traceback__) or Place(str(script), 0)
    what = f"{type(error).__name__}: {said(error)}" if str(error) else type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        what += "; packages go into journeys/requirements.txt"
    return Unfit(place.file, place.line, cut(f"cannot be imported: {what}"))


def _chosen(read: _Read, function: str | None) -> FunctionType:
    module, script = read.module, read.script
    everything = dict(vars(module))
    marked = _functions(v for v in everything.values() if any(v is one for one in MARKED))
    own = [one for one in marked if one.__module__ == module.__name__]
    tests = _functions(
        value
        for name, value in everything.items()
        if name.startswith("test_") and getattr(value, "__module__", "") == module.__name__
    )
    known = own or marked or tests
    if function is not None:
        return _named(read, [*marked, *tests], function)
    if not known:
        if lost := in_vain(module, read.tree, None):
            raise read.unfit(*lost)
        raise read.unfit(0, "has no journey; write @journey over the function that is one")
    if len(known) > 1:
        names = ", ".join(one.__name__ for one in known[:_LISTED])
        example = f"{script.name}::{known[0].__name__}"
        line = line_of(known[1].__name__, read.tree)
        raise read.unfit(line, f"has {len(known)} journeys ({names}); write {example}")
    return known[0]


def _functions(values: Iterable[object]) -> list[FunctionType]:
    found: list[FunctionType] = []
    for value in values:
        if isinstance(value, FunctionType) and value not in found:
            found.append(value)
    return found


def _named(read: _Read, known: list[FunctionType], function: str) -> FunctionType:
    value = vars(read.module).get(function)
    if isinstance(value, FunctionType) and value in known:
        return value
    if lost := in_vain(read.module, read.tree, function):
        raise read.unfit(*lost)
    if isinstance(value, FunctionType):
        place = place_of(value) or Place(str(read.script), 0)
        raise Unfit.at(place, f"{function} is not marked; write @journey over it")
    hint = _meant(function, [one.__name__ for one in known])
    raise read.unfit(0, "; ".join(filter(None, (f"has no journey {function!r}", hint))))


def _strange(function: FunctionType, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The arguments that cannot be given to it, and why."""
    for one in _parameters(function):
        name = one.name
        if one.kind is one.POSITIONAL_ONLY:
            yield name, f"{name!r} is given by name; remove the '/' behind it"
        elif name not in names and one.default is one.empty:
            hint = LATER.get(name) or _meant(name, names) or f"there are {', '.join(names)}"
            yield name, f"{function.__name__} asks for {name!r}, which no journey gets; {hint}"


def _parameters(function: FunctionType) -> Iterator[inspect.Parameter]:
    """Those that are given something by their names."""
    for one in inspect.signature(function).parameters.values():
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            yield one


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), 1)
    return f"did you mean {close[0]!r}?" if close else ""
