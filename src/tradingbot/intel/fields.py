"""Reading fields of a payload: of the right kind and possible, or an IntelProtocolError that names the field. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tradingbot.core.errors import IntelProtocolError

Row = Mapping[str, Any]
SHOWN_CHARS: Final = 80
MOST_TEXT_CHARS: Final = 60
SECONDS_BELOW: Final = 1e11
"""A time below this is in seconds, else in milliseconds."""
EARLIEST: Final = datetime(2009, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(days=1)
LEAST_USD: Final = 1e-6
MOST_USD: Final = 1e15
"""No figure of any market is beyond this; also keeps sums finite."""


def rows(data: object, where: str) -> list[Row]:
    """The list of objects that `data` is; None is an empty one."""
    if data is None:
        return []
    if not isinstance(data, list) or any(not isinstance(item, dict) for item in data):
        raise IntelProtocolError(f"{where}: 'data' must be a list of objects: {shown(data)}")
    return data


def record(data: object, where: str) -> Row | None:
    """The object that `data` is, bare or as the first of a list; None when there is none."""
    if isinstance(data, list):
        data = data[0] if data else None
    if data is None or data == {}:
        return None
    if not isinstance(data, dict):
        raise IntelProtocolError(f"{where}: 'data' must be an object: {shown(data)}")
    return data


def column(row: Row, key: str) -> Sequence[Any]:
    """The list under `key`."""
    value = row.get(key)
    if not isinstance(value, list):
        raise IntelProtocolError(f"field {key!r} must be a list: {shown(row)}")
    return value


def to_number(value: object, name: str) -> float:
    """A finite number, given as number or text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise IntelProtocolError(f"field {name!r} is no number: {shown(value)}")
    if isinstance(value, str) and len(value) > MOST_TEXT_CHARS:
        raise IntelProtocolError(f"field {name!r} is too long for a number: {shown(value)}")
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise IntelProtocolError(f"field {name!r} is no number: {shown(value)}") from error
    if not math.isfinite(number) or abs(number) > MOST_USD:
        raise IntelProtocolError(f"field {name!r} is no possible figure: {shown(value)}")
    return number


def optional_number(row: Row, key: str) -> float | None:
    """A finite number, or None when the field is absent, null or empty text."""
    value = row.get(key)
    return None if value is None or value == "" else to_number(value, key)


def bounded(row: Row, key: str, low: float, high: float) -> float | None:
    """A number in [low, high], or None when the field is absent or null."""
    number = optional_number(row, key)
    if number is not None and not low <= number <= high:
        raise IntelProtocolError(f"field {key!r} must lie in {low:g}..{high:g}: {shown(row)}")
    return number


def amount(row: Row, key: str) -> float | None:
    """A number that cannot be negative, or None. Less than a millionth counts as zero, so that ratios stay finite."""
    number = bounded(row, key, 0.0, MOST_USD)
    return 0.0 if number is not None and number < LEAST_USD else number


def text(row: Row, key: str) -> str:
    """A text that is not empty."""
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise IntelProtocolError(f"field {key!r} must be text: {shown(row)}")
    return value


def moment(value: object, name: str) -> datetime:
    """Epoch seconds or milliseconds, as number or text; the size tells which."""
    number = to_number(value, name)
    try:
        at = datetime.fromtimestamp(number if abs(number) < SECONDS_BELOW else number / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise IntelProtocolError(f"field {name!r} is no time: {shown(value)}") from error
    if not EARLIEST <= at <= LATEST:
        raise IntelProtocolError(f"field {name!r} is no time of any market: {shown(value)}")
    return at


def past(value: object, name: str, now: datetime) -> datetime:
    """A time that is not more than a day ahead of us."""
    at = moment(value, name)
    if at > now + AHEAD:
        raise IntelProtocolError(f"field {name!r} lies in the future: {shown(value)}")
    return at


def shown(value: object) -> str:
    """The beginning of a payload, for messages. Payloads carry no secrets."""
    return repr(value)[:SHOWN_CHARS]
