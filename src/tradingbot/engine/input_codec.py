"""Values of the decision's inputs as plain JSON and back, exactly: every float, Decimal, moment and enum as it was.

A dataclass is a list of its fields in their order; the names stand once in a key line (`Codecs.layouts`), so that lines
of an older version are read by name. What JSON cannot hold is an object with one key that begins with ``~``: ``~f`` a
float that is not finite, ``~n`` a NumPy float; where any value may stand ``~d`` a Decimal, ``~t`` a moment, ``~l`` a
tuple, ``~m`` an object with such keys. A moment is whole microseconds since 1970; one that was read from a file
(pydantic's own UTC) is text.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import TypeAdapter

from tradingbot.core.errors import StateError
from tradingbot.engine.input_delta import LONG, OWN, SAME, change_of, replaced

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]
Change = Callable[[Any, Any], Any]
Layouts = Mapping[str, tuple[str, ...]]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FROM_FILE: Final[TypeAdapter[datetime]] = TypeAdapter(datetime)


class UnknownLayoutError(StateError):
    """A value was written by a version whose fields this one does not know."""


def _no_change(old: Any, new: Any) -> Any:
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Codec:
    """One type's way to plain values and back, and to the change from one value to the next (`input_delta`)."""

    encode: Encode
    decode: Decode
    change: Change = _no_change

    def __post_init__(self) -> None:
        """What has no shorter way is encoded twice and compared."""
        if self.change is _no_change:
            object.__setattr__(self, "change", lambda old, new: change_of(self.encode(old), self.encode(new)))


class Codecs:
    """Codecs of types, made once each. `layouts`: the names of fields as the writer had them; None: as they are now."""

    def __init__(self, layouts: Layouts | None = None) -> None:
        self._stored = layouts
        self._made: dict[Any, Codec] = {}
        self.layouts: dict[str, tuple[str, ...]] = {}
        """Field names of every dataclass that was met."""

    def of(self, kind: Any) -> Codec:
        """The codec of a type. Raises TypeError for one that has no exact form, UnknownLayoutError for an old one."""
        found = self._made.get(kind)
        if found is None:
            found = self._made[kind] = self._make(kind)
        return found

    def _make(self, kind: Any) -> Codec:
        kind = getattr(kind, "__supertype__", kind)
        if kind in _SCALARS:
            return _SCALARS[kind]
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _scalar(lambda value: value.value, {one.value: one for one in kind}.__getitem__)
        if is_dataclass(kind):
            return self._dataclass(kind)
        return self._generic(kind)

    def _generic(self, kind: Any) -> Codec:
        origin, args = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            return self._union(args)
        if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
            return _tuple(self.of(args[0]))
        if origin is tuple:
            return _fixed([self.of(arg) for arg in args])
        if origin is not None and issubclass(origin, Mapping):
            return _mapping(self.of(args[0]), self.of(args[1]))
        raise TypeError(f"{kind} has no exact plain form")

    def _union(self, args: Iterable[Any]) -> Codec:
        others = [arg for arg in args if arg is not type(None)]
        if len(others) > 1:
            return _ANY
        return _optional(self.of(others[0]))

    def _dataclass(self, kind: Any) -> Codec:
        hints = get_type_hints(kind)
        names = tuple(one.name for one in fields(kind))
        self.layouts[kind.__name__] = names
        parts = [self.of(hints[name]) for name in names]
        encoders = [part.encode for part in parts]
        changes = [(str(place), part.change) for place, part in enumerate(parts)]
        values_of = attrgetter(*names, *names[:1])  # the first one twice: a single name would give no tuple

        def encode(value: Any) -> list[Any]:
            return [to_plain(item) for to_plain, item in zip(encoders, values_of(value), strict=False)]

        def change(old: Any, new: Any) -> Any:
            found = {}
            for (place, of_one), before, now in zip(changes, values_of(old), values_of(new), strict=False):
                if before is not now and (one := of_one(before, now)) is not SAME:
                    found[place] = one
            return found or SAME

        return Codec(encode, self._decoder(kind, dict(zip(names, parts, strict=True))), change)

    def _decoder(self, kind: Any, parts: Mapping[str, Codec]) -> Decode:
        stored = tuple(parts) if self._stored is None else tuple(self._stored.get(kind.__name__, ()))
        strange = [name for name in stored if name not in parts]
        needed = [
            one.name
            for one in fields(kind)
            if one.name not in stored and one.default is MISSING and one.default_factory is MISSING
        ]
        if strange or needed:
            raise UnknownLayoutError(
                f"{kind.__name__} has other fields in this version: {', '.join((*strange, *needed))}"
            )
        decoders = [(name, parts[name].decode) for name in stored]

        def decode(plain: Any) -> Any:
            return kind(**{name: of_plain(item) for (name, of_plain), item in zip(decoders, plain, strict=True)})

        return decode


# ---------------------------------------------------------------- scalars


def _same(value: Any) -> Any:
    return value


def plain_float(value: Any) -> Any:
    """A float as JSON can hold it; whole numbers stay whole."""
    if type(value) is float:
        return value if math.isfinite(value) else {"~f": repr(value)}
    if isinstance(value, np.floating):
        return {"~n": plain_float(float(value))}
    return value


def float_of(plain: Any) -> Any:
    """The float of `plain_float`."""
    if isinstance(plain, dict):
        return np.float64(float_of(plain["~n"])) if "~n" in plain else float(plain["~f"])
    return plain


