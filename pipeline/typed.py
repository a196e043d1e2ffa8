"""A document as YAML gives it, turned into frozen types: every key known, none missing, every value of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pipeline.errors import ParamsError

T = TypeVar("T")


def parse(kind: type[T], value: Any, where: str) -> T:
    """Turn a mapping into the dataclass `kind`; ParamsError names the key (`where` is its path so far)."""
    if not isinstance(value, Mapping):
        raise ParamsError(f"{where}: expected a section with keys, found {value!r}")
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(str(key) for key in value if key not in names):
        raise ParamsError(f"{where}: unknown {', '.join(unknown)} (known: {', '.join(names)})")
    if missing := [name for name in names if name not in value and NoneType not in get_args(hints[name])]:
        raise ParamsError(f"{where}: missing {', '.join(missing)}")
    return kind(**{name: _convert(hints[name], value.get(name), f"{where}: {name}") for name in names})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return parse(hint, value, where)
    if get_origin(hint) in (Union, UnionType):
        return _convert_either(get_args(hint), value, where)
    if get_origin(hint) is Annotated:
        plain, low, high = get_args(hint)
        converted = _convert(plain, value, where)
        is_list = isinstance(converted, tuple)
        if not low <= (len(converted) if is_list else converted) <= high:
            raise ParamsError(f"{where}: expected {low} to {high}{' values' * is_list}, found {value!r}")
        return converted
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ParamsError(f"{where}: expected {', '.join(get_args(hint))}, found {value!r}")
        return value
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ParamsError(f"{where}: expected a list, found {value!r}")
        return tuple(_convert(get_args(hint)[0], item, where) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        raise ParamsError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value


def _convert_either(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    """One of two: what may be left out, or a word or a section."""
    plain, other = hints
    if other is NoneType:
        return None if value is None else _convert(plain, value, where)
    return _convert(other if isinstance(value, Mapping) else plain, value, where)
