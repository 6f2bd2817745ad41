"""What changed between two plain values, and the newer one made of the older and that.

A change is an object, or the new value itself where that is none. Objects: of a list by position, of an object by key;
``{"=": value}`` replaces; ``{"+": [dropped, [values]]}`` takes so many away at the front of a list and appends;
``{"@": [...]}`` lists what a list of records consists of now: ``[place]`` or ``[place, change]`` of an older record,
``{"=": value}`` a new one.
"""

from __future__ import annotations

from typing import Any, Final

REPLACED: Final = "="
SHIFTED: Final = "+"
ARRANGED: Final = "@"
OWN: Final = (REPLACED, SHIFTED, ARRANGED)
"""Keys that a change itself uses."""
LONG: Final = 24
"""A list longer than this is looked at as one that grows at its end, unless length and beginning stay."""


_NESTED: Final = (list, dict)


class _Same:
    """Says that nothing changed; None is a value."""


SAME: Final = _Same()


def change_of(old: Any, new: Any) -> Any:
    """The change that makes `new` of `old`; SAME when they are the same to the last bit."""
    if old is new:
        return SAME
    if type(old) is list and type(new) is list:
        return _of_lists(old, new)
    if type(old) is dict and type(new) is dict:
        return _of_objects(old, new)
    return SAME if _equal(old, new) else replaced(new)


def changed(old: Any, change: Any) -> Any:
    """The newer value. `old` stays as it is. Raises KeyError, IndexError or TypeError for a change of another value."""
    if type(change) is not dict:
        return change
    if REPLACED in change:
        return change[REPLACED]
    if SHIFTED in change:
        dropped, added = change[SHIFTED]
        return [*old[dropped:], *added]
    if ARRANGED in change:
        return [_record(old, one) for one in change[ARRANGED]]
    if isinstance(old, list):
        made = list(old)
        for position, one in change.items():
            made[int(position)] = changed(old[int(position)], one)
        return made
    return {**old, **{key: changed(old[key], one) for key, one in change.items()}}


def _record(old: Any, one: Any) -> Any:
    if type(one) is dict:
        return one[REPLACED]
    return old[one[0]] if len(one) == 1 else changed(old[one[0]], one[1])


def replaced(new: Any) -> Any:
    """The change that puts this plain value in place of whatever was there."""
    return {REPLACED: new} if type(new) is dict else new


def _equal(old: Any, new: Any) -> bool:
    """Of the same type and bits: 1 is not 1.0, and 0.0 is not -0.0."""
    if type(old) is not type(new) or old != new:
        return False
    return bool(new) or repr(old) == repr(new)


def _of_lists(old: list[Any], new: list[Any]) -> Any:
    alike = len(old) == len(new)
    if len(new) > LONG and old and not (alike and _equal(old[0], new[0])):
        return _shift(old, new)
    if alike and not _rearranged(old, new):
        return _by_place(old, new)
    return _arrange(old, new) if _records(old) and _records(new) else new


def _by_place(old: list[Any], new: list[Any]) -> Any:
    """The hot path: most values are scalars that did not change."""
    found: dict[str, Any] = {}
    for place, (before, now) in enumerate(zip(old, new, strict=True)):
        if before is now:
            continue
        if type(now) in _NESTED:
            change = change_of(before, now)
            if change is not SAME:
                found[str(place)] = change
        elif type(before) is not type(now) or before != now or not (now or repr(before) == repr(now)):
            found[str(place)] = now
    return found or SAME


def _records(values: list[Any]) -> bool:
    return bool(values) and all(type(one) is list and one for one in values)


def _rearranged(old: list[Any], new: list[Any]) -> bool:
    """Two lists of records of which some changed their places."""
    if not new or type(new[0]) is not list or not (_records(old) and _records(new)):
        return False
    return [one[0] for one in old] != [one[0] for one in new]


def _shift(old: list[Any], new: list[Any]) -> Any:
    """As one that lost values at its front and got others at its end, where that is so."""
    if old == new and repr(old) == repr(new):
        return SAME
    dropped = old.index(new[0]) if new[0] in old else len(old)
    kept = old[dropped:]
    if dropped < len(old) and new[: len(kept)] == kept and repr(new[: len(kept)]) == repr(kept):
        return {SHIFTED: [dropped, new[len(kept) :]]}
    return new


def _arrange(old: list[Any], new: list[Any]) -> Any:
    """As records, each known by its first field, of which some came and some went."""
    places = {repr(one[0]): place for place, one in reversed(list(enumerate(old)))}
    made: list[Any] = []
    for one in new:
        place = places.get(repr(one[0]))
        if place is None:
            made.append({REPLACED: one})
            continue
        change = change_of(old[place], one)
        made.append([place] if change is SAME else [place, change])
    return {ARRANGED: made}


def _of_objects(old: dict[str, Any], new: dict[str, Any]) -> Any:
    if list(old) != list(new) or any(key in new for key in OWN):
        # Plain values: what reads the same is the same, to the last bit and in the same order.
        return SAME if repr(old) == repr(new) else {REPLACED: new}
    found = {key: one for key in new if (one := change_of(old[key], new[key])) is not SAME}
    return found or SAME
