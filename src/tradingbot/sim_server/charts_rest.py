"""/api/charts/v1: candles of trades, mark and spot."""

from __future__ import annotations

from decimal import Decimal

from tradingbot.core.types import plain
from tradingbot.sim_server.call import Answer, Call
from tradingbot.sim_server.errors import ApiError, unknown_path
from tradingbot.simulator.bars import Candle
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.trade_candles import PRICES, trade_columns

_RESOLUTIONS_S = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14400, "12h": 43200,
                  "1d": 86400, "1w": 604800}  # fmt: skip
_TICK_TYPES = ("mark", "spot", "trade")
_PAGE = 2000
_FIELDS = ("time", "open", "high", "low", "close", "volume")


def charts(call: Call) -> Answer:
    """Listing of tick types, symbols, resolutions; or candles."""
    parts = [part for part in call.rest if part]
    if parts and parts[0] not in _TICK_TYPES:
        raise ApiError("Invalid tick type", 400, "Invalid tick type")
    if not parts:
        return list(_TICK_TYPES)
    if len(parts) == 1:
        return list(call.service.venue.instruments)
    symbol = parts[1].upper()
    if symbol not in call.service.venue.instruments:
        raise ApiError("Invalid symbol", 400, "Invalid symbol")
    if len(parts) == 2:
        return list(_RESOLUTIONS_S)
    if len(parts) != 3:
        raise unknown_path()
    if parts[2] not in _RESOLUTIONS_S:
        raise ApiError("Invalid resolution", 400, "Invalid resolution")
    return _candles(call, parts[0], symbol, _RESOLUTIONS_S[parts[2]] * 1000)


def _candles(call: Call, tick_type: str, symbol: str, resolution_ms: int) -> Answer:
    venue, one = call.service.venue, call.service.venue.instruments[symbol]
    now_ms = call.service.now_ms()
    since_s, until_s = call.number("from"), call.number("to")
    until_ms = min(now_ms, int(until_s * 1000)) if until_s is not None else now_ms
    since_ms = int(since_s * 1000) if since_s is not None else until_ms - _PAGE * resolution_ms
    page_end_ms = min(until_ms, max(0, -(-since_ms // resolution_ms)) * resolution_ms + _PAGE * resolution_ms)
    found = venue.bars.candles(one.asset, resolution_ms, since_ms, page_end_ms)
    found = [candle for candle in found if candle.open_ms <= until_ms]
    found = _so_far(call, found, symbol, resolution_ms)
    more = len(found) > _PAGE or page_end_ms < until_ms
    return {"candles": _rows(one, tick_type, found[:_PAGE]), "more_candles": more}


def _so_far(call: Call, candles: list[Candle], symbol: str, resolution_ms: int) -> list[Candle]:
    """The unfinished candle knows nothing of what its running minute will still do."""
    market, now_ms = call.service.venue.market(symbol), call.service.venue.now_ms
    if not candles or not market.alive or candles[-1].open_ms > now_ms:
        return candles
    bar = market.bar
    last = candles[-1]
    if not last.open_ms <= bar.open_ms < last.open_ms + resolution_ms:
        return candles
    played = market.played(now_ms)
    if bar.open_ms == last.open_ms:
        running = Candle(last.open_ms, bar.open, played.high, played.low, played.close, played.volume, last.premium)
        return [*candles[:-1], running]
    rest = call.service.venue.bars.candles(market.instrument.asset, 60_000, last.open_ms, bar.open_ms - 60_000)
    high = max([played.high, *(one.high for one in rest)])
    low = min([played.low, *(one.low for one in rest)])
    volume = sum(one.volume_base for one in rest) + played.volume
    return [*candles[:-1], Candle(last.open_ms, last.open, high, low, played.close, volume, last.premium)]


def _rows(one: Instrument, tick_type: str, candles: list[Candle]) -> list[dict[str, object]]:
    columns = trade_columns(one, candles) if tick_type == "trade" else _index_columns(tick_type, candles)
    times = [candle.open_ms for candle in candles]
    return [dict(zip(_FIELDS, values, strict=True)) for values in zip(times, *columns, strict=True)]


def _index_columns(tick_type: str, candles: list[Candle]) -> list[list[str]]:
    factors = [1.0 if tick_type == "spot" else 1 + candle.premium for candle in candles]
    fine = [
        [_fine(getattr(candle, name) * factor) for candle, factor in zip(candles, factors, strict=True)]
        for name in PRICES
    ]
    return [*fine, ["0"] * len(candles)]


def _fine(price: float) -> str:
    return plain(round(Decimal(repr(price)), 12))