def micros(moment: datetime) -> Any:
    """Whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(plain: int) -> datetime:
    """The moment of `micros`."""
    return _EPOCH + timedelta(microseconds=plain)


def _encode_moment(moment: datetime) -> Any:
    return micros(moment) if moment.tzinfo is UTC else moment.isoformat()


def _decode_moment(plain: Any) -> datetime:
    return moment_of(plain) if isinstance(plain, int) else _FROM_FILE.validate_python(plain)


def _encode_any(value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case float() | np.floating():
            return plain_float(value)
        case Decimal():
            return {"~d": str(value)}
        case datetime():
            return {"~t": _encode_moment(value)}
        case tuple():
            return {"~l": [_encode_any(item) for item in value]}
        case list():
            return [_encode_any(item) for item in value]
        case Mapping():
            made = {str(key): _encode_any(item) for key, item in value.items()}
            return {"~m": list(made.items())} if any(key.startswith("~") for key in made) else made
    raise TypeError(f"type {type(value).__name__} has no exact plain form")


def _decode_any(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_decode_any(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next(iter(plain), "")
    if tag in _TAGGED and len(plain) == 1:
        return _TAGGED[tag](plain)
    return {key: _decode_any(item) for key, item in plain.items()}


def _fixed(parts: list[Codec]) -> Codec:
    places = [(str(place), part.change) for place, part in enumerate(parts)]

    def change(old: Any, new: Any) -> Any:
        found = {}
        for (place, of_one), before, now in zip(places, old, new, strict=True):
            if before is not now and (one := of_one(before, now)) is not SAME:
                found[place] = one
        return found or SAME

    return Codec(
        lambda value: [part.encode(item) for part, item in zip(parts, value, strict=True)],
        lambda plain: tuple(part.decode(item) for part, item in zip(parts, plain, strict=True)),
        change,
    )


def _optional(one: Codec) -> Codec:
    def change(old: Any, new: Any) -> Any:
        if old is not None and new is not None:
            return one.change(old, new)
        return SAME if old is new else None if new is None else replaced(one.encode(new))

    return Codec(
        lambda value: None if value is None else one.encode(value),
        lambda plain: None if plain is None else one.decode(plain),
        change,
    )


def _tuple(one: Codec) -> Codec:
    def encode(value: Any) -> list[Any]:
        return [one.encode(item) for item in value]

    def change(old: Any, new: Any) -> Any:
        if len(old) != len(new) or len(new) > LONG:
            return change_of(encode(old), encode(new))
        found = {}
        for place, (before, now) in enumerate(zip(old, new, strict=True)):
            if before is not now and (other := one.change(before, now)) is not SAME:
                found[str(place)] = other
        return found or SAME

    return Codec(encode, lambda plain: tuple(map(one.decode, plain)), change)


def _mapping(key: Codec, value: Codec) -> Codec:
    def encode(known: Any) -> dict[str, Any]:
        return {str(key.encode(name)): value.encode(item) for name, item in known.items()}

    def change(old: Any, new: Any) -> Any:
        if list(old) != list(new):
            return replaced(encode(new))
        found = {}
        for name, now in new.items():
            before = old[name]
            if before is not now and (one := value.change(before, now)) is not SAME:
                found[str(key.encode(name))] = one
        return replaced(encode(new)) if any(name in OWN for name in found) else found or SAME

    return Codec(encode, lambda plain: {key.decode(name): value.decode(item) for name, item in plain.items()}, change)


def _scalar(encode: Encode, decode: Decode) -> Codec:
    """Of values that are the same exactly when they are equal and of one type."""

    def change(old: Any, new: Any) -> Any:
        return SAME if type(old) is type(new) and old == new else replaced(encode(new))

    return Codec(encode, decode, change)


def _decimal_change(old: Decimal, new: Decimal) -> Any:
    """1.0 and 1.00 are equal and not the same."""
    text = str(new)
    return SAME if str(old) == text else text


def _float_change(old: Any, new: Any) -> Any:
    if type(old) is type(new) and ((old == new and new) or str(old) == str(new)):
        return SAME
    return replaced(plain_float(new))


def _moment_change(old: datetime, new: datetime) -> Any:
    return SAME if old == new and old.tzinfo is new.tzinfo else _encode_moment(new)


def _any_change(old: Any, new: Any) -> Any:
    if type(old) is type(new) is str:
        return SAME if old == new else new
    if type(old) is type(new) is float:
        return _float_change(old, new)
    return change_of(_encode_any(old), _encode_any(new))


_ANY: Final = Codec(_encode_any, _decode_any, _any_change)
_TAGGED: Final[Mapping[str, Decode]] = {
    "~f": float_of,
    "~n": float_of,
    "~d": lambda plain: Decimal(plain["~d"]),
    "~t": lambda plain: _decode_moment(plain["~t"]),
    "~m": lambda plain: {key: _decode_any(item) for key, item in plain["~m"]},
    "~l": lambda plain: tuple(_decode_any(item) for item in plain["~l"]),
}
_PLAIN: Final = _scalar(_same, _same)
_SCALARS: Final[Mapping[Any, Codec]] = {
    str: _PLAIN,
    int: _PLAIN,
    bool: _PLAIN,
    float: Codec(plain_float, float_of, _float_change),
    Decimal: Codec(str, Decimal, _decimal_change),
    datetime: Codec(_encode_moment, _decode_moment, _moment_change),
    Any: _ANY,
}
