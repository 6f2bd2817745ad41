"""One finished trade with everything that led to it: signal, gates, costs of its orders, outcome. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tradingbot.learning.trade_facts import UNKNOWN, TradeFacts, agreeing_components, facts_of
from tradingbot.learning.trade_review import fault_of
from tradingbot.portfolio.position import ClosedTrade

COSTS: Final = ("delay_bps", "spread_bps", "impact_bps", "slip_bps", "fees_bps", "total_bps", "expected_bps", "gap_bps")


def enriched(
    trade: ClosedTrade, signal: Mapping[str, Any] | None, orders: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """One line of `logs/enriched_trades.jsonl`.

    `signal` is the signal's line of `logs/signal_universe.jsonl`, None when it is no longer on file; `orders` are the
    position's lines of `logs/execution_quality.jsonl`. `missing` names what could not be joined. Units are those of
    `TradeFacts`.
    """
    facts, rows = facts_of(trade), list(orders)
    missing = [name for name, there in (("signal", signal is not None), ("orders", bool(rows))) if not there]
    return {
        "trade_id": trade.trade_id,
        "signal_id": signal_id(trade),
        "symbol": trade.symbol,
        "direction": trade.direction.value,
        "strategy": trade.strategy,
        "conviction": trade.conviction,
        "entry_time": trade.entry_time,
        "exit_time": trade.exit_time,
        "leverage": trade.leverage,
        "exit_rule": trade.exit_rule or UNKNOWN,
        "outcome": _outcome(facts),
        "said": _said(trade),
        "gates": [_gate(one) for one in (signal or {}).get("gates", ())],
        "size_steps": ((signal or {}).get("size") or {}).get("steps", []),
        "params_hash": (signal or {}).get("params_hash"),
        "orders": [_order(row) for row in rows],
        "missing": missing,
    }


def signal_id(trade: ClosedTrade) -> str:
    """Id of the signal that opened it; empty for a trade of an older file."""
    return str(trade.signal_context.get("signal_id") or "")


def _outcome(facts: TradeFacts) -> dict[str, Any]:
    fault = fault_of(facts)
    return {
        "won": facts.won,
        "fault": None if fault is None else fault.value,
        "notional_usd": facts.notional_usd,
        "net_usd": facts.trade.net_pnl_usd,
        "net_bps": facts.net_bps,
        "return_bps": facts.return_bps,
        "mid_return_bps": facts.mid_return_bps,
        "execution_bps": facts.edge_bps,
        "fee_bps": facts.fee_bps,
        "funding_bps": facts.funding_bps,
        "peak_bps": facts.peak_bps,
        "trough_bps": facts.trough_bps,
        "efficiency": facts.efficiency,
        "held_min": facts.held_min,
        "best_min": facts.best_min,
    }


def _said(trade: ClosedTrade) -> dict[str, Any]:
    """What was known and expected when it was entered."""
    context = trade.signal_context
    kept = ("probability", "expected_move_bps", "expected_cost_bps", "expected_round_trip_bps", "sigma_bps")
    more = ("intelligence", "regime", "conviction_level", "confidence", "aligned", "opposed", "spread_bps")
    return {
        **{name: context.get(name) for name in (*kept, *more)},
        "mtf_alignment": trade.mtf_alignment,
        "agreeing": agreeing_components(trade),
        "components": context.get("components", {}),
    }


def _gate(one: Mapping[str, Any]) -> dict[str, Any]:
    codes = [why.get("code") for why in one.get("reasons", ())]
    return {
        "gate": one.get("gate"),
        "multiplier": one.get("multiplier"),
        "cap_usd": one.get("cap_usd"),
        "reasons": codes,
    }


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("client_order_id", "purpose", "rule", "side", "size", "average_price", "decision_mid", "filled_at")
    return {name: row.get(name) for name in (*kept, *COSTS)}
