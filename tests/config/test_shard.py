"""What of a config is the agent's own, where it has a shard of its region."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prober.alerts.notice import Notice, incident_key
from prober.alerts.periods import Period
from prober.alerts.report import Facts, notice
from prober.config import Config, load
from prober.config.child import load_in_child
from prober.config.plan import plan
from prober.config.shard import counted, own, own_labels
from prober.notify import alertmanager
from prober.probes.http import HttpCheck
from prober.result import Outcome
from prober.shard import place
from tests.alerts.holds import Held, Spans
from tests.config.loading import loaded, warned
from tests.fake_clock import NOON

CHECKS = "checks:\n" + "".join(
    f"  - {{name: c{number}, http: 'http://h{number}/'}}\n" for number in range(30)
)
DOWN_TO = "  - {{name: {name}, depends_on: [{parent}], http: 'http://h/'}}\n"


def config(folder: Path, shard: str, text: str = CHECKS) -> Config:
    return loaded(folder, f"agent: {{region: eu, shard: {shard}}}\n{text}").config


def names(some: Config) -> list[str]:
    return [check.name for check in some.checks]


def test_the_shares_of_all_shards_are_the_whole_and_none_is_in_two(tmp_path: Path) -> None:
    whole = config(tmp_path, "0/3")

    shares = [names(own(config(tmp_path, f"{index}/3"))) for index in range(3)]

    assert sorted(name for share in shares for name in share) == sorted(names(whole))
    assert all(shares)


def test_without_a_shard_all_checks_are_its_own(tmp_path: Path) -> None:
    whole = loaded(tmp_path, f"agent: {{region: eu}}\n{CHECKS}").config

    assert own(whole) is whole
    assert counted(whole) == "30 checks"
    assert own_labels(whole) == {}


def test_an_order_of_checks_is_none_of_a_shard(tmp_path: Path) -> None:
    turned = "checks:\n" + "".join(reversed(CHECKS.splitlines(keepends=True)[1:]))

    assert set(names(own(config(tmp_path, "1/3", turned)))) == set(
        names(own(config(tmp_path, "1/3")))
    )


def test_rules_and_dependences_go_with_their_checks_and_all_else_stays(tmp_path: Path) -> None:
    children = [f"child-{number}" for number in range(8)]
    text = CHECKS + "".join(DOWN_TO.format(name=name, parent="c1") for name in children)
    whole = config(tmp_path, "0/2", text)

    shares = [own(config(tmp_path, f"{index}/2", text)) for index in range(2)]

    assert all(share.rules.keys() == set(names(share)) for share in shares)
    [with_it] = [share for share in shares if "c1" in names(share)]
    assert {*children} <= {*names(with_it)}
    assert with_it.depends == dict.fromkeys(children, ("c1",))
    assert [share.depends for share in shares].count({}) == 1
    assert shares[0].notifiers == whole.notifiers
    assert own(shares[0]) == shares[0]


def test_checks_of_targets_are_shared_out_each_for_itself(tmp_path: Path) -> None:
    hosts = [f"host-{number}:80" for number in range(40)]
    (tmp_path / "targets.json").write_text(f'[{{"targets": {hosts}}}]'.replace("'", '"'))
    text = "checks: [{name: many, targets_from: [targets.json], http: {}}]\n"

    share = own(config(tmp_path, "0/2", text))

    assert 0 < len(share.checks) < 40
    assert names(share) == [f"many:{host}" for host in hosts if place(f"many:{host}", 2) == 0]
    assert all(isinstance(check, HttpCheck) for check in share.checks)


def test_it_is_said_how_many_are_its_own(tmp_path: Path) -> None:
    whole = config(tmp_path, "0/3")

    assert counted(whole) == f"30 checks, {len(own(whole).checks)} of them in shard 0/3"
    assert counted(config(tmp_path, "0/1", "checks: [{name: a, http: 'http://h/'}]")) == (
        "1 check, 1 of them in shard 0/1"
    )


async def test_a_reload_is_of_the_share_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"agent: {{region: eu}}\n{CHECKS}")
    env = {**os.environ, "PROBER_SHARD": "1/3"}

    reloaded = await load_in_child(path, env)

    assert reloaded.config == own(load(path, env).config)
    assert 0 < len(reloaded.config.checks) < 30


@pytest.mark.parametrize(("shard", "said"), [("0/1", 0), ("0/2", 1), (None, 0)])
def test_a_warning_where_most_of_the_checks_cannot_be_parted(
    tmp_path: Path, shard: str | None, said: int
) -> None:
    of = f", shard: {shard}" if shard else ""
    children = "".join(DOWN_TO.format(name=f"d{number}", parent="c0") for number in range(31))
    found = warned(tmp_path, f"agent: {{region: eu{of}}}\n{CHECKS}{children}")

    where = f"{place('c0', 2)}/2"
    warning = (
        "config.yaml:1: agent.shard: 32 of 61 checks are joined by depends_on, c0 among them, and"
        f" all go to shard {where}; let fewer depend on the same"
    )
    assert [one for one in found if "joined" in one] == [warning] * said


def test_half_of_the_checks_may_hang_together(tmp_path: Path) -> None:
    children = "".join(DOWN_TO.format(name=f"d{number}", parent="c0") for number in range(28))

    found = warned(tmp_path, f"agent: {{region: eu, shard: 0/2}}\n{CHECKS}{children}")

    assert [one for one in found if "joined" in one] == []


def test_shards_of_a_region_never_say_the_same_of_themselves(tmp_path: Path) -> None:
    said = []
    for index in range(2):
        held = Held(
            plan(config(tmp_path, f"{index}/2", "notifiers: {ops: {webhook: {url: 'http://h/'}}}")),
            Spans(),
        )
        held.incidents.own("store", "it is full", held.now)
        held.till(held.now + 120)
        [(_, delivery)] = held.said
        said.append(delivery)

    first, second = (one.notice for one in said)
    assert first.labels != second.labels
    assert first.labels == {**second.labels, "shard": "0/2"}
    assert first.key != second.key
    assert said[0].id != said[1].id
    assert "the agent in eu (shard 0/2)" in first.annotations["summary"]


def test_reports_of_two_shards_are_two(tmp_path: Path) -> None:
    def made(shard: str) -> Notice:
        labels = own_labels(config(tmp_path, shard))
        period = Period(NOON - 86400, NOON)
        return notice(Facts(region="eu", period=period, at=NOON, labels=labels), "weekly")

    first, second = made("0/2"), made("1/2")

    assert first.key != second.key
    assert first.labels != second.labels
    assert "in eu (shard 0/2):" in first.annotations["summary"]


def test_the_key_of_an_agent_without_a_shard_is_as_it_was(tmp_path: Path) -> None:
    whole = loaded(tmp_path, "agent: {region: eu}\n").config
    held = Held(plan(whole), Spans())
    held.incidents.own("undelivered", "a page", held.now, "ops")

    state = held.incidents.states["", "undelivered"]
    assert incident_key(state) == f"eu//undelivered/{state.incident}"
    assert "shard" not in state.labels


def test_the_end_of_what_another_agent_has_now_is_told_as_such_and_once(tmp_path: Path) -> None:
    hook = "notifiers: {am: {alertmanager: {urls: ['http://h/']}}}\n"
    moved = next(f"c{number}" for number in range(30) if place(f"c{number}", 2) == 1)
    held = Held(plan(config(tmp_path, "0/1", hook + CHECKS)), Spans())
    held.run(*[Outcome.DOWN] * 3, check=moved)
    fired, removed = held.incidents.states, CHECKS.replace(f"{moved},", "new,")

    ends = {}
    for shard, text in (("0/2", CHECKS), ("0/1", removed), ("0/2", removed)):
        after = Held(plan(own(config(tmp_path, shard, hook + text))), Spans(), fired)
        [(_, said)] = after.said
        again = alertmanager.keep_telling(said.notice, after.now)
        ends[shard, text] = said.notice.annotations["description"], again

    gone = ("the check was removed from the config", True)
    assert ends["0/2", CHECKS] == ("the check is another shard's now", False)
    assert ends["0/1", removed] == ends["0/2", removed] == gone


def test_what_the_agent_said_of_itself_before_it_had_a_shard_is_ended_as_it_was_begun(
    tmp_path: Path,
) -> None:
    hook = "notifiers: {ops: {webhook: {url: 'http://h/'}}}\n"
    held = Held(plan(loaded(tmp_path, f"agent: {{region: eu}}\n{hook}").config), Spans())
    held.incidents.own("undelivered", "a page", held.now, "ops")
    held.till(held.now + 1)
    [(_, begun)] = held.said

    after = Held(plan(config(tmp_path, "0/2", hook)), Spans(), held.incidents.states)
    after.incidents.own("undelivered", None, after.now)
    after.till(after.now + 1)

    [(_, ended)] = after.said
    assert ended.notice.event.is_over
    assert (ended.notice.key, ended.notice.labels) == (begun.notice.key, begun.notice.labels)


def test_a_window_is_told_by_one_shard_and_kept_by_all(tmp_path: Path) -> None:
    windows = "maintenance:\n" + "".join(
        f"  - {{name: w{number}, start: 2099-01-01T00:00:00Z, end: 2099-01-02T00:00:00Z}}\n"
        for number in range(6)
    )
    shares = [own(config(tmp_path, f"{index}/3", windows)) for index in range(3)]

    told = [[window.name for window in plan(share).windows] for share in shares]

    assert sorted(name for share in told for name in share) == [f"w{n}" for n in range(6)]
    assert all(len(share.maintenance) == 6 for share in shares)
