"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = sorted(ROOT.glob("prober/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))
LONGEST_FILE = 300
LONGEST_FUNCTION = 40


def ident(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", OURS, ids=ident)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()

    too_long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert text.count("\n") <= LONGEST_FILE
    assert too_long == []


@pytest.mark.parametrize("path", [p for p in OURS if p.stat().st_size], ids=ident)
def test_a_module_says_what_question_it_answers(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", TESTS, ids=ident)
def test_every_test_asserts_something_itself(path: Path) -> None:
    """Not by a helper that may one day assert nothing; Playwright's `expect` is an assertion."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not any(map(_asserts, ast.walk(node)))
    ]

    assert silent == []


def _asserts(node: ast.AST) -> bool:
    match node:
        case ast.Assert():
            return True
        case ast.Call(func=ast.Attribute(attr="raises") | ast.Name(id="expect")):
            return True
    return False


def test_a_broad_except_stands_where_it_has_a_reason_and_nowhere_else() -> None:
    places = {
        ident(path)
        for path in OURS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
        )
    }

    assert places == {
        "prober/agent.py",  # one turn of one check must not end those of all
        "prober/cli.py",  # a fault of our own has its own exit code
        "prober/config/child.py",  # the top of a child: the parent says what happened
        "prober/notify/telling.py",  # one notifier's own fault must not end delivery
        "prober/runner.py",  # our bug must not look like an outage
        "prober/store/thread.py",  # whatever a job raised belongs to whoever asked for it
    }
