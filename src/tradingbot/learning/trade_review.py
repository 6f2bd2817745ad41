"""Analyses of finished trades on demand and nightly (SPEC 9): faults, exits, fees, duration, symbols, inverse. Pure.

Every mean is a `Sample`: it says of how many trades it is, its standard error, and whether that is too few to conclude.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from tradingbot.core.parameters import record_key
from tradingbot.learning.counter_signal import inverse_net
from tradingbot.learning.exact_sums import total
from tradingbot.learning.samples import Sample, sample
from tradingbot.learning.trade_facts import UNKNOWN, TradeFacts, usd_rate

DURATIONS_MIN: Final = (5.0, 15.0, 60.0, 240.0)


class Fault(StrEnum):
    """Why a trade lost."""

    SIGNAL = "signal"
    EXECUTION = "execution"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class LosingTrade:
    """One losing trade and its fault. `at_decided_prices`: False when the fills' prices had to stand in for them."""

    trade_id: str
    symbol: str
    direction: str
    exit_rule: str
    fault: Fault
    net_usd: float
    net_bps: float
    decided_bps: float
    peak_bps: float | None
    cost_bps: float
    at_decided_prices: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Trades that have something in common. Sums in USD; `won` is the win rate 0..1, the rest in bps or 0..1."""

    name: str
    trades: int
    net_usd: Decimal
    net_bps: Sample
    won: Sample
    return_bps: Sample
    left_bps: Sample
    efficiency: Sample
    edge_bps: Sample
    held_min: Sample
    best_min: Sample


@dataclass(frozen=True, slots=True)
class FeeImpact:
    """What costs took. `share_of_gross` (fees - funding) / gross profit of the winners, None without any.

    `break_even_bps`: the move that a trade needs before it earns something.
    """

    trades: int
    gross_usd: Decimal
    fees_usd: Decimal
    funding_usd: Decimal
    net_usd: Decimal
    share_of_gross: float | None
    break_even_bps: Sample
    lost_to_fees: int


@dataclass(frozen=True, slots=True)
class Inverse:
    """The trades against their inverses: how many of either won, and what they came to in USD."""

    trades: int
    won: int
    inverse_won: int
    net_usd: Decimal
    inverse_net_usd: Decimal
    advantage_bps: Sample
    """Inverse result minus ours, per trade."""


def fault_of(facts: TradeFacts) -> Fault | None:
    """Why the trade lost; None when it did not.

    EXECUTION: right at the prices that were decided on, lost to delay, spread, impact and fees. EXIT: not so, but it
    was up by more than it cost and gave that back. SIGNAL: neither; the direction was wrong.
    """
    if facts.trade.net_pnl >= 0:
        return None
    if decided_bps(facts) > 0:
        return Fault.EXECUTION
    if facts.peak_bps is not None and facts.peak_bps > cost_bps(facts):
        return Fault.EXIT
    return Fault.SIGNAL


def decided_bps(facts: TradeFacts) -> float:
    """The return at the prices that were decided on; at the fills' prices where nobody wrote them down."""
    return facts.return_bps if facts.mid_return_bps is None else facts.mid_return_bps


def cost_bps(facts: TradeFacts) -> float:
    """What both orders cost: fees, less funding received, and what execution took from the decided prices."""
    return facts.fee_bps - facts.funding_bps + max(0.0, -(facts.edge_bps or 0.0))


def losing_trades(trades: Sequence[TradeFacts]) -> list[LosingTrade]:
    """Every losing trade with its fault, the most expensive first."""
    found = []
    for facts in trades:
        fault, trade = fault_of(facts), facts.trade
        if fault is not None:
            found.append(
                LosingTrade(
                    trade_id=trade.trade_id,
                    symbol=trade.symbol,
                    direction=trade.direction.value,
                    exit_rule=trade.exit_rule or UNKNOWN,
                    fault=fault,
                    net_usd=facts.net_usd,
                    net_bps=facts.net_bps,
                    decided_bps=decided_bps(facts),
                    peak_bps=facts.peak_bps,
                    cost_bps=cost_bps(facts),
                    at_decided_prices=facts.mid_return_bps is not None,
                )
            )
    return sorted(found, key=lambda one: one.net_usd)


