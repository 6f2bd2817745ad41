"""What each review gate sees of one signal: the views, filled from reading, book, exposure and what was learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tradingbot.core.memo import by_identity
from tradingbot.core.parameters import LearnedParameters, TrackRecord
from tradingbot.core.types import ContractKind, Direction, Symbol
from tradingbot.gates import (
    conviction,
    correlation_throttle,
    ensemble_agreement,
    fee_aware,
    intelligence,
    microstructure,
    policy,
    pre_entry,
)
from tradingbot.gates.params import GateParams
from tradingbot.guards.entry_permission import EntryPermission, conditions_against, policy_against
from tradingbot.market.comovement import Correlations
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import BookStats, SymbolSnapshot
from tradingbot.market.universe import LiquidityParams
from tradingbot.portfolio.position import Position
from tradingbot.reading import SymbolReading
from tradingbot.risk.exposure import Exposure
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.ensemble import MEAN_ABSOLUTE_NORMAL
from tradingbot.signals.liquidation_cascade import NAME as CASCADE
from tradingbot.signals.market_intelligence import IntelligenceScore
from tradingbot.signals.params import SignalParams
from tradingbot.signals.predictive_flow_engine import FlowSignal


@dataclass(frozen=True, slots=True)
class ViewParams:
    """Settings of other parts that the views carry to the gates."""

    gates: GateParams
    signals: SignalParams
    liquidity: LiquidityParams


@dataclass(frozen=True, slots=True)
class Candidate:
    """One signal with a side, and everything that the gates may look at."""

    cycle_id: str
    part: SymbolSnapshot
    reading: SymbolReading
    regime: RegimeReading
    held: Position | None
    leaving: bool
    exposure: Exposure
    correlations: Correlations
    permission: EntryPermission
    entries_left: int | None
    learned: LearnedParameters

    @property
    def symbol(self) -> Symbol:
        """Its symbol."""
        return self.reading.symbol

    @property
    def direction(self) -> Direction:
        """Its side."""
        return self.reading.flow.direction

    @property
    def record(self) -> TrackRecord | None:
        """What came of such trades, once the symbol is sample-ready."""
        return self.learned.record_of(self.symbol, self.direction)


def views_of(one: Candidate, params: ViewParams) -> Mapping[str, object]:
    """Every gate's view by the gate's name."""
    fee = fee_view(one, params)
    return {
        policy.NAME: policy.PolicyView(policy_against(one.permission, one.symbol)),
        ensemble_agreement.NAME: _ensemble_view(one),
        conviction.NAME: _conviction_view(one, fee, params.gates),
        fee_aware.NAME: fee,
        correlation_throttle.NAME: _correlation_view(one, params.gates.correlation.cluster_above),
        intelligence.NAME: _intelligence_view(one.reading.intelligence, one.direction),
        microstructure.NAME: _microstructure_view(one),
        pre_entry.NAME: _pre_entry_view(one, params),
    }


def _side_probability(one: Candidate) -> float:
    up = one.reading.prediction.probability
    return up if one.direction is Direction.LONG else 1 - up


@by_identity(512)
def _intelligence_view(score: IntelligenceScore, direction: Direction) -> intelligence.IntelligenceView:
    seen = None if score.score is None else score.score * direction.sign
    return intelligence.IntelligenceView(seen, score.coverage)


def _side_score(one: Candidate) -> float | None:
    score = one.reading.intelligence.score
    return None if score is None else score * one.direction.sign


def _ensemble_view(one: Candidate) -> ensemble_agreement.EnsembleView:
    move = one.reading.prediction.expected_move_bps * one.direction.sign
    return ensemble_agreement.EnsembleView(_side_probability(one), move)


def fee_view(one: Candidate, params: ViewParams) -> fee_aware.FeeView:
    """What is expected and what it costs; the hold is the learned one where there is one."""
    record, part, direction, symbol = one.record, one.part, one.direction, one.symbol
    learned_min = record.optimal_hold_min if record is not None else None
    hold_min = learned_min or params.gates.fee.expected_hold_min
    return fee_aware.FeeView(
        direction=direction,
        calibrated_move_bps=one.reading.prediction.expected_move_bps * direction.sign,
        reachable_move_bps=_reachable_bps(one, hold_min),
        half_spread_bps=part.book.spread_pct * 100 / 2 if part.book is not None else None,
        slippage_bps=one.learned.slippage_bps.get(symbol, one.learned.default_slippage_bps),
        funding_8h=part.venue_funding.median_8h if part.venue_funding is not None else None,
        hold_min=hold_min,
        fee_bps=one.learned.fee_bps.get(symbol),
    )


def _reachable_bps(one: Candidate, hold_min: float) -> float:
    """Mean absolute move of a normal walk over the hold, or what an agreeing strategy aims at, if that is more."""
    features = one.part.features
    sigma = features.sigma if features is not None and not one.part.candle_problems else None
    walk = (sigma or 0.0) * 10_000 * math.sqrt(hold_min) * MEAN_ABSOLUTE_NORMAL
    direction = one.direction
    aims = [idea.expected_move_bps for idea in one.reading.ideas if idea.direction is direction]
    return max(walk, *aims) if aims else walk


def _conviction_view(one: Candidate, fee: fee_aware.FeeView, params: GateParams) -> conviction.ConvictionView:
    flow, record = one.reading.flow, one.record
    cascade = _cascade(flow)
    return conviction.ConvictionView(
        direction=one.direction,
        flow_confidence=flow.confidence,
        aligned=flow.aligned,
        opposed=flow.opposed,
        alignment=one.reading.mtf.score(one.direction),
        side_probability=_side_probability(one),
        intelligence=_side_score(one),
        history_net_bps=record.mean_net_bps if record is not None else None,
        edge_bps=fee_aware.edge_bps(fee, params.fee),
        cascade=cascade is not None and cascade.direction is one.direction,
        regime=one.regime.regime,
    )


def _cascade(flow: FlowSignal) -> ComponentReading | None:
    for item in flow.components:
        if item.name == CASCADE:
            return item
    return None


def _correlation_view(one: Candidate, above: float) -> correlation_throttle.CorrelationView:
    """Open positions of the candidate's cluster; those on the other side, or moving the other way, are hedges."""
    equity_usd = float(one.exposure.equity_usd)
    held = {item.symbol: item for item in one.exposure.held if item.symbol != one.symbol}
    if not held:
        return correlation_throttle.CorrelationView(equity_usd, ())
    cluster = one.correlations.cluster(one.symbol, above, frozenset(held))
    members = []
    for symbol in sorted(cluster):
        item = held[symbol]
        sign = item.direction.sign * one.direction.sign
        known = one.correlations.of(one.symbol, symbol)
        members.append(correlation_throttle.ClusterMember(symbol, float(item.notional_usd) * sign, known))
    return correlation_throttle.CorrelationView(equity_usd, tuple(members))


