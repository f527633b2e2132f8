from __future__ import annotations

from pathlib import Path

import pytest

from prober.journey.find import Unfit, find

PYTEST = "import pytest\n"
NO_FIXTURE = (
    "before_each is a fixture of pytest's, which does not run here; call it from the journey"
)
IMPORT = "from prober.journey import journey\n"
GOOD = f"{IMPORT}@journey\ndef sign_in(page, step): ...\n"

# The source, the function asked for, the line, and what the message says.
UNFIT = {
    "syntax": ("def f(:\n", None, 1, "syntax error: "),
    "empty": ("", None, 0, "has no journey; write @journey over the function that is one"),
    "unmarked": ("def f(page): ...\n", None, 0, "has no journey; write @journey"),
    "two": (
        f"{GOOD}@journey\ndef sign_out(page): ...\n",
        None,
        5,
        "has 2 journeys (sign_in, sign_out); write journey.py::sign_in",
    ),
    "misspelt": (GOOD, "sign_inn", 0, "has no journey 'sign_inn'; did you mean 'sign_in'?"),
    "named but unmarked": (
        f"{GOOD}def other(page): ...\n",
        "other",
        4,
        "other is not marked; write @journey over it",
    ),
    "no module": (
        "import os\nimport nothing_like_it\n",
        None,
        2,
        "cannot be imported: ModuleNotFoundError: No module named 'nothing_like_it';"
        " packages go into journeys/requirements.txt",
    ),
    "starts a browser": (
        "from playwright.sync_api import sync_playwright\ndef run(p): ...\n"
        "with sync_playwright() as p:\n    run(p)\n",
        None,
        3,
        "starts a browser of its own, where a journey is given its page;"
        " paste what `playwright codegen --target python-pytest` prints",
    ),
    "starts a browser in a loop of its own": (
        "import asyncio\nfrom playwright.async_api import async_playwright\n"
        "async def main():\n    async with async_playwright() as p: ...\nasyncio.run(main())\n",
        None,
        5,
        "starts a browser of its own",
    ),
    "brackets behind the mark": (
        f"{IMPORT}@journey('sign in')\ndef sign_in(page): ...\n",
        None,
        3,
        "@journey takes nothing; write it without brackets over sign_in",
    ),
    "raises": (f"{GOOD}\nprint('out')\n1 / 0\n", None, 6, "cannot be imported: ZeroDivisionError"),
    "a fixture of pytest's": (
        f"{PYTEST}\n@pytest.fixture(autouse=True)\ndef before_each(page): ...\ndef test_f(): ...\n",
        None,
        4,
        NO_FIXTURE,
    ),
    "a fixture of an older pytest's": (
        "from types import SimpleNamespace as N\ndef before_each(page): ...\n"
        "before_each._pytestfixturefunction = N(autouse=True, name=None)\ndef test_f(): ...\n",
        None,
        2,
        NO_FIXTURE,
    ),
    "a fixture by another name": (
        f"{PYTEST}@pytest.fixture(name='cart')\ndef before_each(): ...\ndef test_f(cart): ...\n",
        None,
        3,
        NO_FIXTURE,
    ),
    "a fixture behind the page": (
        f"{PYTEST}@pytest.fixture\ndef browser_context_args(): ...\ndef test_f(page): ...\n",
        None,
        3,
        "browser_context_args is a fixture of pytest's, which does not run here;"
        " remove it, and write device or context into the check's journey",
    ),
    "a mark for all": (
        f"{PYTEST}pytestmark = pytest.mark.filterwarnings('x')\ndef test_f(page): ...\n",
        None,
        2,
        "pytestmark marks for pytest; a journey has none",
    ),
    "exits": (f"{GOOD}import sys\nsys.exit(3)\n", None, 5, "cannot be imported: SystemExit: 3"),
    "unknown argument": (
        f"{IMPORT}@journey\ndef f(pages,\n      step): ...\n",
        None,
        3,
        "f asks for 'pages', which no journey gets; did you mean 'page'?",
    ),
    "later argument": (
        f"{IMPORT}@journey\ndef f(page, created): ...\n",
        None,
        3,
        "f asks for 'created', which no journey gets; there is no created yet; use cleanup(",
    ),
    "strange argument": (
        f"{IMPORT}@journey\ndef f(x): ...\n",
        None,
        3,
        "f asks for 'x', which no journey gets; there are page, context, browser, base_url, "
        "step, params, secrets, cleanup, run_id, page_name",
    ),
    "later name": (
        "import os\nfrom prober.journey import journey, undo\n",
        None,
        2,
        "cannot be imported: ImportError: there is no undo yet; use cleanup(name, function, ...)",
    ),
    "no name of ours": (
        "from prober.journey import nothing_like_it\n",
        None,
        1,
        "cannot import name 'nothing_like_it'",
    ),
    "method": (
        f"{IMPORT}class Shop:\n    @journey\n    def f(self, page): ...\n",
        None,
        4,
        "@journey over f has to stand at the top level of the file",
    ),
    "nested": (
        "import prober.journey as p\ndef g():\n    @p.journey\n    def f(page): ...\n",
        None,
        4,
        "@journey over f has to stand at the top level of the file",
    ),
    "nested and named": (
        f"{GOOD}def g():\n    @journey\n    def f(page): ...\n",
        "f",
        6,
        "@journey over f has to stand at the top level of the file",
    ),
    "below another decorator": (
        f"{IMPORT}def twice(f): return lambda: f()\n@twice\n@journey\ndef f(): ...\n",
        None,
        5,
        "@journey has to stand above the other decorators of f",
    ),
    "not by name": (f"{IMPORT}@journey\ndef f(page, /): ...\n", None, 3, "'page' is given by name"),
    "class": (f"{IMPORT}@journey\nclass F: ...\n", None, 2, "not over the class F"),
    "called": (f"{IMPORT}@journey('x')\ndef f(): ...\n", None, 3, "without brackets over f"),
    "generator": (f"{IMPORT}@journey\ndef f(page): yield\n", None, 3, "f yields"),
    "in a class": (
        "class TestShop:\n    def test_f(self, page): ...\n    def test_g(self, page): ...\n",
        None,
        2,
        "test_f is in the class TestShop, and a journey is a function;"
        " write it at the top level of the file, without self",
    ),
    "in a class and named": (
        f"{GOOD}class TestShop:\n    def test_f(self): ...\n    async def test_g(self): ...\n",
        "test_g",
        6,
        "test_g is in the class TestShop",
    ),
    "fixture": ("def test_f(page, tmp_path): ...\n", None, 1, "test_f asks for 'tmp_path'"),
    "our name in a test": ("def test_f(page, step): ...\n", None, 1, "test_f asks for 'step'"),
    "mark": (
        "def test_f(page): ...\ntest_f.pytestmark = [1]\n",
        None,
        1,
        "test_f has a mark of pytest's",
    ),
    "no file": (None, None, 0, "cannot be read: no such file or directory"),
    "no text": (b"\0\xff", None, 0, ""),
}