def grouped(trades: Sequence[TradeFacts], key: Callable[[TradeFacts], str], small_below: int) -> list[Group]:
    """The trades by what `key` says of them, the most trades first."""
    members: dict[str, list[TradeFacts]] = {}
    for facts in trades:
        members.setdefault(key(facts), []).append(facts)
    groups = [group_of(name, ours, small_below) for name, ours in members.items()]
    return sorted(groups, key=lambda group: (-group.trades, group.name))


def group_of(name: str, trades: Sequence[TradeFacts], small_below: int) -> Group:
    """One group of trades."""

    def of(value: Callable[[TradeFacts], float | None]) -> Sample:
        return sample([value(facts) for facts in trades], small_below)

    return Group(
        name=name,
        trades=len(trades),
        net_usd=total([facts.trade.net_pnl_usd for facts in trades]),
        net_bps=of(lambda facts: facts.net_bps),
        won=of(lambda facts: float(facts.won)),
        return_bps=of(lambda facts: facts.return_bps),
        left_bps=of(left_on_the_table_bps),
        efficiency=of(lambda facts: facts.efficiency),
        edge_bps=of(lambda facts: facts.edge_bps),
        held_min=of(lambda facts: facts.held_min),
        best_min=of(lambda facts: facts.best_min),
    )


def left_on_the_table_bps(facts: TradeFacts) -> float | None:
    """What the best moment would have given beyond what was taken; None while the peak is unknown."""
    return None if facts.peak_bps is None else max(0.0, facts.peak_bps - facts.return_bps)


def by_exit_rule(facts: TradeFacts) -> str:
    """The rule that closed it."""
    return facts.trade.exit_rule or UNKNOWN


def by_symbol(facts: TradeFacts) -> str:
    """Its symbol."""
    return facts.trade.symbol


def by_pair(facts: TradeFacts) -> str:
    """Its symbol and direction."""
    return record_key(facts.trade.symbol, facts.trade.direction)


def by_duration(facts: TradeFacts) -> str:
    """How long it was held, in steps; sorted by name they are in order."""
    edges = (0.0, *DURATIONS_MIN)
    number = max(row for row, edge in enumerate(edges) if facts.held_min >= edge)
    low = edges[number]
    text = f"from {low:g} min" if number == len(edges) - 1 else f"{low:g} to {edges[number + 1]:g} min"
    return f"{number + 1}: {text}"


def fee_impact(trades: Sequence[TradeFacts], small_below: int) -> FeeImpact:
    """What fees and funding did to the result."""

    def in_usd(amount: Callable[[TradeFacts], Decimal]) -> Decimal:
        return total([amount(facts) * usd_rate(facts.trade) for facts in trades])

    fees, funding = in_usd(lambda facts: facts.trade.fees), in_usd(lambda facts: facts.trade.funding)
    earned = total([f.trade.gross_pnl * usd_rate(f.trade) for f in trades if f.trade.gross_pnl > 0])
    return FeeImpact(
        trades=len(trades),
        gross_usd=in_usd(lambda facts: facts.trade.gross_pnl),
        fees_usd=fees,
        funding_usd=funding,
        net_usd=total([facts.trade.net_pnl_usd for facts in trades]),
        share_of_gross=float((fees - funding) / earned) if earned > 0 else None,
        break_even_bps=sample([facts.fee_bps - facts.funding_bps for facts in trades], small_below),
        lost_to_fees=sum(1 for facts in trades if facts.trade.gross_pnl > 0 and facts.trade.net_pnl <= 0),
    )


def inverse_of(trades: Sequence[TradeFacts], small_below: int) -> Inverse:
    """Would the inverse have won."""
    inverses = [inverse_net(facts.trade) * usd_rate(facts.trade) for facts in trades]
    gains = [
        (float(inverse) - facts.net_usd) / facts.notional_usd * 10_000
        for inverse, facts in zip(inverses, trades, strict=True)
        if facts.notional_usd
    ]
    return Inverse(
        trades=len(trades),
        won=sum(1 for facts in trades if facts.won),
        inverse_won=sum(1 for inverse in inverses if inverse > 0),
        net_usd=total([facts.trade.net_pnl_usd for facts in trades]),
        inverse_net_usd=total(inverses),
        advantage_bps=sample(gains, small_below),
    )


def faults_counted(losing: Sequence[LosingTrade]) -> Mapping[str, Mapping[str, float]]:
    """How many losing trades each fault has, and what they cost in USD."""
    return {
        fault.value: {
            "trades": sum(1 for one in losing if one.fault is fault),
            "net_usd": sum(one.net_usd for one in losing if one.fault is fault),
        }
        for fault in Fault
    }
