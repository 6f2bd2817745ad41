"""Deribit's option summaries: of all options of an asset to the skew of one expiry. Pure.

The answer holds about a thousand options, and it is parsed on the event loop: names are sorted by their day first, and
only the options of the expiry that is taken are read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tradingbot.core.errors import IntelProtocolError, IntelRequestError
from tradingbot.core.types import Asset
from tradingbot.intel.answer import Answer
from tradingbot.intel.fields import Row, bounded, past, rows, shown
from tradingbot.intel.parse_mood import DERIBIT
from tradingbot.market.intelligence import OptionSkew
from tradingbot.market.option_skew import YEAR, OptionQuote, Tenor, by_nearness, read_smile

EXPIRY_HOUR: Final = timedelta(hours=8)
"""Options expire at this time of their day, UTC."""
LEAST_IV_PCT, MOST_IV_PCT = 0.01, 10_000.0
"""Less is no volatility; more is none of any market."""
LEAST_PRICE, MOST_PRICE = 1e-6, 1e9
_DAY: Final = re.compile(r"(\d{1,2})([A-Z]{3})(\d{2})")
_STRIKE: Final = re.compile(r"\d{1,9}(d\d{1,6})?")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def parse_options(
    payload: Mapping[str, Any], asset: Asset, received_at: datetime, tenor: Tenor, origin: str = ""
) -> OptionSkew | None:
    """The skew of the expiry nearest to the tenor whose strikes tell one; None without.

    ``{"result": [{"instrument_name": "BTC-27DEC24-100000-C", "mark_iv": 55.1, "underlying_price": 98000.1,
    "creation_timestamp": 1734000000000}]}``, `mark_iv` in annualised percent, absent or 0 where there is none.
    """
    if isinstance(payload.get("error"), dict):
        raise IntelRequestError(f"{DERIBIT}: {shown(payload['error'])}")
    if not isinstance(payload.get("result"), list):
        raise IntelProtocolError(f"{DERIBIT}: field 'result' must be a list: {shown(payload)}")
    by_expiry = _by_expiry(rows(payload["result"], DERIBIT), asset)
    for expiry in by_nearness(by_expiry, received_at, tenor):
        told = _skew(by_expiry[expiry], expiry, Answer(None, received_at, origin))
        if told is not None:
            return told
    return None


def _skew(options: Sequence[Row], expiry: datetime, answer: Answer) -> OptionSkew | None:
    quotes = [quote for row in options if (quote := _quote(row)) is not None]
    if not quotes:
        return None
    oldest = min(past(row.get("creation_timestamp"), "creation_timestamp", answer.received_at) for row in options)
    stamp = answer.stamp(DERIBIT, oldest)
    left = expiry - stamp.as_of
    smile = read_smile(quotes, left / YEAR)
    if smile is None:
        return None
    return OptionSkew(stamp, smile.put_25d_iv_pct, smile.call_25d_iv_pct, smile.atm_iv_pct, left / timedelta(days=1))


def _quote(row: Row) -> OptionQuote | None:
    """An option with its volatility; None without one."""
    iv_pct = bounded(row, "mark_iv", 0.0, MOST_IV_PCT)
    if iv_pct is None or iv_pct < LEAST_IV_PCT:
        return None
    forward = bounded(row, "underlying_price", LEAST_PRICE, MOST_PRICE)
    if forward is None:
        raise IntelProtocolError(f"field 'underlying_price' must be a price: {shown(row)}")
    _, _, strike, side = row["instrument_name"].split("-")
    return OptionQuote(side == "C", float(strike.replace("d", ".")), forward, iv_pct)


def _by_expiry(options: Sequence[Row], asset: Asset) -> dict[datetime, list[Row]]:
    by_day: dict[str, list[Row]] = defaultdict(list)
    for row in options:
        by_day[_day_of(row, asset)].append(row)
    return {_expiry(day, of_day[0]): of_day for day, of_day in by_day.items()}


def _day_of(row: Row, asset: Asset) -> str:
    """The day in a name such as ``BTC-27DEC24-100000-C``."""
    name = row.get("instrument_name")
    parts = name.split("-") if isinstance(name, str) else []
    if len(parts) != 4 or parts[0] != asset or parts[3] not in ("C", "P") or not _is_strike(parts[2]):
        raise IntelProtocolError(f"field 'instrument_name' is no option of {asset}: {shown(name)}")
    return parts[1]


def _is_strike(text: str) -> bool:
    return _STRIKE.fullmatch(text) is not None and float(text.replace("d", ".")) >= LEAST_PRICE


def _expiry(day: str, row: Row) -> datetime:
    found = _DAY.fullmatch(day)
    try:
        if found is None:
            raise ValueError(day)
        date = datetime(2000 + int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]), tzinfo=UTC)
    except ValueError as error:
        raise IntelProtocolError(f"field 'instrument_name' has no day of expiry: {shown(row)}") from error
    return date + EXPIRY_HOUR
