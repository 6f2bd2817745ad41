"""What the faults of the market-data service do to its answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from tradingbot.simulator.coinglass_faults import CoinglassFault
from tradingbot.simulator.faults import FaultPlan
from tradingbot.simulator.intelligence_columns import DAY_MS

HTML: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_GARBAGE: Final[tuple[Callable[[float], Any], ...]] = (
    lambda _: math.nan,
    lambda _: None,
    lambda number: -abs(number) - 1.0,
    lambda number: number * 1e12 + 1e30,
    lambda _: "n/a",
)


def seen_ms(faults: FaultPlan[CoinglassFault], path: str, now_ms: int) -> int:
    """The moment whose values an answer shows: now, when the values froze, or a week ago."""
    if faults.on("frozen", now_ms, path):
        now_ms = min(now_ms, faults.began_ms("frozen"))
    if faults.on("last_week", now_ms, path):
        now_ms -= 7 * DAY_MS
    return now_ms


def damaged(data: Any, faults: FaultPlan[CoinglassFault], path: str, now_ms: int) -> Any:
    """The data of a success after the faults that are on."""
    if isinstance(data, dict) and "time_list" in data and faults.hit("doc_shape", path, now_ms):
        data = [data]
    if faults.hit("empty_data", path, now_ms):
        data = {} if isinstance(data, dict) else []
    if faults.hit("wrong_shape", path, now_ms):
        data = "unavailable" if isinstance(data, dict) else {"list": len(data) if isinstance(data, list) else 0}
    if faults.hit("garbage_values", path, now_ms):
        data = _Garbage().of(data)
    return data


class _Garbage:
    """Every number, and every text that holds one, becomes something else in turn."""

    def __init__(self) -> None:
        self._turn = 0

    def of(self, value: Any) -> Any:
        """The value with its numbers spoilt; names and times are left as they are."""
        if isinstance(value, dict):
            return {key: part if _is_time(key) else self.of(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.of(part) for part in value]
        number = _number(value)
        if number is None:
            return value
        self._turn += 1
        return _GARBAGE[self._turn % len(_GARBAGE)](number)


def _is_time(key: str) -> bool:
    return "time" in key


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
