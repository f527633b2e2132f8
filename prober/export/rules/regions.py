"""When is a check down in so many regions that somebody is to be told?

Each agent has decided by the user's own rules whether an alert fires in its
region. So nothing of these rules is said again in PromQL; it is asked how many
regions say that it fires, how many say anything, and who is gone.

    check_region:probe_success:last           who has a say
    check_region:prober_alert_firing:last     where it fires
    check_alert:prober_regions_firing:sum     in how many it fires
    check_alert:prober_quorum:met             in enough of them
    check:prober_quorum:out                   failing right now in enough of them
    check_alert:prober_quorum:hushed          fires by failures that somebody was told of as down

Everything joins one row with many: two rows with the same labels are an error
of the evaluation, and nobody would be paged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prober.export.rules import words
from prober.export.rules.made import Alert, Group, Record
from prober.export.rules.pace import Pace
from prober.export.rules.promql import duration, names, number, quoted
from prober.export.rules.sorts import Sort, Sorts, longest_rate
from prober.export.scene import Scene

MOST_LABELS = 20  # of the users' own, on an alert
CERTIFICATE_ENDS = 14 * 86400.0  # seconds; where no rule says more
_OURS = frozenset({"alertstate", "runbook"})  # what an alert or a record has already
WINDOW = "prober_maintenance_active == 1"
FIRING, SAYS = "check_region:prober_alert_firing:last", "check_region:probe_success:last"
COUNT, SUM = "check:prober_regions:count", "check_alert:prober_regions_firing:sum"
ALL = "check:prober_regions:all"
SEVERITY, MET = "check_alert:prober_severity:info", "check_alert:prober_quorum:met"
LABELS, NEEDED = "check:prober_labels:info", "check:prober_quorum:needed"
ISSUE, LOOKED = "check_region_alert:prober_regional:issue", "check_instance:prober_looked:last"
OUT, HUSHED = "check:prober_quorum:out", "check_alert:prober_quorum:hushed"
_TOLD = 'alertname="ProberQuorumDown",alertstate="firing"'
DOWN = f"ALERTS{{{_TOLD}}}"


def groups(scene: Scene) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The rules that join what the regions say of each check, and notes."""
    made = _Made(scene)
    every = made.pace.every
    whole = [Group("prober-regions", every, tuple(made.rules()))]
    if scene.checks and (links := tuple(_runbooks(scene))):
        whole.append(Group("prober-runbooks", every, links))
    return tuple(whole), tuple(made.notes())


def _runbooks(scene: Scene) -> Iterator[Record]:
    """One a check: in the text of an alert ten thousand would be read at every evaluation."""
    for check in scene.checks:
        if check.runbook is not None:
            labels = {"check": check.name, "runbook": check.runbook}
            yield Record("check:prober_runbook:info", "vector(1)", labels)


def carried(scene: Scene) -> tuple[Sequence[str], Sequence[str]]:
    """The names of the checks' labels that alerts have, and those that are too many."""
    found = sorted({name for check in scene.checks for name in check.labels} - _OURS)
    return found[:MOST_LABELS], found[MOST_LABELS:]


def told_down(scene: Scene) -> str:
    """The alerts by which somebody is told that a check is down; "" where no rule says so."""
    failures = Sorts(scene).always(Sort.FAILURES)
    return f"ALERTS{{{_TOLD},alert=~{names(failures)}}}" if failures else ""


def out_now(scene: Scene) -> str:
    """The checks that fail right now in so many regions, if a rule is there to say: down."""
    quiet, grace = Sorts(scene).without(Sort.FAILURES), duration(Pace.of(scene).grace)
    but = f",check!~{names(quiet)}" if quiet else ""
    last = f"last_over_time(probe_success{{job={quoted(scene.job)}{but}}}[{grace}])"
    return _failing(f"min by (check, region) ({last})")


def _failing(regions: str) -> str:
    """In so many regions that the quorum is met."""
    return f"count by (check) ({regions} == 0) >= on (check) {NEEDED}"


def labelled(rows: str, by: str, labels: Iterable[str]) -> str:
    """With these labels of the checks; without them where nobody knows them."""
    joined = f"{rows} * on (check) group_left ({', '.join(('kind', *labels))}) {LABELS}"
    return f"{joined}\nor on ({by}) {rows}"


