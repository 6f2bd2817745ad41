"""Actual against simulated results, trade by trade (SPEC 6.7). Pure.

The simulated trade fills at the prices that were decided on, pays half the spread it saw at the entry twice, the
default slippage and the configured fee twice, and the same funding. Where no decided price is known the fill's own
price stands in, and that leg is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradingbot.learning.exact_sums import ZERO, added
from tradingbot.learning.params import LearningParams
from tradingbot.learning.trade_facts import BPS, TradeFacts, decided_prices, notional_usd, usd_rate


@dataclass(frozen=True, slots=True)
class Rollout:
    """Since the first trade. `legs_without_decision` entries and exits were simulated at their own fill price."""

    since: datetime | None = None
    trades: int = 0
    actual_pnl_usd: Decimal = ZERO
    simulated_pnl_usd: Decimal = ZERO
    notional_usd: Decimal = ZERO
    legs_without_decision: int = 0
    gap_bps: float = 0.0
    """(simulated - actual) / notional: positive when reality is worse than the simulation."""


def simulated_pnl_usd(facts: TradeFacts, params: LearningParams, taker_fee_bps: float) -> Decimal:
    """What the simulation makes of one trade, to a millionth of a USD."""
    trade = facts.trade
    entry, leave = decided_prices(trade)
    ratio = (leave or trade.exit_price) / (entry or trade.entry_price)
    fraction = (ratio - 1) * trade.direction.sign
    cost_bps = 2 * (taker_fee_bps + params.default_slippage_bps) + (facts.spread_bps or 0.0)
    gained = notional_usd(trade) * (fraction - Decimal(repr(cost_bps)) / BPS)
    return (gained + trade.funding * usd_rate(trade)).quantize(Decimal("0.000001"))


def rolled_out(known: Rollout, facts: TradeFacts, params: LearningParams, taker_fee_bps: float) -> Rollout:
    """The comparison with one more trade."""
    trade = facts.trade
    actual = added(known.actual_pnl_usd, trade.net_pnl_usd)
    simulated = added(known.simulated_pnl_usd, simulated_pnl_usd(facts, params, taker_fee_bps))
    notional = added(known.notional_usd, notional_usd(trade))
    return Rollout(
        since=trade.entry_time if known.since is None else min(known.since, trade.entry_time),
        trades=known.trades + 1,
        actual_pnl_usd=actual,
        simulated_pnl_usd=simulated,
        notional_usd=notional,
        legs_without_decision=known.legs_without_decision + sum(1 for one in decided_prices(trade) if one is None),
        gap_bps=float((simulated - actual) / notional) * BPS if notional else 0.0,
    )
