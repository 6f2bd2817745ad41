"""From the learning files to the one value that decisions read. Pure."""

from __future__ import annotations

from datetime import datetime

from tradingbot.core.parameters import LearnedParameters, SymbolRecord, TrackRecord
from tradingbot.core.types import Symbol
from tradingbot.learning.allocation import Allocations
from tradingbot.learning.expectancy import ExpectancyLedger
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import RealityGap
from tradingbot.learning.timing import TimingOutcomes


def learned_parameters(
    expectancy: ExpectancyLedger,
    timing: TimingOutcomes,
    allocations: Allocations,
    gap: RealityGap,
    params: LearningParams,
) -> LearnedParameters:
    """Everything that was learned. `as_of` is the newest trade, so the same trades always give the same value."""
    return LearnedParameters(
        as_of=_newest(expectancy),
        records={pair: _record(pair, expectancy, timing, params) for pair in sorted(expectancy.pairs)},
        symbols={
            symbol: SymbolRecord(
                one.trade_count, one.days_active, one.sample_readiness_pct, one.ready, one.allocation_multiplier
            )
            for symbol, one in sorted(allocations.symbols.items())
        },
        default_slippage_bps=params.default_slippage_bps,
        slippage_bps={
            Symbol(symbol): slippage_bps(*one.slippage(), params) for symbol, one in sorted(gap.symbols.items())
        },
        fee_bps={
            Symbol(symbol): fee
            for symbol, one in sorted(gap.symbols.items())
            if (fee := one.fee(params.newest_fees)) is not None
        },
        strategy_volatility_bps={
            name: deviation
            for name, one in sorted(expectancy.strategies.items())
            if (deviation := one.net_bps.deviation) is not None
        },
    )


def slippage_bps(fills: int, mean_bps: float, params: LearningParams) -> float:
    """The measured mean shrunk to the default by `slippage_prior_fills`; never below 0."""
    prior = params.slippage_prior_fills
    return max(0.0, (fills * mean_bps + prior * params.default_slippage_bps) / (fills + prior))


def _record(pair: str, expectancy: ExpectancyLedger, timing: TimingOutcomes, params: LearningParams) -> TrackRecord:
    known, timed = expectancy.pairs[pair], timing.pairs.get(pair)
    return TrackRecord(
        trades=known.trades,
        mean_net_bps=known.net_bps.mean or 0.0,
        win_rate=known.won.mean or 0.0,
        optimal_hold_min=timed.optimal_hold_min(params.hold_min_trades) if timed is not None else None,
    )


def _newest(expectancy: ExpectancyLedger) -> datetime | None:
    return max((one.newest_at for one in expectancy.pairs.values() if one.newest_at is not None), default=None)
