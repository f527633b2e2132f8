from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prober.export.histogram import Histogram, bound, merged
from prober.units import parse_duration


def test_a_value_on_an_edge_belongs_to_what_is_below_it() -> None:
    subject = Histogram("seconds", 'page="100%s"', (0.5, 2.5))
    for value in (0.5, 0.6, 2.5, 99.0):
        subject.observe(value)

    assert subject.text().splitlines() == [
        'seconds_bucket{page="100%s",le="0.5"} 1',
        'seconds_bucket{page="100%s",le="2.5"} 3',
        'seconds_bucket{page="100%s",le="+Inf"} 4',
        'seconds_sum{page="100%s"} 102.6',
        'seconds_count{page="100%s"} 4',
    ]


def test_nothing_seen_is_all_zeros() -> None:
    text = Histogram("seconds", 'page="/"', (1.0,)).text()

    assert text.count(" 0\n") == 4


def test_a_promise_is_an_edge_as_people_write_it() -> None:
    """700 times 0.001 is a little more than 0.7."""
    under = parse_duration("700ms")

    assert under != 0.7
    assert (bound(under), bound(1.0), bound(0.005), bound(120)) == ("0.7", "1.0", "0.005", "120.0")
    assert merged((0.5, 2.5), (under, 2.5)) == (0.5, 0.7, 2.5)


@given(st.lists(st.floats(0.001, 1e6)))
def test_edges_rise_and_their_texts_differ_and_say_them(more: list[float]) -> None:
    edges = merged((0.5, 2.5), tuple(more))

    assert list(edges) == sorted(set(edges))
    assert [float(bound(edge)) for edge in edges] == list(edges)
    assert {bound(edge) for edge in (0.5, 2.5, *more)} == set(map(bound, edges))
