"""What can be written in a place? Read off the settings classes, so that nothing is listed twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue

from prober.config.tree import Path

EACH = -1  # in a path: every item of a list
_FILES = ("storage_state", "certPath", "keyPath", "pfxPath")  # as Playwright calls them


def known(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """The keys that can stand at `path` under a `model`, as they are written.

    `path` may have parts that nobody writes: the name of a union's branch.
    """
    forms: list[object] = [model]
    for part in path:
        forms = [inner for form in forms for inner in _inside(form, part)] or _named(forms, part)
    return tuple(
        dict.fromkeys(key for form in forms for one in _models(form) for key in _keys(one))
    )


def file_places(model: type[BaseModel], raw: JsonValue) -> tuple[Path, ...]:
    """Where a value of `model` names a file, or can: in fields called `…_file`, mostly."""
    found: list[Path] = []
    for place in _file_fields(model):
        found += _places(raw, place) if EACH in place else [place]
    return tuple(found)


def _places(raw: JsonValue, place: Path) -> list[Path]:
    """`place` once for every item of the lists on its way."""
    at = place.index(EACH)
    here: JsonValue = raw
    for part in place[:at]:
        here = here.get(str(part)) if isinstance(here, dict) else None
    if not isinstance(here, list):
        return []
    rest = place[at + 1 :]
    inner = [_places(item, rest) if EACH in rest else [rest] for item in here]
    return [(*place[:at], i, *path) for i, paths in enumerate(inner) for path in paths]


@lru_cache(maxsize=64)
def _file_fields(model: type[BaseModel]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(_fields(model, ())))


def _fields(model: type[BaseModel], path: Path) -> Iterator[Path]:
    for key, name in _keys(model).items():
        if key.endswith("_file") or key in _FILES:
            yield (*path, key)
        yield from _fields_in(model.model_fields[name].annotation, (*path, key))


def _fields_in(form: object, path: Path) -> Iterator[Path]:
    for option in _options(form):
        if isinstance(option, type) and issubclass(option, BaseModel):
            yield from _fields(option, path)
        elif _is_a(get_origin(option), Sequence):
            yield from _fields_in(get_args(option)[0], (*path, EACH))


def _keys(model: type[BaseModel]) -> dict[str, str]:
    """The model's fields, by the key they are written with."""
    return {info.alias or name: name for name, info in model.model_fields.items()}


def _inside(form: object, part: str | int) -> Iterator[object]:
    """The forms of what stands under `part` in a value of this form."""
    for option in _options(form):
        origin = get_origin(option)
        if isinstance(option, type) and issubclass(option, BaseModel):
            name = _keys(option).get(str(part))
            if name is not None:
                yield option.model_fields[name].annotation
        elif _is_a(origin, Mapping):
            yield get_args(option)[1]
        elif _is_a(origin, Sequence) and isinstance(part, int):
            yield get_args(option)[0]


def _named(forms: Sequence[object], part: str | int) -> list[object]:
    """The branch of a union that pydantic calls `part`; all of them where it calls none so."""
    options = [option for form in forms for option in _options(form)]
    called = [one for one in options if getattr(one, "__name__", None) == part]
    return called or list(forms)


def _is_a(origin: object, kind: type[object]) -> bool:
    return isinstance(origin, type) and issubclass(origin, kind)


def _models(form: object) -> Iterator[type[BaseModel]]:
    for option in _options(form):
        if isinstance(option, type) and issubclass(option, BaseModel):
            yield option


def _options(form: object) -> Iterator[object]:
    """The branches of a union, without what `Annotated` adds."""
    origin = get_origin(form)
    if origin is Annotated:
        yield from _options(get_args(form)[0])
    elif origin in (Union, UnionType):
        for option in get_args(form):
            yield from _options(option)
    else:
        yield form
