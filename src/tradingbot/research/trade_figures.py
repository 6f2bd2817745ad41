"""What a number of finished trades came to together. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tradingbot.learning.trade_facts import TradeFacts, usd_rate


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Money in USD at the price of the settlement currency when each trade closed; `_bps` of the notional at entry.

    net = gross - fees + funding. `profit_factor`: gains over losses; None without a loss. None elsewhere: no trades.
    `notional_usd` is what was opened.
    """

    count: int
    won: int
    win_rate: float | None
    gross_usd: float
    fees_usd: float
    funding_usd: float
    net_usd: float
    notional_usd: float
    expectancy_usd: float | None
    expectancy_bps: float | None
    profit_factor: float | None
    mean_win_usd: float | None
    mean_loss_usd: float | None
    best_usd: float | None
    worst_usd: float | None
    mean_held_min: float | None


def figures_of(trades: Sequence[TradeFacts]) -> TradeFigures:
    """All of them together."""
    count, won = len(trades), sum(one.won for one in trades)
    net = [one.net_usd for one in trades]
    gains, losses = [usd for usd in net if usd > 0], [usd for usd in net if usd < 0]
    return TradeFigures(
        count=count,
        won=won,
        win_rate=won / count if count else None,
        gross_usd=math.fsum(gross_usd(one) for one in trades),
        fees_usd=math.fsum(fees_usd(one) for one in trades),
        funding_usd=math.fsum(funding_usd(one) for one in trades),
        net_usd=math.fsum(net),
        notional_usd=math.fsum(one.notional_usd for one in trades),
        expectancy_usd=mean(net),
        expectancy_bps=mean([one.net_bps for one in trades]),
        profit_factor=math.fsum(gains) / -math.fsum(losses) if losses else None,
        mean_win_usd=mean(gains),
        mean_loss_usd=mean(losses),
        best_usd=max(net, default=None),
        worst_usd=min(net, default=None),
        mean_held_min=mean([one.held_min for one in trades]),
    )


def figures_by(trades: Iterable[TradeFacts], names: Callable[[TradeFacts], Iterable[str]]) -> dict[str, TradeFigures]:
    """Of the trades under each name, most trades first; a trade may have several names, or none."""
    groups: dict[str, list[TradeFacts]] = {}
    for one in trades:
        for name in names(one):
            groups.setdefault(name, []).append(one)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: figures_of(group) for name, group in ordered}


def turnover_per_year(trades: Sequence[TradeFacts], mean_equity_usd: float, days: float, year: int = 365) -> float:
    """Notional in and out, in multiples of the mean equity."""
    return 2 * math.fsum(one.notional_usd for one in trades) / mean_equity_usd / days * year


def gross_usd(one: TradeFacts) -> float:
    """What the prices gave."""
    return float(one.trade.gross_pnl * usd_rate(one.trade))


def fees_usd(one: TradeFacts) -> float:
    """What was paid for trading."""
    return float(one.trade.fees * usd_rate(one.trade))


def funding_usd(one: TradeFacts) -> float:
    """What was earned (below 0: paid) for holding."""
    return float(one.trade.funding * usd_rate(one.trade))


def mean(values: Sequence[float]) -> float | None:
    """Their mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None
