"""Whether a home makes or loses money: equity now against the day's first and the first on file; facts for `status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any, Final

from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.models import LatestSignalsState, PositionsState, RuntimeState, TradesState
from tradingbot.learning.exact_sums import added
from tradingbot.portfolio.position import ClosedTrade, Position
from tradingbot.storage.journal_reader import JournalReader

CYCLES_OF_A_DAY: Final = 1500


@dataclass(frozen=True, slots=True)
class First:
    """The first equity that is known of a time, and when; None where none is."""

    at: datetime | None = None
    equity_usd: Decimal | None = None


def profit_facts(
    home: Path,
    runtime: RuntimeState,
    trades: TradesState,
    positions: PositionsState,
    latest: LatestSignalsState | None,
) -> dict[str, Any]:
    """Equity, its change in the UTC day of the newest cycle and since the first cycle on file, and what is open.

    Deposits and withdrawals count as change. What is not known is None.
    """
    return profit_since(*first_equities(home, runtime.as_of.date()), runtime, trades, positions, latest)


def first_equities(home: Path, day: date) -> tuple[First, First]:
    """Of that UTC day, and of all cycles on file. Reads up to a day of the journal of cycles."""
    journal = JournalReader(journal_path(home, "cycles"))
    of_day = (row for row in journal.tail(CYCLES_OF_A_DAY) if parse_utc(str(row["as_of"])).date() == day)
    return _first(of_day), _first(journal)


def _first(cycles: Iterable[Mapping[str, Any]]) -> First:
    first = next((row for row in cycles if row.get("equity_usd") is not None), None)
    return First() if first is None else First(parse_utc(str(first["as_of"])), Decimal(str(first["equity_usd"])))


def profit_since(
    today: First,
    start: First,
    runtime: RuntimeState,
    trades: TradesState,
    positions: PositionsState,
    latest: LatestSignalsState | None,
) -> dict[str, Any]:
    """As `profit_facts`, with the first equities known."""
    day = runtime.as_of.date()
    closed_today = [trade for trade in trades.trades if trade.exit_time.date() == day]
    gone, gone_today = trades.archived, trades.archived.closed_on(day)
    found = {
        "equity_usd": _text(runtime.equity_usd),
        "day": day.isoformat(),
        "today": _change(
            runtime.equity_usd,
            today,
            len(closed_today) + gone_today.trades,
            _won(closed_today) + gone_today.wins,
            _net(closed_today, gone_today.net_pnl_usd),
        ),
        "since_start": _change(
            runtime.equity_usd, start, trades.count, _won(trades.trades) + gone.wins, trades.net_pnl_usd
        ),
        **_open(positions.positions, latest),
    }
    return {**found, "not_from_trading_usd": _text(not_from_trading_usd(found))}


def not_from_trading_usd(profit: Mapping[str, Any]) -> Decimal | None:
    """What changed equity since the start besides finished trades and open positions: the price of coins that
    are held as margin, deposits, costs of open positions. None while a part is not known.
    """
    change, unrealised = profit["since_start"]["change_usd"], profit["unrealised_usd"]
    if change is None or unrealised is None:
        return None
    return Decimal(change) - Decimal(profit["since_start"]["net_pnl_usd"]) - Decimal(unrealised)


def _change(equity: Decimal | None, first: First, trades: int, won: int, net_pnl_usd: Decimal) -> dict[str, Any]:
    before = first.equity_usd
    change = equity - before if equity is not None and before is not None else None
    return {
        "since": first.at,
        "from_usd": _text(before),
        "change_usd": _text(change),
        "change_pct": float(change / before * 100) if change is not None and before else None,
        "trades": trades,
        "won": won,
        "net_pnl_usd": str(net_pnl_usd),
    }


def _won(trades: Sequence[ClosedTrade]) -> int:
    return sum(1 for trade in trades if trade.net_pnl_usd > 0)


def _net(trades: Sequence[ClosedTrade], before: Decimal) -> Decimal:
    return reduce(added, (trade.net_pnl_usd for trade in trades), before)


def _open(positions: Sequence[Position], latest: LatestSignalsState | None) -> dict[str, Any]:
    """How many positions are open, what they would bring at the newest cycle's prices before costs, and as of when."""
    ours = [position for position in positions if position.is_open]
    gains = [unrealised_usd(position, latest) for position in ours]
    known = [gain for gain in gains if gain is not None]
    as_of: datetime | None = latest.as_of if latest is not None else None
    return {
        "open_positions": len(ours),
        "unrealised_usd": str(sum(known, start=Decimal(0))) if len(known) == len(ours) else None,
        "unrealised_as_of": as_of,
    }


def unrealised_usd(position: Position, latest: LatestSignalsState | None) -> Decimal | None:
    """What the open size has won at the newest cycle's price, before costs; None without a price."""
    price = newest_price(position, latest)
    return None if price is None else position.return_fraction(price) * position.notional_usd(position.entry_price)


def newest_price(position: Position, latest: LatestSignalsState | None) -> Decimal | None:
    """The price of the newest cycle."""
    found = None if latest is None else latest.symbols.get(position.symbol, {}).get("price")
    return None if found is None else Decimal(repr(found))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
