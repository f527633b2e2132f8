"""What does a journey take for granted, out of params and secrets say, and which steps has it?

Read from the source of its function, without running it. Only what every run
reaches counts as a need, by its literal name: a need that is none would refuse
a config that works.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from prober.journey.defs import Def

_DICTS = ("params", "secrets")
_READING = ("get", "keys", "items", "values", "copy")  # methods that put nothing in
_FORGIVING = ("suppress", "raises")
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Need(NamedTuple):
    kind: str  # params, secrets, or totp: a secret that is a seed; base_url
    name: str  # of a base_url, the path that is relative to it
    line: int


@dataclass(frozen=True, slots=True)
class Asks:
    """`steps` are those with a literal name, in the order of the source; all that it has, if `no_more`."""

    needs: tuple[Need, ...] = ()
    steps: tuple[str, ...] = ()
    no_more: bool = False


def asks(function: Def, arguments: Collection[str]) -> Asks:
    """Of a function that gets these of ours."""
    reader = _Reader(arguments)
    reader.read(function, arguments)
    there = {need for need in reader.needs if (need.kind, need.name) not in reader.spared}
    needs = sorted(there, key=lambda need: (need.line, need.name))
    first: dict[tuple[str, str], Need] = {}
    for need in needs:
        first.setdefault((need.kind, need.name), need)
    no_more = "step" not in arguments or _names_its_steps(function)
    return Asks(tuple(first.values()), tuple(dict.fromkeys(reader.steps)), no_more)


def lacking(kind: str, name: str, there: Sequence[str]) -> str:
    """What is said where `params` or `secrets` have no such key."""
    close = difflib.get_close_matches(name, there, 1)
    if close:
        right = f"did you mean {close[0]!r}?"
    else:
        right = f"there are {', '.join(there)}" if there else f"write it under {kind} of the check"
    return f"{kind} has no {name!r}; {right}"


class _Reader(ast.NodeVisitor):
    def __init__(self, names: Collection[str]) -> None:
        self._names = set(names)
        self._is_certain = True
        self.needs: list[Need] = []
        self.steps: list[str] = []
        self.spared: set[tuple[str, str]] = set()  # what it looks for itself, or puts in

    def read(self, function: _Scope, arguments: Collection[str] = ()) -> None:
        """The body of a function, without the names that are its own; `arguments` are ours."""
        own = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
        names, certain = self._names, self._is_certain
        self._names = names - (own - set(arguments)) - set(_bound(function))
        self._block(function.body if isinstance(function.body, list) else [function.body])
        self._names, self._is_certain = names, certain

    def _block(self, body: Sequence[ast.AST]) -> None:
        for node in body:
            self.visit(node)
            if not isinstance(node, _Scope) and any(map(_is_return, ast.walk(node))):
                self._is_certain = False  # what follows may not be reached

    @contextmanager
    def _perhaps(self) -> Iterator[None]:
        certain, self._is_certain = self._is_certain, False
        yield
        self._is_certain = certain

    def _maybe(self, nodes: Sequence[ast.AST]) -> None:
        with self._perhaps():
            for node in nodes:
                self.visit(node)

    def _need(self, kind: str, node: ast.expr) -> None:
        if self._is_certain and (name := _text(node)) is not None:
            self.needs.append(Need(kind, name, node.lineno))

    def _relative(self, url: ast.expr) -> None:
        """A path needs a base_url; that is told once, of the first."""
        is_told = any(need.kind == "base_url" for need in self.needs)
        if not is_told and (_text(url) or "").startswith("/"):
            self._need("base_url", url)

    def _dict(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name) and node.id in _DICTS and node.id in self._names:
            return node.id
        return None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.read(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.read(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.read(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if kind := self._dict(node.value):
            if isinstance(node.ctx, ast.Load):
                self._need(kind, node.slice)
            else:
                self.spared.add((kind, _text(node.slice) or ""))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for kind in filter(None, map(self._dict, node.comparators)):
            self.spared.add((kind, _text(node.left) or ""))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if (kind := self._dict(node.value)) and node.attr not in _READING:
            self._names.discard(kind)  # it may put in anything
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called, first = node.func, _first(node)
        if isinstance(called, ast.Name) and called.id in self._names and first is not None:
            if called.id == "totp":
                self._need("totp", first)
            elif called.id == "step" and (name := _text(first)) is not None:
                self.steps.append(name)
        if _is_goto(called) and "page" in self._names and first is not None:
            self._relative(first)
        if isinstance(called, ast.Attribute) and called.attr == "get" and first is not None:
            self.spared.add((self._dict(called.value) or "", _text(first) or ""))
        self.generic_visit(node)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item)
        if any(_forgives(item.context_expr) for item in node.items):
            self._maybe(node.body)
        else:
            self._block(node.body)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        self.visit_With(node)

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        self._maybe([*node.body, *node.orelse])

    def visit_While(self, node: ast.While) -> None:
        self.visit_If(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self._maybe([node.body, node.orelse])

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self._maybe(node.values[1:])

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._maybe([*node.body, *node.orelse])

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self.visit_For(node)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehended(node.generators, node.elt)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self.visit_ListComp(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self.visit_ListComp(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehended(node.generators, node.key, node.value)

    def _comprehended(self, generators: Sequence[ast.comprehension], *made: ast.expr) -> None:
        first, *others = generators
        self.visit(first.iter)
        self._maybe([*first.ifs, *others, *made])

    def visit_Try(self, node: ast.Try) -> None:
        if node.handlers:
            self._maybe([*node.body, *node.handlers, *node.orelse])
        else:
            self._block(node.body)
        self._block(node.finalbody)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._maybe(node.cases)


def _names_its_steps(function: Def) -> bool:
    """Whether each has a literal name, and nobody else is handed what begins one."""
    if len(function.decorator_list) > 1:  # another than the mark, which may begin some itself
        return False
    literal = {
        id(node.func)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and (first := _first(node)) and _text(first) is not None
    }
    names = (node for node in ast.walk(function) if isinstance(node, ast.Name))
    return all(id(node) in literal for node in names if node.id == "step")


def _first(call: ast.Call) -> ast.expr | None:
    """The argument that is a name, or the like."""
    named = (one.value for one in call.keywords if one.arg == "name")
    return next(iter(call.args), None) or next(named, None)


def _bound(function: _Scope) -> Iterator[str]:
    """The names that its body gives to something else."""
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                if node is not function:
                    yield name
            case ast.alias(name=name, asname=other):
                yield other or name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case _:
                pass


def _is_goto(called: ast.expr) -> bool:
    match called:
        case ast.Attribute(value=ast.Name(id="page"), attr="goto"):
            return True
    return False


def _is_return(node: ast.AST) -> bool:
    return isinstance(node, ast.Return)


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
    return None


def _forgives(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
    return name in _FORGIVING
