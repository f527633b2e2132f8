from __future__ import annotations

from prober.export.histogram import Histogram


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
