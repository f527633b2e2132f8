"""Which agents say nothing, or nothing new?

Prometheus' `up` knows no region; an agent's `prober_build_info` does, and is
remembered for a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prober.export.rules import words
from prober.export.rules.made import Alert, Group, Record
from prober.export.rules.pace import Pace
from prober.export.rules.promql import duration, names, quoted
from prober.export.rules.regions import WINDOW
from prober.export.scene import Scene, Watched

REGION, EXPECTED = "instance:prober_region:info", "prober_expected_region"
OVERDUE = "check_instance:prober_run:overdue"  # for more than so many seconds
INTERVALS = 3  # without a run, after which a check stands still
REMEMBERED = 86400.0  # seconds; which region an instance was


def groups(scene: Scene) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The rules about the agents themselves, and notes."""
    made = _Made(scene)
    return (Group("prober-agents", made.pace.every, tuple(made.rules())),), ()


class _Own(NamedTuple):
    """One of the alerts that agents tell themselves, where they tell at all; `alert` is its label."""

    name: str
    alert: str
    expr: str
    summary: str
    description: str


class _Made:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._job = quoted(scene.job)
        self.pace = Pace.of(scene)
        self._worst = scene.severities[0]
        self._second = (*scene.severities[:2], self._worst)[1]

    def rules(self) -> Iterator[Record | Alert]:
        info = f"last_over_time({self._of('prober_build_info')}[{duration(REMEMBERED)}])"
        group = f"group by (instance, region, shard) ({info})"
        yield Record(REGION, f"topk by (instance) (1, {group})")
        for region in self._scene.regions:
            yield Record(EXPECTED, "vector(1)", {"region": region})
        yield self._blind()
        yield self._lost()
        yield self._absent()
        yield Record(OVERDUE, self._overdue())
        yield self._stuck()
        if not self._scene.agents_tell:
            yield from map(self._told_for_it, self._own())

    def _of(self, metric: str) -> str:
        return f"{metric}{{job={self._job}}}"

    def _placed(self, rows: str) -> str:
        """With the region of the agent; without it where nobody knows it."""
        joined = f"({rows}) * on (instance) group_left (region, shard) {REGION}"
        return f"{joined}\nor on (instance) {rows}"

    def _away(self) -> str:
        return f"{self._of('up')} == 0"

    def _nobody(self) -> str:
        return f"absent({self._of('up')} == 1)"

    def _blind(self) -> Alert:
        return Alert(
            alert="ProberBlind",
            expr=self._nobody(),
            lasting=self.pace.blind,
            labels={"kind": "agent", "severity": self._worst},
            annotations=words.of_agent(self._scene, "ProberBlind", *words.BLIND),
        )

    def _lost(self) -> Alert:
        return self._of_second_rank(
            "ProberRegionLost",
            f"({self._placed(self._away())})\nunless on () {self._nobody()}",
            self.pace.grace,
            words.LOST,
        )

    def _absent(self) -> Alert:
        info = f"last_over_time({self._of('prober_build_info')}[{duration(self.pace.grace)}])"
        there = f"group by (region) ({info})"
        known = f"({self._away()}) * on (instance) group_left (region) {REGION}"  # that one is lost
        expr = f"{EXPECTED}\nunless on (region) {there}\nunless on (region) ({known})\nunless on () {self._nobody()}"
        return self._of_second_rank("ProberRegionAbsent", expr, self.pace.absent, words.ABSENT)

    def _stuck(self) -> Alert:
        expr = "\n".join(["count by (instance, region) (", *self._standing_still(), ")"])
        return self._of_second_rank("ProberStuck", expr, self.pace.patience, words.STUCK)

    def _overdue(self) -> str:
        """Whatever is said of many checks that are well is made once, and few rows go on from it."""
        long = f"{INTERVALS} * {self._of('prober_check_interval_seconds')}"
        return f"{long} < (time() - {self._of('prober_last_run_timestamp_seconds')})"

    def _standing_still(self) -> Iterator[str]:
        alive = f"(time() - {self._of('process_start_time_seconds')})"
        yield OVERDUE
        yield f"unless on (check, region) {WINDOW}"
        # Last runs are those of before the restart, or of before a window without runs.
        yield f"unless on (instance, check) ({OVERDUE} > on (instance) group_left () {alive})"
        slow = [check for check in self._scene.checks if check.interval > self.pace.patience]
        if slow:
            yield f"unless on (check, region) {self._lately_in_a_window(slow)} == 1"

    def _lately_in_a_window(self, slow: list[Watched]) -> str:
        checks = names(check.name for check in slow)
        longest = duration(max(check.interval for check in slow) + self.pace.grace)
        series = f"prober_maintenance_active{{job={self._job},check=~{checks}}}"
        return f"max_over_time({series}[{longest}])"

    def _own(self) -> Iterator[_Own]:
        yield _Own(
            "ProberAgentFault", "agent-fault", "\n".join(self._without_verdict()), *words.FAULT
        )
        offline = self._placed(f"{self._of('prober_connectivity')} == 0")
        yield _Own("ProberOffline", "offline", offline, *words.OFFLINE)
        store = self._placed(f"{self._of('prober_store_up')} == 0")
        yield _Own("ProberStore", "store", store, *words.STORE)
        lately = f"increase({self._of('prober_dead_letters_total')}[1h])"
        dead = self._placed(f"sum by (instance, notifier) ({lately}) > 0")
        yield _Own("ProberUndelivered", "undelivered", dead, *words.UNDELIVERED)

    def _without_verdict(self) -> Iterator[str]:
        """Checks that run, and of which the last verdict is too old to be shown."""
        unknown = f'prober_runs_total{{job={self._job},outcome="unknown"}}'
        yield "count by (instance, region) ("
        yield f"{unknown} >= {INTERVALS}"
        yield f"unless on (instance, check) {self._of('probe_success')}"
        yield f"unless on (instance, check) {OVERDUE}"
        longest = max((check.interval for check in self._scene.checks), default=0.0)
        cut_off = f"{self._of('prober_connectivity')}[{duration(longest + self.pace.grace)}]"
        yield f"unless on (instance) min_over_time({cut_off}) == 0"  # until each has run again
        yield f"unless on (check, region) {WINDOW}"
        yield ")"

    def _told_for_it(self, own: _Own) -> Alert:
        said = (own.summary, own.description)
        return self._of_second_rank(own.name, own.expr, self.pace.grace, said, alert=own.alert)

    def _of_second_rank(
        self, name: str, expr: str, lasting: float, said: tuple[str, str], **labels: str
    ) -> Alert:
        return Alert(
            alert=name,
            expr=expr,
            lasting=lasting,
            labels={"kind": "agent", "severity": self._second, **labels},
            annotations=words.of_agent(self._scene, name, *said),
        )
