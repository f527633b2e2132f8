from __future__ import annotations

from dataclasses import replace

import pytest

from prober.doctor.looks import Level
from prober.doctor.vitals import CLS, is_slow, judged
from prober.result import Visit

RIGHT = Visit(page="known", url="http://127.0.0.1/", lcp=0.58, inp=0.112, cls=CLS, interactions=1)


@pytest.mark.parametrize(
    ("seen", "level", "word"),
    [
        (RIGHT, Level.OK, "INP 112 ms"),
        (replace(RIGHT, cls=CLS + 1e-7), Level.OK, "CLS"),
        (replace(RIGHT, inp=0.89), Level.FAIL, "INP is 890 ms"),  # what new headless says of it
        (replace(RIGHT, inp=0.08), Level.FAIL, "INP is 80 ms"),
        (replace(RIGHT, cls=0.0), Level.FAIL, "CLS is 0 of a page where it is 0.02813"),
        (replace(RIGHT, lcp=0.3), Level.FAIL, "LCP is 300 ms"),
        (replace(RIGHT, lcp=2.1), Level.WARN, "LCP is 2.1 s"),
        (replace(RIGHT, inp=None), Level.FAIL, "not all"),
        (replace(RIGHT, lcp=None), Level.FAIL, "not all"),
        (None, Level.FAIL, "not all"),
    ],
)
def test_vitals_are_judged_by_what_is_known_of_the_page(
    seen: Visit | None, level: Level, word: str
) -> None:
    said = judged([seen] if seen else [])

    assert said.level is level
    assert word in said.found
    assert bool(said.do) is (level is not Level.OK)


def test_an_inp_of_twice_what_it_is_may_be_the_machine_and_is_tried_again() -> None:
    assert not is_slow(RIGHT)
    assert is_slow(replace(RIGHT, inp=0.21))
    assert not is_slow(replace(RIGHT, inp=None))
    assert not is_slow(None)
