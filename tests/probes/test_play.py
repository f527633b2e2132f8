from __future__ import annotations

from pathlib import Path

import pytest

from prober.clock import SystemClock
from prober.probes.browsers import Browsers, Setup
from prober.probes.play import Play

ENV = {"HOME": "/home/qa", "DISPLAY": ":1", "WAYLAND_DISPLAY": "wayland-0", "TOKEN": "hunter22"}
SEEN = {"DISPLAY": ":1", "WAYLAND_DISPLAY": "wayland-0", "XAUTHORITY": "/home/qa/.Xauthority"}


@pytest.mark.parametrize(
    ("play", "added"),
    [
        (Play(), {}),
        (Play(slow_mo=1.0), {}),
        (Play(headless=False), SEEN),
        (Play(headless=False, debug=True), {**SEEN, "PWDEBUG": "1"}),
    ],
)
async def test_a_journey_knows_the_display_only_where_it_is_to_be_seen(
    tmp_path: Path, play: Play, added: dict[str, str]
) -> None:
    folder = tmp_path / "run"
    plain = Browsers(SystemClock(), Setup(data_dir=tmp_path, env=ENV)).environment(folder)
    here = Browsers(SystemClock(), Setup(data_dir=tmp_path, env=ENV, play=play))

    assert here.environment(folder) == {**plain, **added}
    assert plain["HOME"] == str(folder)
    assert "TOKEN" not in plain


def test_a_cookie_of_the_display_that_is_named_is_kept() -> None:
    found = Play(headless=False).environment({"HOME": "/home/qa", "XAUTHORITY": "/run/x"})

    assert found == {"XAUTHORITY": "/run/x"}
