"""What do rules do in Prometheus' own hands? promtool evaluates them, on series as we write them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from tests.tools import tool

Labels: TypeAlias = Mapping[str, str]
LIMIT = 60.0  # seconds for one call
RULES, CASES = "rules.yml", "cases.yml"
FIRING = 'ALERTS{alertstate="firing"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A time of its own, that begins with nothing. Moments are written `7m`.

    `series` are the values of each, in promtool's notation: `1x9` ten ones,
    `_` a scrape missed, `stale` a target gone.
    `at` are ALL alerts that fire at a moment, by name: the labels of each but `alertname`.
    `values` are samples by moment and expression, to the last digit; a name that
    the result has is its label `__name__`.
    `words` are labels and annotations of an alert, by moment and name.
    """

    name: str
    series: Mapping[str, str]
    at: Mapping[str, Mapping[str, Sequence[Labels]]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Sequence[tuple[Labels, float]]]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, Sequence[tuple[Labels, Labels]]]] = field(default_factory=dict)
    interval: str = "30s"  # from one value of a series to the next


def check_rules(folder: Path, text: str) -> None:
    """Prometheus takes the rules, and promtool has nothing to say about them."""
    path = folder / RULES
    path.write_text(text, encoding="utf-8")
    done = _promtool("check", "rules", "--lint=all", path.name, folder=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    said = done.stdout.split()
    assert said[:3] == ["Checking", path.name, "SUCCESS:"], done.stdout


def failures(folder: Path, rules: str, all_of_them: Iterable[Case], *, every: str = "30s") -> str:
    """What promtool has to say against them; nothing where all is as they say. One call for all.

    Rules are evaluated `every` so often. A failure ends with the name of its case, behind `#`.
    """
    tests = [_test(case) for case in all_of_them]
    assert tests, "no cases"
    (folder / RULES).write_text(rules, encoding="utf-8")
    document = {"rule_files": [RULES], "evaluation_interval": every, "tests": tests}
    (folder / CASES).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    done = _promtool("test", "rules", CASES, folder=folder)
    if done.returncode == 0:
        assert "SUCCESS" in done.stdout, done.stdout + done.stderr
        return ""
    return done.stderr + done.stdout


def _promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [tool("promtool"), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def _test(case: Case) -> dict[str, object]:
    made: dict[str, object] = {
        "name": case.name,
        "interval": case.interval,
        "input_series": [{"series": one, "values": values} for one, values in case.series.items()],
    }
    if case.words:
        made["alert_rule_test"] = list(_worded(case))
    made["promql_expr_test"] = [*_firing(case), *_valued(case)]
    return made


def _firing(case: Case) -> Iterator[Mapping[str, object]]:
    for moment, alerts in case.at.items():
        samples = [
            _sample({**labels, "__name__": "ALERTS", "alertname": name, "alertstate": "firing"}, 1)
            for name, several in alerts.items()
            for labels in several
        ]
        yield _expected(case, FIRING, moment, samples)


def _valued(case: Case) -> Iterator[Mapping[str, object]]:
    for moment, expressions in case.values.items():
        for expression, samples in expressions.items():
            yield _expected(case, expression, moment, [_sample(*sample) for sample in samples])


def _worded(case: Case) -> Iterator[Mapping[str, object]]:
    for moment, alerts in case.words.items():
        for name, several in alerts.items():
            told = [{"exp_labels": dict(a), "exp_annotations": dict(b)} for a, b in several]
            yield {"eval_time": moment, "alertname": name, "exp_alerts": told}


def _expected(
    case: Case, expression: str, moment: str, samples: Sequence[Mapping[str, object]]
) -> Mapping[str, object]:
    named = f"{expression}  # {case.name}"  # promtool tells no name here, but all of the expression
    return {"expr": named, "eval_time": moment, "exp_samples": list(samples)}


def _sample(labels: Labels, value: float) -> Mapping[str, object]:
    pairs = {name: text for name, text in labels.items() if name != "__name__"}
    written = ",".join(f"{name}={_quoted(text)}" for name, text in pairs.items())
    return {"labels": f"{labels.get('__name__', '')}{{{written}}}", "value": value}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def judged(folder: Path, rules: str, all_of_them: Sequence[Case]) -> Mapping[str, str]:
    """What promtool has to say against each of them, by name; one call for all."""
    told = dict.fromkeys((case.name for case in all_of_them), "")
    said = failures(folder, rules, all_of_them)
    for piece in re.split(r"\n(?=    (?:expr|name): )", said)[1:]:
        name = re.search(r'  # (.*)", time: |^    name: (.*),$', piece, re.MULTILINE)
        assert name, said
        told[name[1] or name[2]] += piece + "\n"
    assert bool(said) == any(told.values()), said
    return told
