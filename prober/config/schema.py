"""What does a config look like, for an editor? JSON Schema (draft 2020-12) of what users write.

Which keys there are, which are required and what type each has is generated
from the settings classes; here they are put together as `build` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from prober.alerts.periods import Report
from prober.alerts.route import Route
from prober.alerts.rules import Rule
from prober.alerts.slo import Slo
from prober.alerts.windows import Maintenance
from prober.check import Check
from prober.config import build, targets
from prober.config.blackbox_options import KINDS, HttpOptions, Options, TcpOptions
from prober.config.checks import BY_KIND, DEFAULTABLE
from prober.config.described import described
from prober.config.forms import DEFINITIONS, Forms, Schema, as_written
from prober.config.model import AgentSettings, PrometheusSettings, WebSettings
from prober.export.otlp import OtlpSettings
from prober.notify import KINDS as NOTIFIERS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODELS: tuple[type[BaseModel], ...] = (
    AgentSettings,
    WebSettings,
    PrometheusSettings,
    OtlpSettings,
    Rule,
    Route,
    Maintenance,
    Report,
    Slo,
    Check,
    *BY_KIND.values(),
    *NOTIFIERS,
    Options,
    HttpOptions,
    TcpOptions,
)
_FILES: Schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_WORDS: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
_PREFIX = "#/$defs/"


def text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False)


def schema() -> Schema:
    """The whole of it."""
    return _Whole().made()


class _Whole:
    def __init__(self) -> None:
        models = [(model, "validation") for model in _MODELS]
        refs, made = models_json_schema(models, by_alias=True, schema_generator=Forms)  # type: ignore[arg-type] # a list of pairs it is
        self._names = {
            model: refs[model, "validation"]["$ref"].removeprefix(_PREFIX) for model in _MODELS
        }
        self._definitions: dict[str, Schema] = dict(DEFINITIONS)
        for name, one in made["$defs"].items():
            self._definitions[name] = as_written(described(name, one))

    def made(self) -> Schema:
        sections = self._sections()
        properties = {key: _or_nothing(sections.get(key, {})) for key in build.KNOWN}
        whole = {
            "$schema": DIALECT,
            "title": "The config of a prober agent",
            **described("Config", _closed(properties)),
        }
        return whole | {"$defs": self._used(whole)}

    def _sections(self) -> dict[str, Schema]:
        # The region is the host's name where nobody gives another.
        self._definitions[self._names[AgentSettings]].pop("required", None)
        rules: Schema = {"type": "object", "additionalProperties": self._ref(Rule)}
        notifiers: Schema = {"type": "object", "additionalProperties": self._notifier()}
        return {
            "agent": self._ref(AgentSettings),
            "web": self._ref(WebSettings),
            "include": _FILES,
            "regions": _WORDS,
            "quorum": {"type": "integer", "minimum": 1},
            "prometheus": self._ref(PrometheusSettings),
            "otlp": self._ref(OtlpSettings),
            "severities": {**_WORDS, "minItems": 1},
            "defaults": self._defaults(),
            "checks": {"type": "array", "items": self._check()},
            "alerts": rules,
            "notifiers": notifiers,
            "routes": {"type": "array", "items": self._ref(Route)},
            "maintenance": {"type": "array", "items": self._ref(Maintenance)},
            "reports": {"type": "array", "items": self._ref(Report)},
            "slos": {"type": "array", "items": self._ref(Slo)},
            "connectivity": {"type": "array", "items": {"type": "string"}},
            "modules_file": {"type": "string"},
            "modules": {"type": "object", "additionalProperties": self._module()},
        }

    def _check(self) -> Schema:
        """Every kind in one object: an editor offers what fits, and says what it misses."""
        common = self._common()
        whole = {kind: self._properties(model)[kind] for kind, model in BY_KIND.items()}
        without = {kind: self._without_target(kind, one) for kind, one in whole.items()}
        kinds = described("Check", _closed({key: {} for key in (targets.KEY, *BY_KIND)}))
        properties = kinds["properties"]
        assert isinstance(properties, dict)  # noqa: S101 - just made
        properties[targets.KEY] = {**properties[targets.KEY], **_FILES}
        return {
            **_closed(common | properties),
            "required": ["name"],
            "oneOf": [{"required": [kind]} for kind in BY_KIND],
            "if": {"required": [targets.KEY]},
            "then": {"properties": without},
            "else": {"properties": whole},
        }

    def _common(self) -> dict[str, object]:
        """What all kinds have; any key of a rule may be left out where a check overrides it."""
        override = {"anyOf": [self._partial(self._names[Rule]), {"type": "null"}]}
        properties = dict(self._properties(Check))
        alerts: Schema = {"type": "object", "additionalProperties": override}
        return properties | {"alerts": _with_description(properties["alerts"], alerts)}

    def _defaults(self) -> Schema:
        plain = {key: one for key, one in self._common().items() if key in DEFAULTABLE}
        self._definitions["Defaults"] = _closed(plain)
        one = _or_nothing({"$ref": f"{_PREFIX}Defaults"})
        return _closed(plain | dict.fromkeys(BY_KIND, one))

    def _notifier(self) -> Schema:
        properties: dict[str, object] = {}
        for model in NOTIFIERS:
            properties |= self._properties(model)
        return {
            **_closed(properties),
            "oneOf": [{"required": [model.kind]} for model in NOTIFIERS],
        }

    def _module(self) -> Schema:
        """One of blackbox_exporter's. An option that is empty is not set, whatever it is."""
        kinds: dict[str, object] = {key: {} for key in KINDS}
        for kind, model in (("http", HttpOptions), ("tcp", TcpOptions)):
            options = {
                key: {"anyOf": [one, {"enum": ["", None]}]}
                for key, one in self._properties(model).items()
            }
            kinds[kind] = _or_nothing(_closed(options))
        common = {**self._properties(Options), "prober": {"enum": [*KINDS]}}
        return {**_closed(common | kinds), "required": ["prober"]}

    def _without_target(self, kind: str, whole: object) -> Schema:
        """The same where targets come from files; nothing for a kind that takes none from there."""
        if kind not in targets.FILLED:
            return {"not": {}}
        field = targets.FILLED[kind][0]
        for name in _named(whole):
            settings = self._definitions[name]
            properties = settings.get("properties")
            if isinstance(properties, dict) and field in properties:
                rest = {key: one for key, one in properties.items() if key != field}
                return _or_nothing(_any_key({**settings, "properties": rest}))
        return {}

    def _partial(self, name: str) -> Schema:
        """The definition, and all that it needs, with nothing required."""
        ours = f"{name}Override"
        if ours not in self._definitions:
            self._definitions[ours] = {}  # so that it may refer to itself
            plain = json.dumps(_any_key(self._definitions[name]))
            for inner in _named(self._definitions[name]):
                if inner not in DEFINITIONS:
                    ref = self._partial(inner)["$ref"]
                    plain = plain.replace(f'"{_PREFIX}{inner}"', json.dumps(ref))
            self._definitions[ours] = json.loads(plain)
        return {"$ref": f"{_PREFIX}{ours}"}

    def _ref(self, model: type[BaseModel]) -> Schema:
        return {"$ref": f"{_PREFIX}{self._names[model]}"}

    def _properties(self, model: type[BaseModel]) -> Mapping[str, object]:
        properties = self._definitions[self._names[model]]["properties"]
        assert isinstance(properties, dict)  # noqa: S101 - every settings class has some
        return properties

    def _used(self, whole: Schema) -> dict[str, Schema]:
        """The definitions that something refers to."""
        used: dict[str, Schema] = {}
        pending = [*_named(whole)]
        while pending:
            name = pending.pop()
            if name not in used:
                used[name] = self._definitions[name]
                pending += _named(used[name])
        return dict(sorted(used.items()))


def _named(value: object) -> Iterator[str]:
    """The definitions that `value` refers to."""
    if isinstance(value, dict):
        if isinstance(ref := value.get("$ref"), str):
            yield ref.removeprefix(_PREFIX)
        for one in value.values():
            yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)


def _with_description(before: object, now: Schema) -> Schema:
    said = before.get("description") if isinstance(before, dict) else None
    return {"description": said, **now} if said else now


def _any_key(one: Schema) -> Schema:
    return {key: value for key, value in one.items() if key != "required"}


def _closed(properties: Mapping[str, object]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _or_nothing(one: Schema) -> Schema:
    """What is empty is as good as not there. Without a union where it can be: it blurs messages."""
    if isinstance(one.get("type"), str):
        return {**one, "type": [one["type"], "null"]}
    return {"anyOf": [one, {"type": "null"}]} if one else {}
