"""Reading fields of a payload: present and of the right kind, or a VenueProtocolError that names the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tradingbot.core.errors import VenueProtocolError
from tradingbot.core.types import Side, Symbol, exact, parse_utc, utc_from_ms

Row = Mapping[str, Any]
ToSymbol = Callable[[str], Symbol]
"""Internal symbol of a venue symbol; a symbol outside the universe stays as it is, upper-case."""

SHOWN_CHARS: Final = 120
MOST_DIGITS: Final = 30


def rows(payload: Row, key: str) -> list[Row]:
    """The list of objects under `key`; a missing list is never an empty one."""
    value = payload.get(key)
    if not isinstance(value, list):
        raise VenueProtocolError(f"answer without the list {key!r}: {shown(payload)}")
    if any(not isinstance(item, dict) for item in value):
        raise VenueProtocolError(f"list {key!r} holds something else than objects")
    return value


def child(payload: Row, key: str) -> Row:
    """The object under `key`."""
    value = payload.get(key)
    if not isinstance(value, dict):
        raise VenueProtocolError(f"answer without the object {key!r}: {shown(payload)}")
    return value


def text(row: Row, key: str) -> str:
    """A text that is not empty."""
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise VenueProtocolError(f"field {key!r} must be text: {shown(row)}")
    return value


def optional_text(row: Row, *keys: str) -> str | None:
    """The first text that is not empty among `keys`, or None."""
    return next((value for key in keys if isinstance(value := row.get(key), str) and value), None)


def number(row: Row, key: str) -> Decimal:
    """A finite number, given as number or text."""
    value = row.get(key)
    if value is None:
        raise VenueProtocolError(f"field {key!r} is missing: {shown(row)}")
    return to_number(value, key)


def optional_number(row: Row, key: str) -> Decimal | None:
    """A finite number, or None when the field is absent, null or empty text."""
    value = row.get(key)
    return None if value is None or value == "" else to_number(value, key)


def number_or_zero(row: Row, key: str) -> Decimal:
    """A finite number; absent means zero here."""
    return optional_number(row, key) or Decimal(0)


def to_number(value: Any, name: str) -> Decimal:
    """A wire value as a finite Decimal."""
    if not isinstance(value, Decimal | int | float | str):
        raise VenueProtocolError(f"field {name!r} is no number: {value!r:.60}")
    try:
        parsed = exact(value)
    except ValueError as error:
        raise VenueProtocolError(f"field {name!r}: {error}") from error
    if parsed and abs(parsed.adjusted()) > MOST_DIGITS:
        raise VenueProtocolError(f"field {name!r} is beyond any price or size: {value!r:.60}")
    return parsed


def positive(row: Row, key: str) -> Decimal:
    """A number above zero."""
    value = number(row, key)
    if value <= 0:
        raise VenueProtocolError(f"field {key!r} must be above zero: {shown(row)}")
    return value


def flag(row: Row, key: str, default: bool = False) -> bool:
    """A boolean; absent means `default`."""
    value = row.get(key, default)
    if not isinstance(value, bool):
        raise VenueProtocolError(f"field {key!r} must be true or false: {shown(row)}")
    return value


def moment(row: Row, key: str) -> datetime:
    """An ISO time, or epoch milliseconds as number or text."""
    value = row.get(key)
    try:
        if isinstance(value, str) and not value.isdigit():
            return parse_utc(value)
        if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool):
            return utc_from_ms(int(value))
    except (ValueError, OverflowError, OSError) as error:
        raise VenueProtocolError(f"field {key!r} is no time: {value!r:.60}") from error
    raise VenueProtocolError(f"field {key!r} must be a time: {shown(row)}")


def side(row: Row, key: str = "side") -> Side:
    """``buy`` or ``sell``, in any case."""
    value = text(row, key)
    try:
        return Side(value.lower())
    except ValueError as error:
        raise VenueProtocolError(f"field {key!r} must be buy or sell, not {value!r}") from error


def shown(row: object) -> str:
    """The beginning of a payload, for error messages. Payloads of this venue carry no secrets."""
    return repr(row)[:SHOWN_CHARS]
