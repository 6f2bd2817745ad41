"""The expectancy ledger: what a trade of a symbol and direction, or of a strategy, brings on average. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tradingbot.core.parameters import record_key
from tradingbot.learning.decay import DecayedMean
from tradingbot.learning.exact_sums import ZERO, added
from tradingbot.learning.trade_facts import TradeFacts


@dataclass(frozen=True, slots=True)
class Expectancy:
    """Of one kind of trade. `net_usd` is exact; the means are decay-weighted.

    `net_bps` after all costs, `edge_bps` what execution added to the prices decided on (below 0: it cost), `efficiency`
    0..1 the share of the best reachable return that was realised, `won` the win rate 0..1.
    """

    trades: int = 0
    wins: int = 0
    net_usd: Decimal = ZERO
    newest_at: datetime | None = None
    net_bps: DecayedMean = field(default_factory=DecayedMean)
    edge_bps: DecayedMean = field(default_factory=DecayedMean)
    efficiency: DecayedMean = field(default_factory=DecayedMean)
    won: DecayedMean = field(default_factory=DecayedMean)

    def with_trade(self, facts: TradeFacts, half_life_days: float) -> Expectancy:
        """With one more trade."""
        at = facts.trade.exit_time
        return Expectancy(
            trades=self.trades + 1,
            wins=self.wins + facts.won,
            net_usd=added(self.net_usd, facts.trade.net_pnl_usd),
            newest_at=at if self.newest_at is None else max(at, self.newest_at),
            net_bps=self.net_bps.with_value(facts.net_bps, at, half_life_days),
            edge_bps=_with_known(self.edge_bps, facts.edge_bps, at, half_life_days),
            efficiency=_with_known(self.efficiency, facts.efficiency, at, half_life_days),
            won=self.won.with_value(float(facts.won), at, half_life_days),
        )


@dataclass(frozen=True, slots=True)
class ExpectancyLedger:
    """`pairs` by ``SYMBOL:direction``, `strategies` by name."""

    pairs: Mapping[str, Expectancy] = field(default_factory=dict)
    strategies: Mapping[str, Expectancy] = field(default_factory=dict)


def entered_in_ledger(known: ExpectancyLedger, facts: TradeFacts, half_life_days: float) -> ExpectancyLedger:
    """The ledger with one more trade."""
    pair, strategy = record_key(facts.trade.symbol, facts.trade.direction), facts.trade.strategy
    return ExpectancyLedger(
        {**known.pairs, pair: known.pairs.get(pair, Expectancy()).with_trade(facts, half_life_days)},
        {
            **known.strategies,
            strategy: known.strategies.get(strategy, Expectancy()).with_trade(facts, half_life_days),
        },
    )


def _with_known(known: DecayedMean, value: float | None, at: datetime, half_life_days: float) -> DecayedMean:
    return known if value is None else known.with_value(value, at, half_life_days)
