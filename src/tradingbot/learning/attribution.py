"""Where the money came from: sums of net results by symbol, strategy, venue, component, direction and the like. Pure.

Each dimension adds up to the sum of all trades, to the last digit. By component a trade's result is split in proportion
to weight x confidence of the components that agreed with its direction; without any it goes to ``none``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tradingbot.learning.exact_sums import ZERO, added, increased, split
from tradingbot.learning.trade_facts import UNKNOWN, agreeing_components
from tradingbot.portfolio.position import ClosedTrade

NO_COMPONENT: Final = "none"
COMPONENT: Final = "component"


@dataclass(frozen=True, slots=True)
class Share:
    """What one member of a dimension brought in. `net` by settlement currency; `wins` had a positive net result."""

    trades: int = 0
    wins: int = 0
    net_usd: Decimal = ZERO
    net: Mapping[str, Decimal] = field(default_factory=dict)

    def with_part(self, net_usd: Decimal, currency: str, net: Decimal) -> Share:
        """With one more trade, or a part of one."""
        return Share(
            self.trades + 1,
            self.wins + (net > 0),
            added(self.net_usd, net_usd),
            increased(self.net, currency, net),
        )


@dataclass(frozen=True, slots=True)
class Attribution:
    """`dimensions`: shares by dimension and member, e.g. ``dimensions["symbol"]["BTCUSDT"]``."""

    dimensions: Mapping[str, Mapping[str, Share]] = field(default_factory=dict)


def attributed(known: Attribution, trade: ClosedTrade, venue: str) -> Attribution:
    """The attribution with one more trade, which was made at `venue`."""
    dimensions = dict(known.dimensions)
    for dimension, member in _members(trade, venue):
        _book(dimensions, dimension, member, trade.net_pnl_usd, trade.settlement_currency, trade.net_pnl)
    shares = agreeing_components(trade) or {NO_COMPONENT: 1.0}
    in_usd, in_currency = split(trade.net_pnl_usd, shares), split(trade.net_pnl, shares)
    for name in shares:
        _book(dimensions, COMPONENT, name, in_usd[name], trade.settlement_currency, in_currency[name])
    return Attribution(dimensions)


def _members(trade: ClosedTrade, venue: str) -> Iterable[tuple[str, str]]:
    return (
        ("symbol", trade.symbol),
        ("strategy", trade.strategy),
        ("venue", venue),
        ("direction", trade.direction.value),
        ("conviction", trade.conviction),
        ("exit_rule", trade.exit_rule or UNKNOWN),
        ("regime", str(trade.signal_context.get("regime") or UNKNOWN)),
    )


def _book(
    dimensions: dict[str, Mapping[str, Share]],
    dimension: str,
    member: str,
    net_usd: Decimal,
    currency: str,
    net: Decimal,
) -> None:
    members = dimensions.get(dimension, {})
    dimensions[dimension] = {**members, member: members.get(member, Share()).with_part(net_usd, currency, net)}
