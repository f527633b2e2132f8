from __future__ import annotations

from dataclasses import replace

import pytest

from prober.export.vitals import FAMILIES, Vitals
from prober.series import MOST_PAGES
from prober.web.visits import LIMITS
from tests.export.samples import PAGE, visit

LABELS = 'check="shop"'
LCP, INP, CLS = (
    "prober_web_vital_lcp_seconds",
    "prober_web_vital_inp_seconds",
    "prober_web_vital_cls",
)


def edges(text: str) -> list[float]:
    return [
        float(line.split('le="')[1].split('"')[0]) for line in text.splitlines() if "le=" in line
    ]


def test_what_was_never_reported_has_no_series() -> None:
    subject = Vitals(LABELS)
    assert dict(subject.texts()) == {}
    subject.count(visit("/"))
    subject.count(visit("/pay", inp=0.25))
    texts = dict(subject.texts())

    assert f'{INP}_count{{{LABELS},page="/pay"}} 1\n' in texts[INP]
    assert 'page="/"' not in texts[INP]
    assert f'{CLS}_bucket{{{LABELS},page="/",le="0.01"}} 1\n' in texts[CLS]


def test_every_visit_counts() -> None:
    subject = Vitals(LABELS)
    for lcp in (2.5, 2.6, None, 4.1):
        subject.count(visit("/", lcp=lcp))
    text = dict(subject.texts())[LCP]

    assert f'{LCP}_bucket{{{LABELS},page="/",le="2.5"}} 1\n' in text
    assert f'{LCP}_bucket{{{LABELS},page="/",le="4.0"}} 2\n' in text
    assert f'{LCP}_count{{{LABELS},page="/"}} 3\n' in text


def test_a_visit_beside_another_journey_measures_that_one_too_and_does_not_count() -> None:
    subject = Vitals(LABELS)
    subject.count(replace(visit("/", inp=0.1), quality=("remote", "contended")))
    assert dict(subject.texts()) == {}

    subject.count(replace(visit("/", inp=0.1), quality=("remote", "throttled", "unverified")))
    assert f'{INP}_count{{{LABELS},page="/"}} 1\n' in dict(subject.texts())[INP]


def test_pages_beyond_the_limit_are_one() -> None:
    subject = Vitals(LABELS)
    for number in (*range(MOST_PAGES + 5), 0):
        subject.count(visit(f"/{number}"))
    text = dict(subject.texts())[LCP]

    assert text.count("_count{") == MOST_PAGES + 1
    assert f'{LCP}_count{{{LABELS},page="other"}} 5\n' in text
    assert f'{LCP}_count{{{LABELS},page="/0"}} 2\n' in text


def test_a_page_may_be_called_anything() -> None:
    subject = Vitals(LABELS)
    subject.count(replace(PAGE, page='50% "off"\\\n'))

    assert 'page="50% \\"off\\"\\\\\\n"' in dict(subject.texts())[LCP]


@pytest.mark.parametrize("vital", list(LIMITS))
def test_the_share_of_good_and_of_poor_is_exact(vital: str) -> None:
    subject = Vitals(LABELS)
    subject.count(visit("/", inp=0.1))
    name = f"prober_web_vital_{vital.lower()}"
    (text,) = (text for family, text in subject.texts() if family.startswith(name))

    assert set(LIMITS[vital]) <= set(edges(text))
    assert edges(text) == sorted(edges(text))


def test_each_vital_has_a_family_of_its_own() -> None:
    assert [name for name, kind, said in FAMILIES if kind == "histogram" and said] == [
        LCP, INP, CLS, "prober_web_vital_fcp_seconds", "prober_web_vital_ttfb_seconds",
    ]  # fmt: skip
