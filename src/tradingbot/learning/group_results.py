"""What the trades of a group came to, gathered trade by trade: sums of money exactly, means with intervals. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tradingbot.learning.exact_sums import ZERO, added
from tradingbot.learning.intervals import NO_VALUES, Running, share_interval
from tradingbot.learning.trade_facts import UNKNOWN, TradeFacts, agreeing_components, usd_rate

NO_COMPONENT: Final = "none"
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class GroupResult:
    """Sums in USD (net = gross - fees + funding), means per trade in bps of notional."""

    trades: int = 0
    wins: int = 0
    net_usd: Decimal = ZERO
    gross_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    notional_usd: float = 0.0
    net_bps: Running = NO_VALUES
    fee_bps: Running = NO_VALUES
    edge_bps: Running = NO_VALUES
    held_min: Running = NO_VALUES

    def with_trade(self, facts: TradeFacts) -> GroupResult:
        """With one more trade."""
        trade, rate = facts.trade, usd_rate(facts.trade)
        return GroupResult(
            self.trades + 1,
            self.wins + facts.won,
            added(self.net_usd, trade.net_pnl_usd),
            added(self.gross_usd, trade.gross_pnl * rate),
            added(self.fees_usd, trade.fees * rate),
            added(self.funding_usd, trade.funding * rate),
            self.notional_usd + facts.notional_usd,
            self.net_bps.with_value(facts.net_bps),
            self.fee_bps.with_value(facts.fee_bps),
            self.edge_bps if facts.edge_bps is None else self.edge_bps.with_value(facts.edge_bps),
            self.held_min.with_value(facts.held_min),
        )


NO_TRADES: Final = GroupResult()

Groups = Mapping[str, Mapping[str, GroupResult]]
"""Results by dimension and member."""

DIMENSIONS: Final[Mapping[str, Callable[[TradeFacts], Iterable[str]]]] = {
    "symbol": lambda facts: (facts.trade.symbol,),
    "direction": lambda facts: (facts.trade.direction.value,),
    "strategy": lambda facts: (facts.trade.strategy,),
    "regime": lambda facts: (facts.regime,),
    "exit_rule": lambda facts: (facts.trade.exit_rule or UNKNOWN,),
    "conviction": lambda facts: (facts.trade.conviction,),
    "hour": lambda facts: (f"{facts.hour:02d}",),
    "weekday": lambda facts: (WEEKDAYS[facts.weekday],),
    "component": lambda facts: agreeing_components(facts.trade) or (NO_COMPONENT,),
}
"""What trades are grouped by. A trade counts for every component that agreed with it: these groups overlap."""


def with_trade(known: Groups, facts: TradeFacts, dimensions: Iterable[str] = tuple(DIMENSIONS)) -> Groups:
    """The groups with one more trade."""
    found = {name: dict(members) for name, members in known.items()}
    for name in dimensions:
        members = found.setdefault(name, {})
        for member in DIMENSIONS[name](facts):
            members[member] = members.get(member, NO_TRADES).with_trade(facts)
    return found


def told(result: GroupResult, small_below: int, tests: int = 1) -> dict[str, Any]:
    """A result for people and programs.

    `stands_out`: the interval, widened for `tests` groups looked at together, does not hold 0 and the sample is not
    small.
    """
    interval, strict = result.net_bps.interval(), result.net_bps.interval(tests)
    small = result.trades < small_below
    return {
        "trades": result.trades,
        "wins": result.wins,
        "win_rate": result.wins / result.trades if result.trades else None,
        "win_rate_interval": share_interval(result.wins, result.trades),
        "net_usd": str(result.net_usd),
        "gross_usd": str(result.gross_usd),
        "fees_usd": str(result.fees_usd),
        "funding_usd": str(result.funding_usd),
        "notional_usd": result.notional_usd,
        "net_bps": result.net_bps.mean if result.trades else None,
        "net_bps_interval": interval,
        "fee_bps": result.fee_bps.mean if result.trades else None,
        "execution_bps": result.edge_bps.mean if result.edge_bps.count else None,
        "held_min": result.held_min.mean if result.trades else None,
        "small": small,
        "stands_out": bool(not small and strict is not None and (strict[0] > 0 or strict[1] < 0)),
    }


def told_groups(groups: Groups, small_below: int, tests: int = 1) -> dict[str, dict[str, Any]]:
    """Every group, the one with the largest result (of either sign) first."""
    return {
        name: {
            member: told(result, small_below, tests)
            for member, result in sorted(members.items(), key=lambda item: (-abs(item[1].net_usd), item[0]))
        }
        for name, members in groups.items()
    }