def _microstructure_view(one: Candidate) -> microstructure.MicrostructureView:
    book, flow = one.part.book, one.reading.microstructure.flow
    pulse = None if flow is None else flow.pulse * one.direction.sign
    if book is None:
        return microstructure.MicrostructureView(None, None, pulse)
    return microstructure.MicrostructureView(book.spread_pct * 100, _depth_usd(book, one.direction), pulse)


def _depth_usd(book: BookStats, direction: Direction) -> float:
    """What rests on the side that an entry takes."""
    return book.ask_depth_usd if direction is Direction.LONG else book.bid_depth_usd


def _pre_entry_view(one: Candidate, params: ViewParams) -> pre_entry.PreEntryView:
    part, flow, record = one.part, one.reading.flow, one.record
    ticker = part.ticker
    return pre_entry.PreEntryView(
        aligned=flow.aligned,
        min_aligned=params.signals.min_aligned_components,
        held=one.held.direction.value if one.held is not None else "",
        leaving=one.leaving,
        stale=part.stale,
        has_book=part.book is not None,
        has_mark=part.mark_price is not None,
        live=flow.live,
        quorum=params.signals.min_live_components,
        market=market_of(part.spec.kind),
        open_for_orders=_open_for_orders(part),
        volume_24h_usd=ticker.volume_24h_usd if ticker is not None else None,
        min_volume_24h_usd=params.liquidity.min_volume_24h_usd,
        spread_bps=part.book.spread_pct * 100 if part.book is not None else None,
        max_spread_bps=params.liquidity.max_spread_bps,
        against=conditions_against(one.permission, one.symbol),
        entries_left=one.entries_left,
        net_bps=record.mean_net_bps if record is not None else None,
        intelligence=one.reading.intelligence.score,
        coverage=one.reading.intelligence.coverage,
    )


def market_of(kind: ContractKind) -> str:
    """``spot`` or ``futures``."""
    return "spot" if kind is ContractKind.SPOT else "futures"


def _open_for_orders(part: SymbolSnapshot) -> bool:
    """The ticker knows of a halt before the specifications, which are read once an hour."""
    halted = part.ticker is not None and (part.ticker.suspended or part.ticker.post_only)
    return part.spec.tradeable and not part.spec.post_only and not halted