@pytest.mark.parametrize("case", list(UNFIT))
def test_a_script_that_is_no_journey_is_told_with_its_line(tmp_path: Path, case: str) -> None:
    source, function, line, message = UNFIT[case]
    script = tmp_path / "journey.py"
    if source is not None:
        script.write_bytes(source if isinstance(source, bytes) else source.encode())

    with pytest.raises(Unfit) as unfit:
        find(script, function)

    assert (unfit.value.file, unfit.value.line) == (str(script), line)
    assert message in unfit.value.message


SEVERAL = {
    "arguments": (
        f"{IMPORT}@journey\ndef f(page, stpe, /, *, other, x=1, **more): yield\n",
        [
            (3, "f yields"),
            (3, "'page' is given by name"),
            (3, "'stpe' is given by name"),
            (3, "f asks for 'other'"),
        ],
    ),
    "what pytest would have had a part in": (
        f"{PYTEST}pytestmark = [1]\n@pytest.fixture(autouse=True)\ndef before_each(page): ...\n"
        "@pytest.fixture\ndef cart(): ...\n@pytest.fixture\ndef nobody_asks_for(): ...\n"
        "@pytest.mark.parametrize('x', [1])\ndef test_f(page, x, cart): ...\n",
        [
            (10, "test_f has a mark of pytest's"),
            (2, "pytestmark marks for pytest"),
            (4, "before_each is a fixture of pytest's"),
            (6, "cart is a fixture of pytest's"),
            (10, "test_f asks for 'x'"),
        ],
    ),
    "what need not be imported": (
        f"{IMPORT}from playwright.sync_api import sync_playwright\n@journey()\ndef f(): ...\n"
        "with sync_playwright() as p: ...\n",
        [(4, "@journey takes nothing"), (5, "starts a browser of its own")],
    ),
}


@pytest.mark.parametrize("case", list(SEVERAL))
def test_all_mistakes_of_a_script_are_told_at_once(tmp_path: Path, case: str) -> None:
    source, mistakes = SEVERAL[case]
    script = tmp_path / "journey.py"
    script.write_text(source)

    with pytest.raises(Unfit) as unfit:
        find(script, None)

    told = [unfit.value, *unfit.value.besides]
    assert [
        (one.line, one.message[: len(m)]) for one, (_, m) in zip(told, mistakes, strict=False)
    ] == mistakes
    assert len(told) == len(mistakes)


