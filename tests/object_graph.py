"""Sizes of every container that can be reached from an object, by the way that leads there."""

from __future__ import annotations

import types
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

OURS = "tradingbot"


def container_sizes(roots: Mapping[str, object]) -> Counter[str]:
    """Elements by path, such as ``daemon._keeper._trades``; arrays count their elements.

    A key or place within a container is ``*``, so that one path stands for all of a kind. A deque that bounds itself
    is left out. Only objects of this project are looked into, besides plain containers and what callables hold.
    """
    sizes: Counter[str] = Counter()
    seen: set[int] = set()
    kept: list[object] = []  # so that no id is given twice while we look
    todo = deque((name, thing) for name, thing in roots.items())
    while todo:
        path, thing = todo.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        kept.append(thing)
        if isinstance(thing, np.ndarray):
            sizes[path] += thing.size
        elif isinstance(thing, dict | list | tuple | set | frozenset | deque):
            if not (isinstance(thing, deque) and thing.maxlen is not None) and not _is_record(thing):
                sizes[path] += len(thing)
            todo.extend((f"{path}.*", part) for part in _elements(thing) if _is_worth(part))
        else:
            todo.extend((f"{path}.{name}", part) for name, part in _attributes(thing) if _is_worth(part))
    return sizes


def _elements(thing: Any) -> Iterable[object]:
    return [*thing.keys(), *thing.values()] if isinstance(thing, dict) else list(thing)


def _is_record(thing: object) -> bool:
    return isinstance(thing, tuple) and hasattr(thing, "_fields")


def _is_worth(thing: object) -> bool:
    plain = str | bytes | int | float | complex | bool | type(None) | type | types.ModuleType
    return not isinstance(thing, plain)


def _attributes(thing: Any) -> Iterable[tuple[str, object]]:
    if isinstance(thing, types.MethodType):
        return [("self", thing.__self__)]
    if isinstance(thing, types.FunctionType):
        return [("closure", cell.cell_contents) for cell in thing.__closure__ or () if _is_filled(cell)]
    if isinstance(thing, partial):
        return [("partial", thing.func), ("partial", thing.args), ("partial", thing.keywords)]
    if not type(thing).__module__.startswith((OURS, "tests")):
        return []
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    found = [(name, getattr(thing, name)) for name in slots if isinstance(name, str) and hasattr(thing, name)]
    return [*found, *getattr(thing, "__dict__", {}).items()]


def _is_filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
