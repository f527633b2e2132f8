"""In which words does Prometheus tell of what it found? Templates of its own.

https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prober.export.rules.promql import quoted
from prober.export.rules.sorts import Sort
from prober.export.scene import Scene

_CHECK = "{{ $labels.check }}"
_FIRES = "{{ $labels.alert }} fires for " + _CHECK
_REGIONS = (
    "{{ $value }} of {{ $n := . | first | value }}{{ $n }} region{{ if ne $n 1.0 }}s{{ end }}"
)
_OF = '{{ with query (printf "check:prober_regions:count{check=%q}" $labels.check) }}'
_WHERE_FIRING = (
    '{{ range $i, $one := query (printf "check_region:prober_alert_firing:last{check=%q,alert=%q} == 1"'
    ' $labels.check $labels.alert) | sortByLabel "region" }}'
    "{{ if $i }}, {{ end }}{{ $one.Labels.region }}{{ else }}none that reports{{ end }}"
)
WHERE = f"regions in which it fires: {_WHERE_FIRING}; what was found stands on their agents' pages"
NOT_ENOUGH = f"nobody is paged for it; it fires in: {_WHERE_FIRING}"
ENDS = f"{_CHECK} has a certificate that ends in {{{{ $value | humanizeDuration }}}}"
ENDS_IN_GENERAL = "no rule of the config looks at certificates, so this one does"
ONE_IS_ENOUGH: Mapping[Sort, tuple[str, str]] = {
    Sort.BUDGET: ("ProberBudget", f"{_CHECK} is over budget ({{{{ $labels.alert }}}})"),
    Sort.CERTIFICATE: (
        "ProberCertificate",
        f"{_CHECK} has a certificate that ends soon ({{{{ $labels.alert }}}})",
    ),
}

_AGENT = "the agent {{ with $labels.region }}in {{ . }} {{ end }}({{ $labels.instance }})"
_MANY = "check{{ if ne $value 1.0 }}s{{ end }}"
# Of agents: a summary and a description.
BLIND = (
    "no agent is scraped: nobody knows how anything is",
    "what fired when the last one went is held until somebody looks again",
)
LOST = (
    f"{_AGENT} cannot be scraped",
    "its checks are looked at by the other regions alone, whose quorum is of those that report",
)
ABSENT = (
    "nothing is heard of the region {{ $labels.region }}",
    "Prometheus has scraped none of its agents lately, or knows of none",
)
STUCK = (
    f"the agent in {{{{ $labels.region }}}} ({{{{ $labels.instance }}}}) no longer runs {{{{ $value }}}} {_MANY}",
    "it is scraped, but has not begun a run of them for three intervals: what it says of them is old",
)
FAULT = (
    f"the agent in {{{{ $labels.region }}}} ({{{{ $labels.instance }}}}) gets no verdict on {{{{ $value }}}} {_MANY}",
    "it runs them and cannot tell whether they are up: its own fault, not that of the targets",
)
OFFLINE = (
    f"{_AGENT} is cut off",
    "none of the addresses under `connectivity` answers it; its failed runs are unknown meanwhile",
)
STORE = (
    f"{_AGENT} cannot write to its store",
    "it goes on from memory; history and alerts since then are lost if it stops",
)
UNDELIVERED = (
    f"{_AGENT} has given up notices to {{{{ $labels.notifier }}}}",
    "within the last hour; its page says what the notifier answered",
)


def quorum(failures: Iterable[str]) -> str:
    """`failures` are the rules that mean: down."""
    unknown = "{{ else }}, when last looked at: no region reports now{{ end }}"
    return f"{_what(failures)}{_OF} in {_REGIONS}{unknown}"


def regional(failures: Iterable[str]) -> str:
    return f"{_what(failures)} in {{{{ $labels.region }}}}, in fewer regions than its quorum"


def of_check(scene: Scene, name: str, summary: str, description: str) -> Mapping[str, str]:
    """The annotations of an alert with a check; its own runbook is the better one."""
    general = _general(scene, name)
    if any(check.runbook for check in scene.checks):
        own = '{{ with query (printf "check:prober_runbook:info{check=%q}" $labels.check) }}'
        link = f'{own}{{{{ . | first | label "runbook" }}}}{{{{ else }}}}{general}{{{{ end }}}}'
    else:
        link = general
    return _annotations(summary, description, link)


def of_agent(scene: Scene, name: str, summary: str, description: str) -> Mapping[str, str]:
    return _annotations(summary, description, _general(scene, name))


def plain(text: str) -> str:
    """A text that is no template, whatever is in it."""
    return text.replace("{{", '{{ "{{" }}')


def _annotations(summary: str, description: str, link: str) -> Mapping[str, str]:
    said = {"summary": summary, "description": description, "runbook_url": link}
    return {name: text for name, text in said.items() if text}


def _general(scene: Scene, name: str) -> str:
    return plain(f"{scene.runbooks}/{name}.md") if scene.runbooks else ""


def _what(failures: Iterable[str]) -> str:
    rules = " ".join(map(quoted, failures))
    if not rules:
        return _FIRES
    return (
        f"{{{{ if eq $labels.alert {rules} }}}}{_CHECK} is down{{{{ else }}}}{_FIRES}{{{{ end }}}}"
    )