HELPER = f"""import pytest
{IMPORT}
@pytest.fixture(autouse=True)
def before_each(page): ...

@pytest.fixture
def cart(page): ...

@journey
def f(
    stpe): ...

def plain(page): ...

def wrapped(f):
    import functools
    @functools.wraps(f)
    def g(*args): return f(*args)
    return g
"""


@pytest.mark.parametrize(
    ("source", "function", "where", "message"),
    [
        ("from shop import f\n", None, "shop.py:11", "f asks for 'stpe'"),
        ("from shop import plain\n", "plain", "shop.py:14", "plain is not marked"),
        (
            f"import shop\n{IMPORT}@journey\n@shop.wrapped\ndef f(\n    x): ...\n",
            "f",
            "journey.py:5",
            "f asks for 'x'",
        ),
        (
            "import os\nfrom shop import cart, before_each as it\ndef test_f(): ...\n",
            None,
            "journey.py:2",
            "it is a fixture of pytest's",
        ),
        ("from shop import *\ndef test_f(): ...\n", "test_f", "journey.py:1", NO_FIXTURE),
    ],
    ids=["arguments", "unmarked", "wrapped", "imported fixture", "imported with a star"],
)
def test_a_mistake_is_told_in_the_file_where_it_is_to_be_mended(
    tmp_path: Path, source: str, function: str | None, where: str, message: str
) -> None:
    (tmp_path / "shop.py").write_text(HELPER)
    (tmp_path / "journey.py").write_text(source)

    with pytest.raises(Unfit) as unfit:
        find(tmp_path / "journey.py", function)

    assert str(unfit.value).startswith(f"{tmp_path}/{where}: {message}")


def test_a_mistake_in_a_helper_is_told_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "shop_pages.py").write_text("\n1 / 0\n")
    (tmp_path / "journey.py").write_text(f"import shop_pages\n{GOOD}")

    with pytest.raises(Unfit) as unfit:
        find(tmp_path / "journey.py", None)

    assert (unfit.value.file, unfit.value.line) == (str(tmp_path / "shop_pages.py"), 2)


GOOD_ONES = {
    "that can be run by hand, too": (
        f"{GOOD}from playwright.sync_api import sync_playwright\n"
        "def by_hand(): sync_playwright()\nif __name__ == '__main__':\n    sync_playwright()\n",
        None,
        "sign_in",
        False,
    ),
    "marked": (GOOD, None, "sign_in", False),
    "async": (f"{IMPORT}@journey\nasync def f(page): ...\n", None, "f", True),
    "chosen": (f"{GOOD}@journey\nasync def other(page): ...\n", "other", "other", True),
    "own default": (f"{IMPORT}@journey\ndef f(page, tries=3, **more): ...\n", None, "f", False),
    "from codegen": (
        "from playwright.sync_api import Page, expect\ndef test_example(page: Page) -> None: ...\n",
        None,
        "test_example",
        False,
    ),
    "fixtures that it does without": (
        f"{PYTEST}@pytest.fixture\ndef cart(page): ...\n"
        "@pytest.fixture\ndef is_firefox(): ...\npytestmark = []\ndef test_f(page): ...\n",
        None,
        "test_f",
        False,
    ),
    "one that answers to everything": (
        "class Any:\n    def __getattr__(self, name): return self\n"
        "anything = Any()\ndef test_f(page): ...\n",
        None,
        "test_f",
        False,
    ),
    "marked beside a helper": (f"{GOOD}def test_helper(): ...\n", None, "sign_in", False),
    "noisy": (
        f"print('{{'); import sys; print('x', file=sys.stderr)\n{GOOD}",
        None,
        "sign_in",
        False,
    ),
    "wrapped": (
        f"import functools\n{IMPORT}def twice(f):\n    @functools.wraps(f)\n"
        "    def g(*a, **k): return f(*a, **k)\n    return g\n"
        "@journey\n@twice\nasync def f(page): ...\n",
        None,
        "f",
        True,
    ),
}


@pytest.mark.parametrize("case", list(GOOD_ONES))
def test_a_journey_is_found(tmp_path: Path, case: str) -> None:
    source, function, name, is_async = GOOD_ONES[case]
    (tmp_path / "journey.py").write_text(source)

    found = find(tmp_path / "journey.py", function)

    assert (found.name, found.is_async) == (name, is_async)


def test_a_journey_gets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    source = f"{IMPORT}@journey\ndef f(page, run_id, tries=3): return page, run_id, tries\n"
    (tmp_path / "journey.py").write_text(source)

    found = find(tmp_path / "journey.py", None)

    assert found.arguments == ("page", "run_id")
    assert found.bound({"page": 1, "run_id": 2, "step": 3})() == (1, 2, 3)
