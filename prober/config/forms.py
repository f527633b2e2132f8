"""In which forms can a setting be written? JSON Schema of what people write, not of what is kept.

A number can be a `${…}`, a text a number; a mapping or a list often has a
short form, which a validator that runs before pydantic's own turns into it.
What such a validator takes is found by trying it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from prober.units import parse_duration, parse_ratio, parse_size

Schema: TypeAlias = dict[str, object]

_QUANTITY = "x-quantity"
_TIME = r"^\s*((\d+(\.\d+)?(ms|s|m|h|d|w))+|\d+(\.\d+)?)\s*$"
_BYTES = r"^\s*\d+(\.\d+)?\s*([KMGT]?i?B)?\s*$"
_SHARE = r"^\s*\d+(\.\d+)?%?\s*$"
_REFERENCE: Schema = {"$ref": "#/$defs/Reference"}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_NUMBERS = ("integer", "number", "boolean")


def _quantity(said: str, pattern: str, kind: str, example: str) -> Schema:
    text = {"type": "string", "pattern": pattern}
    forms = [{"type": kind, "minimum": 0}, text, _REFERENCE]
    return {"description": said, "anyOf": forms, "examples": [example]}


DEFINITIONS: Mapping[str, Schema] = {
    "Reference": {
        "description": "Filled in from the environment, or from a file.",
        "type": "string",
        "pattern": r"\$\{",
        "examples": ["${NAME}", "${NAME:-default}", "${file:/run/secrets/x}"],
    },
    "Duration": _quantity(
        "500ms, 30s, 5m, 1h30m, 7d, or a number of seconds.", _TIME, "number", "30s"
    ),
    "Size": _quantity("64KiB, 10MiB, or a number of bytes.", _BYTES, "integer", "10MiB"),
    "Ratio": _quantity("5% or 0.05.", _SHARE, "number", "5%"),
}
_QUANTITIES: Mapping[object, str] = {
    parse_duration: "Duration",
    parse_size: "Size",
    parse_ratio: "Ratio",
}
# What people may write; a validator makes something else of it, leaves it alone, or says no.
_SAMPLES: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {
        "string": ("x", "1", "200", "https://host.example/", "host.example:1", "x.py"),
        "number": (1, 200, 1.2),
    }
)


class Forms(GenerateJsonSchema):
    """pydantic's own generator, told what our validators make of other forms."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - as it is inherited

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        function = schema["function"]["function"]
        if name := _QUANTITIES.get(function):
            return {_QUANTITY: name}
        return _with_short_forms(self.generate_inner(schema["schema"]), function)

    def function_plain_schema(
        self, schema: core_schema.PlainValidatorFunctionSchema
    ) -> JsonSchemaValue:
        return {}  # it alone knows what it takes

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Only with a default that is kept as it is written."""
        made = super().default_schema(schema)
        if _QUANTITY in made or not isinstance(made.get("default"), str | int):
            made.pop("default", None)
        return made

    def field_title_should_be_set(self, schema: object) -> bool:
        return False  # the key says it


def _with_short_forms(inner: Schema, function: object) -> Schema:
    items = [kind for kind in _SAMPLES if _takes(function, kind, lambda one: [one])]
    if items and inner.get("type") == "array":
        inner = {**inner, "items": {"type": items}}
        inner.pop("prefixItems", None)
    values = [kind for kind in _SAMPLES if _takes(function, kind, lambda one: {"x": one})]
    if values and "additionalProperties" in inner and "properties" not in inner:
        forms = [inner["additionalProperties"], {"type": values}]
        inner = {**inner, "additionalProperties": {"anyOf": forms}}
    short = [kind for kind in _SAMPLES if _takes(function, kind, lambda one: one)]
    return {"anyOf": [inner, {"type": short}]} if short else inner


def _takes(function: object, kind: str, form: Callable[[object], object]) -> bool:
    """Whether it makes something else of a value of this kind, in this form."""
    assert callable(function)  # noqa: S101 - it is a validator
    for sample in map(form, _SAMPLES[kind]):
        try:
            made = function(sample)
        except (ValueError, TypeError):
            continue
        if _kinds(made) != _kinds(sample):
            return True
    return False


def _kinds(value: object) -> object:
    """What JSON calls it, and what is in it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, Mapping):
        return {str(key): _kinds(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_kinds(one) for one in value]
    return "object"


def as_written(value: Schema) -> Schema:
    """The same where any scalar can be a `${…}`, and a text what YAML takes for a number."""
    made = {
        key if isinstance(one, dict) else _BOUNDS.get(key, key): _each(
            one
        )  # or it is a field's name
        for key, one in value.items()
    }
    if "patternProperties" in made:
        made.setdefault("additionalProperties", False)
    if name := made.pop(_QUANTITY, None):
        return {"$ref": f"#/$defs/{name}", **made}
    around: Schema = {key: made.pop(key) for key in ("description", "default") if key in made}
    kind = made.get("type")
    if "enum" in made or "const" in made or kind in _NUMBERS:
        return {**around, "anyOf": [made, _REFERENCE]}
    if kind == "string":
        made["type"] = ["string", "number", "boolean"]
        if "pattern" in made:
            return {**around, "anyOf": [made, _REFERENCE]}
    return {**around, **made}


def _each(value: object) -> object:
    if isinstance(value, dict):
        return as_written(value)
    return [_each(one) for one in value] if isinstance(value, list) else value
