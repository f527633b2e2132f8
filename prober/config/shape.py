"""What can be written in a place? Read off the settings classes, so that nothing is listed twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel

from prober.config.tree import Path


def known(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """The keys that can stand at `path` under a `model`, as they are written."""
    forms: list[object] = [model]
    for part in path:
        forms = [inner for form in forms for inner in _inside(form, part)]
    return tuple(
        dict.fromkeys(key for form in forms for one in _models(form) for key in _keys(one))
    )


@lru_cache(maxsize=64)
def file_fields(model: type[BaseModel]) -> tuple[tuple[str, ...], ...]:
    """The places under a `model` that name a file: fields called `…_file`."""
    return tuple(_file_fields(model, ()))


def _file_fields(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, name in _keys(model).items():
        if key.endswith("_file"):
            yield (*path, key)
        for inner in _models(model.model_fields[name].annotation):
            yield from _file_fields(inner, (*path, key))


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
        elif isinstance(origin, type) and issubclass(origin, Mapping):
            yield get_args(option)[1]
        elif isinstance(origin, type) and issubclass(origin, Sequence) and isinstance(part, int):
            yield get_args(option)[0]


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
