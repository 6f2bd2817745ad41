"""Summaries of options as Deribit tells them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from tradingbot.core.types import epoch_ms

SUMMARIES = "/api/v2/public/get_book_summary_by_currency"
FORWARD = 80_000.0
DAYS = (1, 2, 5, 12, 19, 33, 61, 180)


def options(currency: str, now: datetime, lean: float = 0.10, level: float = 50.0) -> list[dict[str, Any]]:
    """Options of eight expiries; volatility falls with the strike so that puts of 25 delta are dearer by `lean`."""
    rows = []
    for days in DAYS:
        at = now + timedelta(days=days)
        deviation = level / 100 * math.sqrt(days / 365)
        for step in range(-12, 13):
            x = step / 5
            strike = round(FORWARD * math.exp(x * deviation))
            rows += [one(currency, at, strike, side, level * (1 - lean / 1.349 * x), now) for side in "CP"]
    return rows


def one(currency: str, at: datetime, strike: int, side: str, iv_pct: float, now: datetime) -> dict[str, Any]:
    """One option."""
    return {
        "instrument_name": f"{currency}-{at.day}{at:%b%y}-{strike}-{side}".upper(),
        "underlying_price": FORWARD,
        "underlying_index": "SYN.X",
        "mark_iv": iv_pct,
        "mark_price": 0.05,
        "open_interest": 12.0,
        "mid_price": None,
        "creation_timestamp": epoch_ms(now),
    }
