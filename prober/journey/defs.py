"""On which line does a file define a name, and which function in it is marked in vain?"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, ModuleType
from typing import TypeAlias

from prober.journey import journey
from prober.journey.where import Place

Def = ast.FunctionDef | ast.AsyncFunctionDef
Said: TypeAlias = tuple[int, str]  # a line, and what is wrong with it
_STARTS = ("sync_playwright", "async_playwright")


def place_of(function: object) -> Place | None:
    """The line of its `def`; the first line of its code would be that of a decorator.

    None for what was not written in Python.
    """
    code = function if isinstance(function, CodeType) else _code(function)
    if code is None:
        return None
    node = _written(code)
    return Place(code.co_filename, node.lineno if node else code.co_firstlineno)


def definition(function: object) -> Def | None:
    """Its source, where that is to be had."""
    code = _code(function)
    return _written(code) if code else None


def _written(code: CodeType) -> Def | None:
    with suppress(OSError, SyntaxError, ValueError):
        for node in _defs(ast.parse(Path(code.co_filename).read_bytes())):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            if node.name == code.co_name and first <= code.co_firstlineno <= node.lineno:
                return node
    return None


def _code(function: object) -> CodeType | None:
    if not callable(function):
        return None
    for one in (inspect.unwrap(function), getattr(function, "func", None), function):
        code = getattr(one, "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None


def line_of(name: str, tree: ast.Module) -> int:
    """Where the file first binds a name, be it by an import; 0 where that is not to be seen."""
    for node in ast.walk(tree):
        bound: list[str] = []
        if isinstance(node, Def | ast.ClassDef):
            bound = [node.name]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound = [one.asname or one.name for one in node.names]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound = [one.id for one in targets if isinstance(one, ast.Name)]
        if name in bound or bound == ["*"]:
            return int(node.lineno) if isinstance(node, ast.stmt) else 0
    return 0


def in_vain(module: ModuleType, tree: ast.Module, name: str | None) -> Said | None:
    """A function under `@journey`, or a test, that nobody finds all the same, and why.

    Of that name, where one is given.
    """
    for node in _defs(tree):
        marks = [at for at, one in enumerate(node.decorator_list) if _is_mark(one, module)]
        if name not in (None, node.name):
            continue
        if marks and _is_inside(node, tree):
            said = f"@journey over {node.name} has to stand at the top level of the file"
            return node.lineno, said
        if marks and marks[0] > 0:
            return node.lineno, f"@journey has to stand above the other decorators of {node.name}"
        if node.name.startswith("test_") and (one := _class_of(node, tree)):
            said = f"{node.name} is in the class {one.name}, and a journey is a function"
            return node.lineno, f"{said}; write it at the top level of the file, without self"
    return None


def amiss(tree: ast.Module) -> Iterator[Said]:
    """What need not be imported to be known for wrong, and what would be right."""
    for node in tree.body:
        marks = node.decorator_list if isinstance(node, Def) else []
        if any(_is_call(one, "journey") for one in marks) and _imports_mark(tree):
            name = node.name if isinstance(node, Def) else ""
            yield node.lineno, f"@journey takes nothing; write it without brackets over {name}"
        if not isinstance(node, Def | ast.ClassDef | ast.If) and _starts(node, tree):
            said = "starts a browser of its own, where a journey is given its page"
            right = "paste what `playwright codegen --target python-pytest` prints"
            yield node.lineno, f"{said}; {right}"


def _starts(node: ast.AST, tree: ast.Module) -> bool:
    """Whether importing the file comes to `sync_playwright()` there, or runs what has the other."""
    if any(_is_call(one, *_STARTS) for one in ast.walk(node)):
        return True
    runs = any(isinstance(one, ast.Attribute) and one.attr == "run" for one in ast.walk(node))
    return runs and any(_is_call(one, "async_playwright") for one in ast.walk(tree))


def _is_call(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _imports_mark(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "prober.journey"
        and any((one.asname or one.name) == "journey" for one in node.names)
        for node in tree.body
    )


def _is_inside(inner: Def, tree: ast.Module) -> bool:
    """Whether it stands in another function, or in a class."""
    outer = (one for one in ast.walk(tree) if isinstance(one, Def | ast.ClassDef))
    return any(inner in ast.walk(one) for one in outer if one is not inner)


def _class_of(inner: Def, tree: ast.Module) -> ast.ClassDef | None:
    """The class whose method it is."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return next((one for one in classes if inner in one.body), None)


def _defs(tree: ast.Module) -> Iterator[Def]:
    return (node for node in ast.walk(tree) if isinstance(node, Def))


def _is_mark(decorator: ast.expr, module: ModuleType) -> bool:
    if isinstance(decorator, ast.Name):
        return vars(module).get(decorator.id) is journey
    return isinstance(decorator, ast.Attribute) and decorator.attr == "journey"