class _Made:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.pace = Pace.of(scene)
        self._sorts = Sorts(scene)
        self._labels, self._left_out = carried(scene)
        self._default_certificate = not self._sorts.ever(Sort.CERTIFICATE) and any(
            check.has_certificate for check in scene.checks
        )

    def rules(self) -> Iterator[Record | Alert]:
        yield from self._who_says_what()
        yield from self._ranks()
        yield from self._how_many()
        yield Record(LOOKED, self._who_looked())
        yield self._quorum_down()
        yield self._regional_issue()
        yield from self._one_is_enough(Sort.BUDGET)
        yield from self._one_is_enough(Sort.CERTIFICATE)
        if self._default_certificate:
            yield self._certificate_ends()

    def notes(self) -> Iterator[str]:
        scene, regions = self._scene, len(self._scene.regions)
        if self._left_out:
            left = ", ".join(self._left_out)
            yield f"alerts carry {MOST_LABELS} labels of checks; left out: {left}"
        if self._default_certificate:
            days = number(CERTIFICATE_ENDS / 86400)
            yield (
                f"no rule has certificate_expires_within: ProberCertificate fires {days} days before"
            )
        if regions == 1 and scene.agents_tell:
            yield (
                "the agent of the one region tells of everything itself: with agent.notify: never"
                " Prometheus alone tells"
            )
        elif scene.agents_tell:
            yield (
                "agent.notify: always lets the agents tell as well: whoever hears of both is told twice"
            )
        if many := [check.name for check in scene.checks if check.quorum > max(regions, 2)]:
            named = ", ".join(many[:3]) + (f" and {len(many) - 3} more" if len(many) > 3 else "")
            yield f"more regions than there are make the quorum of {named}: all that report have to agree"

    def _over(self, metric: str) -> str:
        """Its last values, though a scrape was missed."""
        job, grace = quoted(self._scene.job), duration(self.pace.grace)
        return f"last_over_time({metric}{{job={job}}}[{grace}])"

    def _without_windows(self, said: str) -> str:
        """Less what is in maintenance, or was when it was last scraped."""
        last = self._over("prober_maintenance_active")
        by = "unless on (check, region)"
        return f"{said}\n{by} {WINDOW}\n{by} {last} == 1"

    def _who_says_what(self) -> Iterator[Record]:
        last = f"min by (check, region) ({self._over('probe_success')})"
        yield Record(SAYS, self._without_windows(last))
        # Without those that do not fire, which are many and are asked for by nobody.
        fires = f"{self._over('prober_alert_firing')} == 1"
        by = "max by (check, region, alert, severity)"
        yield Record(FIRING, f"{by} ({fires})\nand on (check, region) {SAYS}")
        yield Record(COUNT, f"count by (check) ({SAYS})")
        yield Record(ALL, self._all_that_report())
        yield Record(NEEDED, self._needed())
        # One row a check whatever the regions say, or the join with it were an error.
        kept = ", ".join(("check", "kind", *self._labels))
        info = self._over("prober_check_info")
        yield Record(LABELS, f"topk by (check) (1, group by ({kept}) ({info}))")

    def _all_that_report(self) -> str:
        """How many, once they were as many two scrapes ago; until then no number is enough.

        Agents are scraped one after another. The first whose window ends, or
        that is seen at all after a start, must not decide alone for a moment,
        nor the last to be scraped when a window begins.
        """
        scrape = self._scene.every
        before = f"last_over_time({COUNT}[{duration(scrape)}] offset {duration(1.5 * scrape)})"
        return f"{COUNT} == {before}\nor Inf * {COUNT}"

    def _needed(self) -> str:
        """As many regions as the quorum has, or all that report."""
        others: dict[int, list[str]] = {}
        for check in self._scene.checks:
            if check.quorum != self._scene.quorum:
                others.setdefault(check.quorum, []).append(check.name)
        lines = [
            f"clamp_max({ALL}{{check=~{names(several)}}}, {quorum})"
            for quorum, several in sorted(others.items())
        ]
        lines.append(f"clamp_max({ALL}, {self._scene.quorum})")  # `or` adds those that lack
        return "\nor ".join(lines)

    def _ranks(self) -> Iterator[Record]:
        """While a severity is renamed, regions disagree: the worse of the words is taken."""
        words_of = self._scene.severities
        for rank, severity in enumerate(words_of):
            worth = number(len(words_of) - rank)
            yield Record("prober_severity:rank", f"vector({worth})", {"severity": severity})

    def _how_many(self) -> Iterator[Record]:
        said = f"max by (check, alert, severity) ({FIRING})"
        ranked = f"{said} * on (severity) group_left () prober_severity:rank"
        worst = f"topk by (check, alert) (1,\n  {ranked}\n  or {said} * 0\n)"
        yield Record(SEVERITY, f"group by (check, alert, severity) ({worst})")
        regions = f"sum by (check, alert) (max by (check, region, alert) ({FIRING}))"
        yield Record(SUM, f"{regions} * on (check, alert) group_left (severity) {SEVERITY}")
        hushed = tuple(self._hushed())
        yield from hushed
        less = f"\nunless on (check, alert) {HUSHED}" if hushed else ""
        counted = self._sorts.choose(Sort.BUDGET, Sort.CERTIFICATE).but(SUM)
        yield Record(MET, f"({counted}) >= on (check) group_left () {NEEDED}{less}")
        open_in = self._sorts.choose(Sort.BUDGET, Sort.CERTIFICATE).but(FIRING)
        yield Record(ISSUE, f"max by (check, region, alert) ({open_in}){less}")

    def _hushed(self) -> Iterator[Record]:
        """What a window counts of an outage is told once, by the rule that says: down.

        When it is over its failures are still in the window: nobody is to be
        told then that something fires. What fires already goes on.
        """
        down, rates = told_down(self._scene), self._sorts.choose(Sort.RATE)
        if not down or not rates:
            return
        quiet = self._sorts.without(Sort.FAILURES)
        said = f"{SAYS}{{check!~{names(quiet)}}}" if quiet else SAYS
        yield Record(OUT, _failing(said))
        lately = f"last_over_time({down}[{duration(longest_rate(self._scene))}])"
        fires = f"unless on (check, alert) {DOWN}"
        yield Record(
            HUSHED, f"({rates.of(SUM)})\nand on (check) ({OUT} or on (check) {lately})\n{fires}"
        )

    def _who_looked(self) -> str:
        """The agents that have what fires, or had it when they were lost, and whether in a window.

        One that is scraped and has it no more, and one that nobody scrapes any
        more, will not say again that it is well.
        """
        job = quoted(self._scene.job)
        has = f"max by (check, instance) (prober_maintenance_active{{job={job}}})"
        lost = f"{LOOKED} and on (instance) up{{job={job}}} == 0"
        return f"({has} or {lost})\nand on (check) ({MET} or {DOWN})"

    def _quorum_down(self) -> Alert:
        job = quoted(self._scene.job)
        kept = ", ".join(("check", "alert", "severity", "kind", *self._labels))
        was = f"(max by ({kept}) ({DOWN}) unless on (check) {COUNT})"
        blind = f"and on () absent(up{{job={job}}} == 1)"
        looked = f"max by (check) ({LOOKED}) == 0"
        found = labelled(MET, "check, alert", self._labels)
        return Alert(
            alert="ProberQuorumDown",
            # Nobody has a say any more: it stays as it was until somebody has.
            expr=f"{found}\nor {was} {blind}\nor {was} and on (check) {looked}",
            keep=self.pace.grace,
            annotations=words.of_check(
                self._scene,
                "ProberQuorumDown",
                words.quorum(self._sorts.always(Sort.FAILURES)),
                words.WHERE,
            ),
        )

    def _regional_issue(self) -> Alert:
        return Alert(
            alert="ProberRegionalIssue",
            expr=f"({labelled(ISSUE, 'check, region, alert', self._labels)})\nunless on (check, alert) {DOWN}",
            lasting=self.pace.patience,
            labels={"severity": self._scene.severities[-1]},
            annotations=words.of_check(
                self._scene,
                "ProberRegionalIssue",
                words.regional(self._sorts.always(Sort.FAILURES)),
                words.NOT_ENOUGH,
            ),
        )

    def _one_is_enough(self, sort: Sort) -> Iterator[Alert]:
        """A certificate and a budget are the same wherever one looks from."""
        if chosen := self._sorts.choose(sort):
            name, summary = words.ONE_IS_ENOUGH[sort]
            yield Alert(
                alert=name,
                expr=labelled(f"({chosen.of(SUM)})", "check, alert", self._labels),
                keep=self.pace.grace,
                annotations=words.of_check(self._scene, name, summary, words.WHERE),
            )

    def _certificate_ends(self) -> Alert:
        ends = f"min by (check, region) ({self._over('probe_ssl_earliest_cert_expiry')})"
        left = f"min by (check) ({self._without_windows(ends)}) - time()"
        severities = self._scene.severities
        return Alert(
            alert="ProberCertificate",
            expr=labelled(f"({left} < {number(CERTIFICATE_ENDS)})", "check", self._labels),
            labels={"alert": "certificate", "severity": (*severities[-2:], severities[-1])[0]},
            annotations=words.of_check(
                self._scene, "ProberCertificate", words.ENDS, words.ENDS_IN_GENERAL
            ),
        )
