"""Frozen records as plain JSON values and back, exactly: Decimals travel as text."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

Record = TypeVar("Record")


def pack(record: Any) -> dict[str, Any]:
    """A record as a JSON object; fields at their default are left out."""
    packed: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if value != field.default:
            packed[field.name] = _plain(value)
    return packed


def unpack(kind: type[Record], packed: dict[str, Any]) -> Record:
    """The record that `pack` made this of. Raises TypeError or ValueError for anything else."""
    readers = _readers(typing.cast("Any", kind))
    return kind(**{name: readers[name](value) for name, value in packed.items() if name in readers})


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return pack(value)
    return str(value) if isinstance(value, Decimal | StrEnum) else value


@functools.cache
def _readers(kind: type[Any]) -> dict[str, Callable[[Any], Any]]:
    return {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}


def _reader(hint: Any) -> Callable[[Any], Any]:
    if isinstance(hint, types.UnionType):
        inner = _reader(next(part for part in typing.get_args(hint) if part is not type(None)))
        return lambda value: None if value is None else inner(value)
    if dataclasses.is_dataclass(hint):
        return lambda value: unpack(typing.cast("type[Any]", hint), value)
    if isinstance(hint, type) and issubclass(hint, Decimal | StrEnum):
        return hint
    return lambda value: value
