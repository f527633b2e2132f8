"""What a Prometheus sees of some agents, sample by sample, 30 seconds apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from prober.alerts.conditions import Condition, Failures, Percentile
from prober.alerts.rules import EffectiveRule
from prober.export.rules import text
from prober.export.rules.whole import generated
from prober.export.scene import Scene, Watched
from tests.promtool import Case, Labels, judged

LENGTH = 80  # samples: 40 minutes
WELL, FIRES = (0,) * LENGTH, (1,) * LENGTH
DOWN: Labels = {
    "check": "shop", "alert": "down", "severity": "critical", "kind": "http", "team": "web"
}  # fmt: skip
ISSUE: Labels = {**DOWN, "severity": "info"}
OF_AGENT: Labels = {"kind": "agent", "severity": "high"}
BLIND: Labels = {"kind": "agent", "severity": "critical"}


def lost(region: str) -> Labels:
    return {**OF_AGENT, "region": region, "instance": region, "job": "prober"}


def absent(*regions: str) -> Sequence[Labels]:
    return [{**OF_AGENT, "region": region} for region in regions]


def at(minutes: float) -> int:
    """How many samples there are before that moment."""
    return round(2 * minutes)


def since(minutes: float, until: float = LENGTH / 2) -> tuple[int, ...]:
    """1 from one moment to the other, 0 before and after it."""
    first, last = at(minutes), at(until)
    return (0,) * first + (1,) * (last - first) + (0,) * (LENGTH - last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One agent, and of one check what it says. Until `dies`, in minutes, and again from `back`.

    `vanishes` says that whoever knows the targets forgets it as well. At `missed`
    no scrape of it succeeds. From `removed` on it has no such check. `more` are
    further series of the check, `own` of the agent itself.
    """

    region: str = "eu"
    instance: str = ""
    job: str = "prober"
    shard: str = ""
    check: str = "shop"
    firing: Sequence[int] = WELL
    success: Sequence[int | str] = FIRES  # "_" is withheld
    window: Sequence[int] = WELL
    alert: str = "down"
    severity: str = "critical"
    labels: Labels = field(default_factory=lambda: {"team": "web"})
    dies: float | None = None
    back: float | None = None
    vanishes: bool = False
    missed: Sequence[float] = ()
    removed: float = LENGTH
    more: Mapping[str, Sequence[float | str]] = field(default_factory=dict)
    own: Mapping[str, Sequence[float | str]] = field(default_factory=dict)

    @property
    def where(self) -> str:
        return self.instance or self.region

    def but(self, **changed: object) -> Seen:
        """The same agent, that says so of another check or rule."""
        return replace(self, **changed)  # type: ignore[arg-type] # fields by name

    def series(self) -> Mapping[str, str]:
        """As promtool reads them."""
        check = {"check": self.check, "region": self.region}
        alert = {"alert": self.alert, "severity": self.severity}
        shard = {"shard": self.shard} if self.shard else {}
        of_check: dict[str, Sequence[float | str]] = {
            self._named("probe_success", **check): self.success,
            self._named("prober_alert_firing", **check, **alert): self.firing,
            self._named("prober_maintenance_active", **check): self.window,
            self._named("prober_check_info", **check, kind="http", **self.labels): FIRES,
            **{self._named(name, **check): values for name, values in self.more.items()},
        }
        of_agent: dict[str, Sequence[float | str]] = {
            self._named("prober_build_info", region=self.region, version="1", **shard): FIRES,
            **{self._named(name): values for name, values in self.own.items()},
        }
        return {
            **{name: self._told(values, self.removed) for name, values in of_check.items()},
            **{name: self._told(values) for name, values in of_agent.items()},
            self._named("up"): self._up(),
        }

    def _named(self, name: str, **labels: str) -> str:
        """`name` may have labels of its own."""
        labels = {**labels, "instance": self.where, "job": self.job}
        metric, _, its_own = name.removesuffix("}").partition("{")
        pairs = [its_own] * bool(its_own) + [f'{key}="{text}"' for key, text in labels.items()]
        return f"{metric}{{{','.join(pairs)}}}"

    def _told(self, values: Sequence[float | str], until: float = LENGTH) -> str:
        """What was there and is not is said by Prometheus itself: stale."""
        return " ".join(
            "stale"
            if value == "_" or moment >= at(until) or not self._is_there(moment)
            else str(value)
            for moment, value in enumerate(values)
        )

    def _up(self) -> str:
        gone = "stale" if self.vanishes else "0"
        return " ".join("1" if self._is_there(moment) else gone for moment in range(LENGTH))

    def _is_there(self, moment: int) -> bool:
        if moment in map(at, self.missed):
            return False
        last = LENGTH if self.dies is None else at(self.dies)
        return moment < last or (self.back is not None and moment >= at(self.back))


def of(*seen: Seen) -> dict[str, str]:
    """All that is seen of them."""
    return {name: values for one in seen for name, values in one.series().items()}


def rule(name: str = "down", condition: Condition | None = None) -> EffectiveRule:
    return EffectiveRule(name=name, condition=condition or Failures(3))


SLOW = rule("slow", Percentile(share=0.95, limit=2.0, over=3600.0))


def watched(name: str = "shop", **changed: object) -> Watched:
    plain = Watched(
        name=name,
        kind="http",
        interval=60.0,
        timeout=10.0,
        severity="critical",
        labels={"team": "web"},
        runbook=None,
        depends_on=(),
        quorum=2,
        rules=(rule(), SLOW),
        has_certificate=False,
    )
    return replace(plain, **changed)  # type: ignore[arg-type] # fields by name


def scene(*checks: Watched, **changed: object) -> Scene:
    plain = Scene(
        source="config.yaml",
        regions=("eu", "us", "ap"),
        checks=checks or (watched(),),
        severities=("critical", "high", "medium", "low", "info"),
        quorum=2,
        job="prober",
        every=30.0,
        runbooks="https://wiki.example.com/prober",
        slos=(),
        agents_tell=True,
    )
    return replace(plain, **changed)  # type: ignore[arg-type] # fields by name


def rules(of_scene: Scene) -> str:
    """The text of them."""
    return text.rules(generated(of_scene), of_scene)


def judged_by_scene(
    place: pytest.TempPathFactory, of: Mapping[str, tuple[Scene, Sequence[Case]]]
) -> Mapping[str, str]:
    """What promtool has to say against each case; one call a scene."""
    found: dict[str, str] = {}
    for number, (its_scene, several) in enumerate(of.values()):
        found.update(judged(place.mktemp(f"scene{number}"), rules(its_scene), several))
    return found
