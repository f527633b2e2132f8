from __future__ import annotations

import pytest

from prober.journey.cleanup import Cleanups
from prober.journey.steps import NAME, label


def test_a_name_is_something_to_read() -> None:
    with pytest.raises(ValueError, match="a cleanup needs a name, not ' '"):
        Cleanups()(" ", print)

    assert label("a step", 7) == "7"
    assert len(label("a step", "x" * 1000)) == NAME
