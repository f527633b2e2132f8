"""Which rules apply to a check, and over how long do they look at it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prober.alerts.conditions import Failures, Subject, Windowed, needed
from prober.alerts.names import clash
from prober.alerts.rules import EffectiveRule, Rule, applying
from prober.check import Check
from prober.config.desk import Desk
from prober.config.overrides import Overrides
from prober.config.pace import some
from prober.config.tree import Path
from prober.probes import AnyCheck
from prober.probes.http import HttpCheck
from prober.probes.http_steps import HttpSteps
from prober.probes.journey_budgets import Budgets
from prober.probes.journey_settings import JourneyCheck
from prober.probes.tcp import TcpCheck
from prober.units import show_duration


class Ruling:
    """The rules of every check. None for `rules` or `severities`: these are wrong themselves."""

    def __init__(
        self, desk: Desk, rules: Mapping[str, Rule] | None, severities: Sequence[str] | None
    ) -> None:
        self._desk = desk
        self._rules = rules
        self._severities = severities
        self._plain: dict[str | None, tuple[EffectiveRule, ...]] = {}
        self._applying: dict[
            tuple[tuple[EffectiveRule, ...], Subject], tuple[EffectiveRule, ...]
        ] = {}
        self._short: dict[
            tuple[Path, str], list[str]
        ] = {}  # what the pace of checks is too slow for
        self._refuse_names(list(rules or ()))

    def _refuse_names(self, names: Sequence[str]) -> None:
        for index, name in enumerate(names):
            if said := clash(name, names[:index]):
                self._desk.report.error(("alerts", name), said)

    def report(self) -> None:
        """What was widened or cannot be, once for all checks of one pace."""
        for (place, said), names in self._short.items():
            self._desk.report.warn(place, f"{said} for {some(names)}")

    def of(self, check: Check, places: Sequence[Path]) -> tuple[EffectiveRule, ...]:
        """The rules that are given for it, whether or not they can apply."""
        if not check.alerts and check.severity in self._plain:
            return self._plain[check.severity]
        found = Overrides(self._desk.report, check, places).on(self._rules, self._severities)
        if not check.alerts:
            self._plain[check.severity] = found
        return found

    def applying(
        self, rules: tuple[EffectiveRule, ...], check: AnyCheck, place: Path
    ) -> tuple[EffectiveRule, ...]:
        """Those of `rules` that `check`, which stands at `place`, can meet."""
        if all(isinstance(rule.condition, Failures) and not rule.flapping for rule in rules):
            return rules
        about = subject(check)
        if (found := self._applying.get((rules, about))) is None:
            found = self._applying[rules, about] = applying(rules, about)
        self._note(rules, found, check, (place, about))
        return found

    def _note(
        self,
        rules: Sequence[EffectiveRule],
        found: Sequence[EffectiveRule],
        check: AnyCheck,
        seen: tuple[Path, Subject],
    ) -> None:
        place, about = seen
        left = {rule.name for rule in found}
        for rule in rules:
            at = self._place("when", rule, check, place)
            self._desk.reach.note(at, rule.condition, (check.name, place), about)
            if rule.name in left:
                if isinstance(rule.condition, Windowed):
                    self._note_window(rule.condition, check, (*at, "when"))
                if rule.flapping is not None:
                    self._note_flapping(rule, check, place)

    def _note_window(self, condition: Windowed, check: AnyCheck, at: Path) -> None:
        if (over := needed(condition, check.interval)) is None:
            return
        said = (
            f"{condition.min_runs} runs, {show_duration(check.interval)} apart, do not fit"
            f" into {show_duration(condition.over)}; it looks back {show_duration(over)}"
        )
        self._short.setdefault((at, said), []).append(check.name)

    def _note_flapping(self, rule: EffectiveRule, check: AnyCheck, place: Path) -> None:
        least = quickest(rule, check.interval)
        if rule.flapping is None or least < rule.flapping.over:
            return
        said = (
            f"never flaps: with runs {show_duration(check.interval)} apart,"
            f" {rule.flapping.changes} changes take {show_duration(least)} or more"
        )
        at: Path = (*self._place("flapping", rule, check, place), "flapping")
        self._short.setdefault((at, said), []).append(check.name)

    def _place(self, key: str, rule: EffectiveRule, check: AnyCheck, place: Path) -> Path:
        """Where the rule stands that has this key of it: the check's own, its defaults', everybody's."""
        if key in (check.alerts.get(rule.name) or {}):
            for above in (place, ("defaults", check.kind), ("defaults",)):
                at = (*above, "alerts", rule.name)
                if self._desk.tree.reach((*at, key)).path == (*at, key):
                    return at
        return ("alerts", rule.name)


def quickest(rule: EffectiveRule, interval: float) -> float:
    """How long as many changes take, at the least, as make it flap: it is over, fires, is over…"""
    if rule.flapping is None:
        return 0.0
    between = rule.flapping.changes - 1
    bad = rule.condition.failures if isinstance(rule.condition, Failures) else 1
    firing, over = max(bad * interval, rule.lasting), rule.successes * interval
    return (between // 2) * firing + (between - between // 2) * over


def subject(check: AnyCheck) -> Subject:
    """What rules can be about."""
    match check:
        case HttpCheck():
            http = check.http
            requests = http.steps if isinstance(http, HttpSteps) else (http,)
            return Subject(
                interval=check.interval,
                tls=any(one.url.tls or one.redirects for one in requests),
                values=frozenset(name for one in (http, *requests) for name in one.values),
                steps=frozenset(one.name for one in http.steps)
                if isinstance(http, HttpSteps)
                else frozenset(),
            )
        case TcpCheck():
            return Subject(interval=check.interval, tls=check.tcp.speaks_tls)
        case JourneyCheck():
            budgets = _budgets(check.journey.budgets)
            return Subject(interval=check.interval, budgets=budgets, steps=None)


def _budgets(budgets: Budgets) -> frozenset[str]:
    """As results call them."""
    pages = [budgets.of(page) for page in ("", *budgets.pages)]
    names = {name for page in pages for name in page}
    names |= {"duration"} if budgets.duration is not None else set()
    return frozenset(names | {f"step {name}" for name in budgets.steps})
