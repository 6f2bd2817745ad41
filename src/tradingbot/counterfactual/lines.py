"""Lines of `logs/counterfactual.jsonl`: one per closed virtual position."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tradingbot.counterfactual.model import Closed


def line_of(one: Closed, at: datetime) -> dict[str, Any]:
    """What came of one signal; `at` is the cycle that closed it. bps are of the notional at entry."""
    origin, parts = one.origin, one.parts
    return {
        "signal_id": origin.signal_id,
        "at": at,
        "as_of": origin.as_of,
        "symbol": origin.symbol,
        "direction": origin.direction.value,
        "confidence": round(origin.confidence, 4),
        "conviction": origin.conviction,
        "stage": origin.stage,
        "why": origin.why,
        "blockers": list(origin.blockers),
        "multipliers": dict(origin.multipliers),
        "weak": origin.weak,
        "taken": origin.taken,
        "sized": origin.sized,
        "notional_usd": round(origin.notional_usd, 2),
        "entry_time": one.entry_time,
        "exit_time": one.exit_time,
        "entry_price": one.entry_price,
        "exit_price": one.exit_price,
        "rule": one.rule,
        "fills": one.fills,
        "net_bps": round(parts.net, 4),
        "gross_bps": round(parts.gross, 4),
        "spread_bps": round(parts.spread, 4),
        "slippage_bps": round(parts.slippage, 4),
        "fees_bps": round(parts.fees, 4),
        "funding_bps": round(parts.funding, 4),
        "peak_bps": round(one.peak_bps, 2),
        "trough_bps": round(one.trough_bps, 2),
    }
