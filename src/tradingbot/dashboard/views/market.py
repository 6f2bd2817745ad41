"""Candles of one symbol with our entries, exits and the protective stop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from tradingbot.core.types import parse_utc
from tradingbot.dashboard.sources import Look

CANDLES: Final = 720
MINUTE: Final = timedelta(minutes=1)


def market(look: Look) -> dict[str, Any]:
    """The chosen symbol, else the first one with a position, else the first one."""
    names = sorted(look.moment.symbols)
    held = [str(row["symbol"]) for row in look.moment.positions]
    wanted = look.text("symbol").upper()
    symbol = wanted if wanted in names else next(iter([*held, *names]), "")
    until_s = int(look.until.timestamp())
    candles = _candles(look, symbol)
    first_s = candles[0]["time"] if candles else until_s
    return {
        "symbol": symbol,
        "symbols": names,
        "candles": candles,
        "marks": _marks(look, symbol, first_s, until_s),
        "positions": [row for row in look.moment.positions if row["symbol"] == symbol],
        "check": look.moment.symbols.get(symbol),
        "blocked": look.moment.runtime.blocked_symbols.get(symbol),
    }


def _candles(look: Look, symbol: str) -> list[dict[str, Any]]:
    """The newest that closed by then; those of the past from the files."""
    if look.past:
        found = look.sources.past_candles(symbol, look.until - (CANDLES + 1) * MINUTE, look.until)
        return [dict(row) for row in found][-CANDLES:]
    until_s = int(look.until.timestamp())
    return [dict(row) for row in look.sources.candles(symbol) if row["time"] <= until_s][-CANDLES:]


def _marks(look: Look, symbol: str, first_s: int, until_s: int) -> list[dict[str, Any]]:
    """Entries and exits of the shown time, oldest first."""
    found: list[dict[str, Any]] = []
    for one in look.sources.trades():
        if one.symbol == symbol:
            side = one.direction.value
            found += [
                {"time": int(one.entry_time.timestamp()), "what": "entry", "side": side, "price": str(one.entry_price)},
                {
                    "time": int(one.exit_time.timestamp()),
                    "what": "exit",
                    "side": side,
                    "price": str(one.exit_price),
                    "rule": one.exit_rule,
                    "net_pnl_usd": str(one.net_pnl_usd),
                },
            ]
    for row in look.moment.positions:
        if row["symbol"] == symbol:
            at_s = int(parse_utc(str(row["entry_time"])).timestamp())
            found.append({"time": at_s, "what": "entry", "side": row["direction"], "price": row["entry_price"]})
    return sorted((one for one in found if first_s <= one["time"] <= until_s), key=lambda one: one["time"])
