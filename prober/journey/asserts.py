"""What were the two values where an author's `assert a == b` failed?

A comparison that is asserted without words is compiled into a call that
compares the same two values, each evaluated once and in the same order, and
says what they were. Only in the script itself, as pytest does it with a test's.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import decode_source
from types import CodeType, ModuleType

from prober.journey.tried import Tried
from prober.journey.where import cut

SOURCE, VALUE = 80, 100  # characters of what was written, and of what it was
_NAME = "@holds"  # which no author can write


class Telling(SourceFileLoader):
    """Loads a script so that its assertions tell."""

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[_NAME] = _holds
        super().exec_module(module)

    def get_code(self, fullname: str) -> CodeType:
        """Never what somebody has compiled before: it tells nothing."""
        path = self.get_filename(fullname)
        source = decode_source(self.get_data(path))
        tree = _Rewriter(source).visit(ast.parse(source, path))
        code: CodeType = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
        return code


class _Rewriter(ast.NodeTransformer):
    def __init__(self, source: str) -> None:
        self._source = source

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        test = node.test
        if node.msg is not None or not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return node
        values = [test.left, test.comparators[0]]
        names = [ast.Name(name, ast.Load()) for name in ("left", "right")]
        compared = ast.Compare(names[0], test.ops, [names[1]])
        told = [ast.Constant(self._written(one)) for one in (test, *values)]
        call = ast.Call(
            ast.Name(_NAME, ast.Load()),
            [*values, ast.Lambda(_arguments(names), compared), ast.Tuple([*told], ast.Load())],
            [],
        )
        return ast.copy_location(ast.Expr(call), node)

    def _written(self, node: ast.expr) -> str:
        """As it stands there, in a line; nothing of what is its own value."""
        if isinstance(node, ast.Constant):
            return ""
        segment = ast.get_source_segment(self._source, node) or ast.unparse(node)
        return cut(" ".join(segment.replace("\\\n", " ").split()), SOURCE)


def _arguments(names: list[ast.Name]) -> ast.arguments:
    args = [ast.arg(name.id) for name in names]
    return ast.arguments(posonlyargs=[], args=args, kwonlyargs=[], kw_defaults=[], defaults=[])


def _holds(
    left: object,
    right: object,
    compared: Callable[[object, object], object],
    told: tuple[str, str, str],
) -> None:
    if compared(left, right):
        return
    whole, *written = told
    pairs = zip(written, (left, right), strict=True)
    values = [f"{text} is {_shown(value)}" for text, value in pairs if text]
    where = f", where {' and '.join(values)}" if values else ""
    raise AssertionError(f"an assertion failed: assert {whole}{where}")


def _shown(value: object) -> str:
    shown = ""
    with Tried():  # a `__repr__` of the author's may do anything
        shown = cut(repr(value), VALUE)
    return shown or object.__repr__(value)
