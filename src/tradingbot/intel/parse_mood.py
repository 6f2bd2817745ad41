"""Fear & greed and quoted volatility indices: payload to records. Pure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tradingbot.core.errors import IntelProtocolError, IntelRequestError
from tradingbot.intel.answer import Answer
from tradingbot.intel.fields import column, past, record, rows, shown, to_number
from tradingbot.intel.parse_flow import SOURCE
from tradingbot.market.intelligence import FearGreed, VolatilityReading

ALTERNATIVE: Final = "alternative.me"
DERIBIT: Final = "deribit"
CBOE: Final = "cboe"
FRACTION_BELOW: Final = 3.0
"""A DVOL below this is a fraction; as percent it would be calmer than any market."""
MOST_VOLATILITY: Final = 1000.0
VIX_CLOSE: Final = timedelta(hours=21)
"""The index of a day is final about then, UTC."""


def parse_fear_greed(answer: Answer) -> FearGreed | None:
    """The newest value of the whole history; None without one.

    Live, `data` is an object of parallel arrays; the documentation wraps it in a list; rows with `value` are read too:
    ``{"data_list": [30, 15], "price_list": [9074.25, 8854.0], "time_list": [1517443200000, 1517529600000]}``
    """
    data = answer.data
    if isinstance(data, list) and data and isinstance(data[0], dict) and "value" in data[0]:
        pairs = [(row.get("timestamp", row.get("time")), row.get("value")) for row in rows(data, "fear & greed")]
    else:
        row = record(data, "fear & greed")
        pairs = [] if row is None else list(zip(column(row, "time_list"), column(row, "data_list"), strict=False))
    return _newest(answer, pairs, SOURCE)


def parse_alternative(payload: Mapping[str, Any], received_at: datetime, origin: str = "") -> FearGreed | None:
    """The newest value of the free index; rows come newest first, all values are text.

    ``{"data": [{"value": "20", "timestamp": "1762560000", ...}], "metadata": {"error": null}}``
    """
    metadata = payload.get("metadata")
    if isinstance(metadata, dict) and metadata.get("error"):
        raise IntelRequestError(f"{ALTERNATIVE}: {shown(metadata['error'])}")
    if "data" not in payload:
        raise IntelProtocolError(f"{ALTERNATIVE}: field 'data' is missing: {sorted(payload)[:8]}")
    answer = Answer(payload["data"], received_at, origin)
    pairs = [(row.get("timestamp"), row.get("value")) for row in rows(answer.data, ALTERNATIVE)]
    return _newest(answer, pairs, ALTERNATIVE)


def _newest(answer: Answer, pairs: list[tuple[Any, Any]], source: str) -> FearGreed | None:
    told = [(past(at, "time", answer.received_at), value) for at, value in pairs if value is not None]
    if not told:
        return None
    as_of, raw = max(told, key=lambda pair: pair[0])
    value = to_number(raw, "value")
    if not 0.0 <= value <= 100.0:
        raise IntelProtocolError(f"field 'value' must lie in 0..100: {shown(raw)}")
    return FearGreed(answer.stamp(source, as_of), value)


def parse_dvol(payload: Mapping[str, Any], received_at: datetime, origin: str = "") -> VolatilityReading | None:
    """The newest close of Deribit's index in annualised percent; None without one.

    ``{"jsonrpc": "2.0", "result": {"data": [[1598019300000, 47.1, 47.9, 46.8, 47.3]], "continuation": null}}``
    """
    if isinstance(payload.get("error"), dict):
        raise IntelRequestError(f"{DERIBIT}: {shown(payload['error'])}")
    result = payload.get("result")
    if not isinstance(result, dict):
        raise IntelProtocolError(f"{DERIBIT}: field 'result' must be an object: {shown(payload)}")
    points = column(result, "data")
    if any(not isinstance(point, list) or len(point) < 5 for point in points):
        raise IntelProtocolError(f"{DERIBIT}: field 'data' must hold [time, open, high, low, close]: {shown(points)}")
    if not points:
        return None
    as_of, close = max((past(point[0], "time", received_at), to_number(point[4], "close")) for point in points)
    value = close * 100.0 if close < FRACTION_BELOW else close
    return _volatility(Answer(points, received_at, origin), DERIBIT, "dvol", as_of, value)


def parse_vix(text: str, received_at: datetime) -> VolatilityReading | None:
    """The newest close of the VIX; None without a row.

    ``DATE,OPEN,HIGH,LOW,CLOSE`` and rows such as ``01/02/2026,14.1,15.0,13.9,14.5``
    """
    reader = csv.DictReader(text.splitlines(), strict=True)
    if reader.fieldnames is None or not {"DATE", "CLOSE"} <= {name.strip().upper() for name in reader.fieldnames}:
        raise IntelProtocolError(f"{CBOE}: columns must be DATE,OPEN,HIGH,LOW,CLOSE: {shown(reader.fieldnames)}")
    try:
        told = [(_day(row["DATE"]), row["CLOSE"]) for row in reader]
    except (csv.Error, KeyError) as error:
        raise IntelProtocolError(f"{CBOE}: no CSV: {error}") from error
    if not told:
        return None
    as_of, close = max(told, key=lambda pair: pair[0])
    value = to_number(close, "CLOSE")
    return _volatility(Answer(None, received_at), CBOE, "vix", as_of + VIX_CLOSE, value)


def _day(text: str | None) -> datetime:
    try:
        return datetime.strptime(text or "", "%m/%d/%Y").replace(tzinfo=UTC)
    except ValueError as error:
        raise IntelProtocolError(f"{CBOE}: field 'DATE' must be MM/DD/YYYY: {shown(text)}") from error


def _volatility(answer: Answer, source: str, kind: str, as_of: datetime, value: float) -> VolatilityReading:
    if not 0.0 < value < MOST_VOLATILITY:
        raise IntelProtocolError(f"{source}: field 'close' is no volatility: {value:g}")
    return VolatilityReading(answer.stamp(source, as_of), kind, value)
