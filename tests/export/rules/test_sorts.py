from __future__ import annotations

import pytest

from prober.alerts.conditions import (
    BudgetBroken,
    Condition,
    ErrorRate,
    Expiring,
    Failures,
    Percentile,
    StepSlow,
    ValueIs,
)
from prober.export.rules.sorts import Sort, Sorts, sort_of
from tests.export.rules.fleet import rule, scene, watched

BROKEN = BudgetBroken(budget="lcp", over=3600.0)


@pytest.mark.parametrize(
    ("condition", "sort"),
    [
        (Failures(3), Sort.FAILURES),
        (Failures(3, of=5), Sort.FAILURES),
        (BROKEN, Sort.BUDGET),
        (Expiring(60.0), Sort.CERTIFICATE),
        (ErrorRate(rate=0.05, over=900.0), Sort.RATE),
        (Percentile(share=0.95, limit=2.0, over=3600.0), Sort.OTHER),
        (ValueIs("queue", (("gt", 100.0),)), Sort.OTHER),
        (StepSlow("pay", 5.0), Sort.OTHER),
    ],
)
def test_a_rule_is_of_one_sort(condition: Condition, sort: Sort) -> None:
    assert sort_of(condition) is sort


def test_what_is_the_same_for_all_checks_is_chosen_by_name() -> None:
    sorts = Sorts(scene(watched("a", rules=(rule(), rule("v", BROKEN))), watched("b")))
    chosen = sorts.choose(Sort.BUDGET)

    assert chosen.of("m") == 'm{alert=~"v"}'
    assert chosen.but("m") == 'm{alert!~"v"}'
    assert sorts.always(Sort.FAILURES) == ("down",)


def test_what_is_not_the_same_is_chosen_by_check() -> None:
    sorts = Sorts(
        scene(watched("a", rules=(rule("odd", BROKEN),)), watched("b", rules=(rule("odd"),)))
    )
    chosen = sorts.choose(Sort.BUDGET)

    assert chosen.of("m") == 'm{alert="odd",check=~"a"}'
    assert chosen.but("m") == 'm unless m{alert="odd",check=~"a"}'
    assert sorts.always(Sort.FAILURES) == ()
    assert sorts.ever(Sort.FAILURES) == ("odd",)


def test_sorts_are_chosen_together() -> None:
    both = Sorts(scene(watched(rules=(rule("v", BROKEN), rule("c", Expiring(1.0)), rule()))))

    assert both.choose(Sort.BUDGET, Sort.CERTIFICATE).but("m") == 'm{alert!~"v|c"}'


def test_nothing_is_chosen_where_there_is_nothing() -> None:
    chosen = Sorts(scene(watched(rules=()))).choose(Sort.BUDGET)

    assert not chosen
    assert chosen.but("m") == "m"
