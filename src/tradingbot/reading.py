"""What one cycle reads out of a snapshot: regime, components, alignment, strategies, ensemble. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.params import Params
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.intelligence import Feed
from tradingbot.market.microstructure import Microstructure, microstructure
from tradingbot.market.multi_timeframe import MtfAlignment, MtfParams, alignment
from tradingbot.market.regime import RegimeReading, next_regime
from tradingbot.market.regime_metrics import regime_metrics
from tradingbot.market.regime_params import RegimeParams
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.signals.ensemble import EnsembleParams, EnsemblePrediction, ensemble
from tradingbot.signals.market_intelligence import IntelligenceScore, intelligence_score
from tradingbot.signals.params import SignalParams
from tradingbot.signals.predictive_flow_engine import FlowSignal, flow_signal
from tradingbot.strategies.ideas import opinion_of
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.selector import select
from tradingbot.strategies.strategy import ActiveStrategy, EntryIdea, StrategyView
from tradingbot.strategies.table import strategy_named


class ReadingParams(Params):
    """Settings of everything that reads the market."""

    signals: SignalParams = SignalParams()
    mtf: MtfParams = MtfParams()
    regime: RegimeParams = RegimeParams()
    strategies: StrategyParams = StrategyParams()
    ensemble: EnsembleParams = EnsembleParams()


@dataclass(frozen=True, slots=True)
class SymbolReading:
    """Everything read of one symbol. `ideas` are those of the active strategies, in their order."""

    symbol: Symbol
    flow: FlowSignal
    mtf: MtfAlignment
    intelligence: IntelligenceScore
    microstructure: Microstructure
    ideas: tuple[EntryIdea, ...]
    prediction: EnsemblePrediction


@dataclass(frozen=True, slots=True)
class MarketReading:
    """Everything read in one cycle."""

    regime: RegimeReading
    active: tuple[ActiveStrategy, ...]
    symbols: Mapping[Symbol, SymbolReading]


def read_market(snapshot: MarketSnapshot, params: ReadingParams) -> MarketReading:
    """Regime and active strategies, then every symbol."""
    regime = read_regime(snapshot, params)
    active = select(regime, params.strategies)
    symbols = {symbol: _read_symbol(snapshot, symbol, regime, active, params) for symbol in snapshot.symbols}
    return MarketReading(regime, active, symbols)


def _read_symbol(
    snapshot: MarketSnapshot,
    symbol: Symbol,
    regime: RegimeReading,
    active: Sequence[ActiveStrategy],
    params: ReadingParams,
) -> SymbolReading:
    part = snapshot.symbols[symbol]
    flow = flow_signal(snapshot, symbol, params.signals)
    mtf = alignment({} if part.candle_problems else part.frames, snapshot.as_of, params.mtf)
    view = strategy_view(part, snapshot.as_of, mtf, regime, params.signals.lead_lag.leader)
    ideas = () if view is None else _ideas(view, active, params.strategies)
    shares = {one.name: one.share_pct / 100 for one in active}
    opinions = [opinion_of(idea, shares[idea.strategy], params.strategies.opinion) for idea in ideas]
    sigma = part.features.sigma if part.features is not None else None
    prediction = ensemble(flow, opinions, (sigma or 0.0) * 10_000, params.ensemble)
    score = intelligence_score(snapshot, symbol, params.signals.intelligence)
    ofi = params.signals.ofi
    book = microstructure(part, snapshot.as_of, ofi.fast_window_s, ofi.slow_window_s)
    return SymbolReading(symbol, flow, mtf, score, book, ideas, prediction)


def _ideas(view: StrategyView, active: Sequence[ActiveStrategy], params: StrategyParams) -> tuple[EntryIdea, ...]:
    chosen = (strategy_named(one.name, params) for one in active)
    return tuple(strategy.entry(view) for strategy in chosen if strategy is not None)


def read_regime(snapshot: MarketSnapshot, params: ReadingParams) -> RegimeReading:
    """The regime that follows from the one before and the market's hours."""
    hours = {
        symbol: part.higher[Timeframe.H1] for symbol, part in snapshot.symbols.items() if Timeframe.H1 in part.higher
    }
    leader = Symbol(params.signals.lead_lag.leader)
    frames = snapshot.symbols[leader].frames if leader in snapshot.symbols else {}
    quoted = None if snapshot.intel.problems.get(Feed.VOLATILITY_INDEX) else snapshot.intel.volatility
    metrics = regime_metrics(hours, frames, quoted, snapshot.as_of, params.regime, leader)
    return next_regime(snapshot.previous_regime, metrics, snapshot.as_of, params.regime)


def strategy_view(
    part: SymbolSnapshot, now: datetime, mtf: MtfAlignment, regime: RegimeReading, leader: str
) -> StrategyView | None:
    """What strategies may see of a symbol; None while it has no price or its candles may not be used."""
    if part.mark_price is None or part.candle_problems:
        return None
    return StrategyView(
        symbol=part.symbol,
        as_of=now,
        mark=float(part.mark_price),
        frames=part.frames,
        mtf=mtf,
        regime=regime,
        spread_bps=part.book.spread_pct * 100 if part.book is not None else None,
        funding_8h=part.venue_funding.median_8h if part.venue_funding is not None else None,
        is_leader=part.symbol == leader,
    )
