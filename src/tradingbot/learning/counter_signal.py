"""Would the inverse have won: the same trade the other way round, at the same prices and fees. Pure.

The inverse of a trade gains what the trade lost, pays the same fees, and funding with the other sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tradingbot.core.parameters import record_key
from tradingbot.learning.exact_sums import ZERO, added
from tradingbot.learning.trade_facts import usd_rate
from tradingbot.portfolio.position import ClosedTrade

ALL = "all"


@dataclass(frozen=True, slots=True)
class CounterSums:
    """Trades, how many won, how many inverses would have, and both net results in USD."""

    trades: int = 0
    won: int = 0
    inverse_won: int = 0
    net_usd: Decimal = ZERO
    inverse_net_usd: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class CounterOutcomes:
    """`pairs` by ``SYMBOL:direction`` of the trade that was made, and ``all``."""

    pairs: Mapping[str, CounterSums] = field(default_factory=dict)


def inverse_net(trade: ClosedTrade) -> Decimal:
    """What the inverse trade would have come to, in the settlement currency."""
    return -trade.gross_pnl - trade.fees - trade.funding


def countered(known: CounterOutcomes, trade: ClosedTrade) -> CounterOutcomes:
    """The outcomes with one more trade."""
    inverse = inverse_net(trade)
    inverse_usd = inverse * usd_rate(trade)
    pairs = dict(known.pairs)
    for key in (record_key(trade.symbol, trade.direction), ALL):
        old = pairs.get(key, CounterSums())
        pairs[key] = CounterSums(
            old.trades + 1,
            old.won + (trade.net_pnl > 0),
            old.inverse_won + (inverse > 0),
            added(old.net_usd, trade.net_pnl_usd),
            added(old.inverse_net_usd, inverse_usd),
        )
    return CounterOutcomes(pairs)
