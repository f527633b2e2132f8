"""A need is only what every run reaches: a false one would refuse a config that works."""

from __future__ import annotations

import ast
import textwrap

import pytest

from prober.journey.defs import Def
from prober.journey.needs import asks, lacking

OURS = ("page", "step", "params", "secrets", "totp", "cleanup")
CERTAIN = {
    "plain": "secrets['x']",
    "in a step": "with step('a'):\n    page.fill(secrets['x'])",
    "in an async step": "async with step('a'):\n    await page.fill(secrets['x'])",
    "in an expression": "page.goto(f'/{params[\"x\"]}')",
    "in a condition": "if params['x']:\n    pass",
    "on the left of an or": "params['x'] or 1",
    "before a return": "secrets['x']\nreturn",
    "in the end": "try:\n    page.go()\nfinally:\n    secrets['x']",
    "tried without a handler": "try:\n    secrets['x']\nfinally:\n    pass",
    "in what it defines": "def later():\n    return secrets['x']\ncleanup('c', later)",
    "in a lambda": "cleanup('c', lambda: secrets['x'])",
    "what is looped over": "for one in params['x']:\n    pass",
    "what a comprehension goes through": "{one: 1 for one in params['x']}",
    "what is matched": "match params['x']:\n    case _: pass",
    "of one that is passed on": "helper(params)\nparams['x']",
    "under a name of its own": "word = secrets['x']",
    "read in other ways too": "params.get('y')\nparams['x']",
}
PERHAPS = {
    "of another name": "words['x']",
    "no literal": "secrets[name]",
    "by get": "secrets.get('x')",
    "asked for first": "if 'x' in params:\n    pass\nparams['x']",
    "asked for by get": "params.get('x') and params['x']",
    "in a branch": "if page:\n    params['x']",
    "in an else": "if page:\n    pass\nelse:\n    params['x']",
    "in one of two": "params['x'] if page else 1",
    "on the right of an or": "page or params['x']",
    "in a loop": "for one in page:\n    params['x']",
    "in a while": "while page:\n    params['x']",
    "in a comprehension": "[params['x'] for one in page if params['x']]",
    "in the inner loop": "{a for a in page for b in params['x']}",
    "tried": "try:\n    params['x']\nexcept KeyError:\n    params['x']",
    "matched": "match page:\n    case 1: params['x']",
    "suppressed": "with suppress(KeyError):\n    params['x']",
    "suppressed by the module": "with contextlib.suppress(KeyError):\n    params['x']",
    "after a return": "if page:\n    return\nsecrets['x']",
    "put in": "params['x'] = 1\nparams['x']",
    "put in by a method": "params.setdefault('x', 1)\nparams['x']",
    "updated": "params.update(x=1)\nparams['x']",
    "bound anew": "params = {'x': 1}\nparams['x']",
    "added to": "params |= {'x': 1}\nparams['x']",
    "imported": "from shop import params\nparams['x']",
    "of an inner function's own": "def f(params):\n    params['x']",
    "of a lambda's own": "f = lambda params: params['x']",
    "of a loop's own": "for params in page:\n    params['x']",
    "of an open file's own": "with page as params:\n    params['x']",
}  # fmt: skip


def function(body: str, arguments: str = ", ".join(OURS)) -> Def:
    text = f"async def order({arguments}):\n{textwrap.indent(body, '    ')}\n"
    (node,) = ast.parse(text).body
    assert isinstance(node, Def)
    return node


def names(body: str) -> list[str]:
    return [need.name for need in asks(function(body), OURS).needs]


@pytest.mark.parametrize("case", CERTAIN)
def test_what_every_run_reaches_is_a_need(case: str) -> None:
    assert names(CERTAIN[case]) == ["x"]


@pytest.mark.parametrize("case", PERHAPS)
def test_what_a_run_can_do_without_is_none(case: str) -> None:
    assert "x" not in names(PERHAPS[case])


def test_a_need_has_its_kind_and_first_line_and_is_told_once() -> None:
    body = "totp('otp')\nsecrets['b']\nparams['a']\nsecrets['b']\nsecrets['a']"

    assert [tuple(need) for need in asks(function(body), OURS).needs] == [
        ("totp", "otp", 2),
        ("secrets", "b", 3),
        ("params", "a", 4),
        ("secrets", "a", 6),
    ]


def test_the_first_path_that_a_page_goes_to_needs_a_base_url() -> None:
    body = "page.goto('https://a.example/')\nif params:\n    page.goto('/b')\npage.goto('/c')\npage.goto('/d')"

    assert [tuple(need) for need in asks(function(body), OURS).needs] == [("base_url", "/c", 5)]
    assert asks(function(f"page = other()\n{body}"), OURS).needs == ()


def test_a_name_that_the_function_does_not_ask_for_is_not_ours() -> None:
    body = "secrets['x']\ntotp('x')\nwith step('a'):\n    params['x']"

    found = asks(function(body, "page, totp=None"), ["page"])

    assert (found.needs, found.steps) == ((), ())


def test_steps_are_those_with_a_literal_name_in_the_order_of_the_source() -> None:
    body = (
        "def inner():\n    with step('inner'): ...\n"
        "with step('a', soft=True):\n    with step('b'): ...\n"
        "if page:\n    with step('c', timeout=3): ...\n"
        "for n in page:\n    with step(f'no {n}'): ...\n    with step('a'): ...\n"
        "with step(soft=True, name='d'): ...\nstep(name=1)\nother('e')\n"
    )

    assert asks(function(body), OURS).steps == ("inner", "a", "b", "c", "d")
    assert not asks(function(body), OURS).no_more
    assert asks(
        function(body.replace("f'no {n}'", "'n'").replace("name=1", "name='n'")), OURS
    ).no_more


@pytest.mark.parametrize(
    ("source", "no_more"),
    [
        ("@journey\ndef f(step): step('a')", True),
        ("@journey\ndef f(page): page.step", True),  # it is handed nothing that begins one
        ("@journey\n@timed\ndef f(step): step('a')", False),
        ("def f(step): helper(step)", False),
        ("def f(step): step(*names)", False),
        ("def f(step): step()", False),
    ],
)
def test_whether_a_run_can_have_other_steps_is_known(source: str, no_more: bool) -> None:
    (found,) = ast.parse(source).body
    assert isinstance(found, Def)
    ours = [name for name in OURS if name in {arg.arg for arg in found.args.args}]

    assert asks(found, ours).no_more is no_more


@pytest.mark.parametrize(
    ("there", "right"),
    [
        (["password", "user"], "did you mean 'password'?"),
        (["one", "two"], "there are one, two"),
        ([], "write it under secrets of the check"),
    ],
)
def test_what_is_lacking_is_told_with_what_would_be_right(there: list[str], right: str) -> None:
    assert lacking("secrets", "pasword", there) == f"secrets has no 'pasword'; {right}"
