"""Figures of money and of what stands against entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tradingbot.core.types import ContractKind, Regime
from tradingbot.dashboard.metric_rows import Row, Sample, View, finite, label, one, scaled, states
from tradingbot.guards.downtime import TradingState
from tradingbot.guards.switch_state import SwitchName

PERIODS: Final = (("today", "today"), ("since_start", "since_start"))


def _profit(key: str, factor: float = 1.0) -> Any:
    """The same number of both periods."""

    def read(view: View) -> Iterable[Sample]:
        found = ((name, view.moment.profit.get(field) or {}) for name, field in PERIODS)
        return [((name,), scaled(period.get(key), factor)) for name, period in found]

    return read


def _peak(view: View) -> float | None:
    """What the drawdown is measured from."""
    known = finite(view.moment.peak_equity_usd)
    return view.peak_usd if known is None else known


def _drawdown(view: View) -> float | None:
    equity, peak = finite(view.runtime.equity_usd), _peak(view)
    return None if equity is None or not peak or peak < 0 else max(0.0, 1 - equity / peak)


def notional_usd(row: Mapping[str, Any]) -> float | None:
    """USD worth of an open position's row at its newest price, else at its entry price."""
    size, contract = finite(row["size"]), finite(row["contract_size"])
    if size is None or contract is None:
        return None
    if row["kind"] == ContractKind.INVERSE.value:
        return size * contract
    price = finite(row.get("newest_price"))
    return scaled(row["entry_price"] if price is None else price, size * contract)


def _positions(value: Any) -> Any:
    """Sums of open positions by symbol and direction."""

    def read(view: View) -> Iterable[Sample]:
        sums: dict[tuple[str, ...], float] = {}
        for row in view.moment.positions:
            number = value(row) if float(row["size"]) > 0 else None
            if number is not None:
                key = (str(row["symbol"]), str(row["direction"]))
                sums[key] = sums.get(key, 0.0) + number
        return sums.items()

    return read


def _open_positions(view: View) -> int:
    return sum(1 for row in view.moment.positions if float(row["size"]) > 0)


def _unprotected(view: View) -> int:
    return sum(1 for row in view.moment.positions if float(row["size"]) > 0 and row.get("stop_order_id") is None)


def _tripped(view: View) -> Iterable[Sample]:
    names = {str(row["switch"]) for row in view.moment.kill_switches}
    return [((switch.value,), float(switch.value in names)) for switch in SwitchName]


def _reasons(view: View) -> Iterable[Sample]:
    now = {label(name) for name in view.runtime.entry_blocks}
    return [((name,), float(name in now)) for name in sorted(view.reasons | now)]


def _since_start(key: str) -> Any:
    return one(lambda view: (view.moment.profit.get("since_start") or {}).get(key))


MONEY: Final = (
    Row("equity_usd", "gauge", "equity of the account, USD", one(lambda view: view.runtime.equity_usd)),
    Row("equity_peak_usd", "gauge", "highest equity that the drawdown is measured from, USD", one(_peak)),
    Row("drawdown_ratio", "gauge", "equity below its peak, as a share of the peak", one(_drawdown)),
    Row(
        "equity_change_usd",
        "gauge",
        "change of equity since the first one of the UTC day or on file, deposits included, USD",
        _profit("change_usd"),
        ("period",),
    ),
    Row(
        "equity_change_ratio",
        "gauge",
        "the same as a share of the equity then",
        _profit("change_pct", 0.01),
        ("period",),
    ),
    Row(
        "realised_pnl_usd",
        "gauge",
        "net result of the trades that finished in the period, USD",
        _profit("net_pnl_usd"),
        ("period",),
    ),
    Row(
        "unrealised_pnl_usd",
        "gauge",
        "what open positions would bring at the newest prices before costs, USD",
        one(lambda view: view.moment.profit.get("unrealised_usd")),
    ),
    Row("open_positions", "gauge", "positions that are open", one(_open_positions)),
    Row("unprotected_positions", "gauge", "open positions without a stop at the exchange", one(_unprotected)),
    Row(
        "position_notional_usd",
        "gauge",
        "worth of the open size at the newest price, USD",
        _positions(notional_usd),
        ("symbol", "direction"),
    ),
    Row(
        "position_unrealised_pnl_usd",
        "gauge",
        "what the open size would bring before costs, USD",
        _positions(lambda row: finite(row.get("unrealised_usd"))),
        ("symbol", "direction"),
    ),
    Row("trades", "counter", "finished trades since the first start", _since_start("trades")),
    Row("trades_won", "counter", "those of them that brought money", _since_start("won")),
)

RISK: Final = (
    Row("kill_switch_tripped", "gauge", "1 while the kill switch holds entries back", _tripped, ("switch",)),
    Row(
        "entries_blocked",
        "gauge",
        "1 while something stands against all entries",
        one(lambda view: bool(view.runtime.entry_blocks)),
    ),
    Row(
        "entries_blocked_by",
        "gauge",
        "1 while this stands against all entries; 0 once it is over",
        _reasons,
        ("reason",),
    ),
    Row(
        "symbols_blocked",
        "gauge",
        "symbols in which something of their own stands against entries",
        one(lambda view: len(view.runtime.blocked_symbols)),
    ),
    Row(
        "entries_left_today",
        "gauge",
        "positions that the limit per UTC day still allows",
        one(lambda view: view.runtime.entries_left_today),
    ),
    Row(
        "margin_short",
        "gauge",
        "1 while free margin is below its limit",
        one(lambda view: bool(view.runtime.margin_short)),
    ),
    Row(
        "downtime_state",
        "gauge",
        "1 for where in the day without entries we are",
        states((state.value for state in TradingState), lambda view: str(view.moment.downtime.get("state") or "")),
        ("state",),
    ),
    Row(
        "regime",
        "gauge",
        "1 for the regime of the market that holds",
        states((regime.value for regime in Regime), lambda view: str(view.moment.regime.get("regime") or "")),
        ("regime",),
    ),
    Row(
        "strategy_share_ratio",
        "gauge",
        "share of the strategy in what is opened",
        lambda view: [((name,), scaled(share, 0.01)) for name, share in view.moment.strategies.items()],
        ("strategy",),
    ),
)
