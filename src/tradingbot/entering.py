"""Whether a signal becomes a position: gates, size, caps, contracts, and the plan that the entry order carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from tradingbot.core.errors import SizingError
from tradingbot.core.levers import DIRECTION, NO_LEVERS, Levers
from tradingbot.core.memo import by_identity
from tradingbot.core.parameters import LearnedParameters, record_key
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Conviction, Direction, Timeframe, plain, signal_id_of
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.gate_views import Candidate, ViewParams, market_of, views_of
from tradingbot.gates import conviction as conviction_gate
from tradingbot.gates import correlation_throttle, fee_aware, intelligence, microstructure, policy
from tradingbot.gates.gate import NO_TRAIL, GateTrail, fold
from tradingbot.gates.params import GateParams
from tradingbot.gates.table import GATES
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.snapshot import SymbolSnapshot
from tradingbot.market.universe import LiquidityParams
from tradingbot.market.volatility_spike import volatility_ratio
from tradingbot.portfolio.actions import OpenPosition
from tradingbot.portfolio.book import EntryPlan
from tradingbot.reading import ReadingParams, SymbolReading
from tradingbot.risk.canonical_sizing import NormalizedSize, normalize_position_size
from tradingbot.risk.exact_settings import exact_of
from tradingbot.risk.exposure import Exposure, HeldRisk
from tradingbot.risk.factors import circuit_breaker, history_multiplier, risk_parity, rollout_share
from tradingbot.risk.params import RiskParams
from tradingbot.risk.position_sizing import SizeFactor, SizeRequest, SizeVerdict, size_entry
from tradingbot.signals.params import SignalParams
from tradingbot.signals.predictive_flow_engine import FlowSignal

FLOW_STRATEGY: Final = "predictive_flow"
"""Strategy of a position that the flow signal opened alone."""

NO_SIGNAL: Final = "signal"
SIZING: Final = "sizing"
CONTRACT_SIZE: Final = "contract_size"
ENTERED: Final = "entered"
"""Stages at which a signal can end beside the gates' own names."""


@dataclass(frozen=True, slots=True)
class DecisionParams:
    """All parameters that a decision depends on. `venue_since` is when this account began to trade at the venue.

    `levers` is the generation that the other parts were made with (`tuned.tuned`); what it says of single symbols and
    sides is looked up here.
    """

    reading: ReadingParams
    risk: RiskParams
    exits: ExitParams
    grace: GraceParams
    liquidity: LiquidityParams
    venue_since: datetime
    gates: GateParams = field(default_factory=GateParams)
    levers: Levers = NO_LEVERS

    def is_early(self, now: datetime) -> bool:
        """Within the first days on the venue, when smaller caps hold (SPEC 6.1)."""
        return now - self.venue_since < timedelta(days=self.risk.sizing.early_days)

    @property
    def views(self) -> ViewParams:
        """What the gates' views are filled with."""
        return _view_params(self.gates, self.reading.signals, self.liquidity)


@by_identity(8)
def _view_params(gates: GateParams, signals: SignalParams, liquidity: LiquidityParams) -> ViewParams:
    return ViewParams(gates, signals, liquidity)


@dataclass(frozen=True, slots=True)
class OrderSize:
    """The last step from USD to what the venue takes: the contract's rules, and what came out."""

    target_usd: Decimal
    price: Decimal
    normalized: NormalizedSize


@dataclass(frozen=True, slots=True)
class SignalVerdict:
    """One signal's way through the stages: what was read, what every gate said, its size chain, where it ended."""

    reading: SymbolReading
    stage: str
    reasons: tuple[Reason, ...]
    trail: GateTrail = NO_TRAIL
    request: SizeRequest | None = None
    exposure: Exposure | None = None
    size: SizeVerdict | None = None
    order: OrderSize | None = None

    @property
    def signal(self) -> FlowSignal:
        """The flow signal."""
        return self.reading.flow


def has_side(flow: FlowSignal) -> bool:
    """Whether there is anything to review: a direction."""
    return flow.direction is not Direction.NEUTRAL


def consider_entry(
    one: Candidate, active: tuple[str, ...], params: DecisionParams
) -> tuple[SignalVerdict, OpenPosition | None]:
    """One signal's verdict, and the entry that follows from it."""
    flow = one.reading.flow
    trail = fold(GATES, views_of(one, params.views), params.gates) if has_side(flow) else NO_TRAIL
    end = ended_at(flow, trail)
    if end is not None:
        return SignalVerdict(one.reading, end[0], end[1], trail), None
    return _sized(one, active, trail, params)


def ended_at(flow: FlowSignal, trail: GateTrail) -> tuple[str, tuple[Reason, ...]] | None:
    """Stage and reasons of a signal that gets no size; None when all gates passed.

    The policy speaks before the conviction of the raw signal is asked for (SPEC 5.1).
    """
    blocker = trail.blocker
    if blocker is not None and blocker.gate == policy.NAME:
        return blocker.gate, blocker.reasons
    if flow.conviction is Conviction.NONE or not has_side(flow):
        why = reason("no_conviction", aligned=flow.aligned, opposed=flow.opposed, confidence=flow.confidence)
        return NO_SIGNAL, (why,)
    return None if blocker is None else (blocker.gate, blocker.reasons)


def _sized(
    one: Candidate, active: tuple[str, ...], trail: GateTrail, params: DecisionParams
) -> tuple[SignalVerdict, OpenPosition | None]:
    request = size_request(one, active, trail, params)
    exposure = one.exposure
    size = size_entry(request, exposure, params.risk)
    if size.refused:
        return SignalVerdict(one.reading, SIZING, size.refused, trail, request, exposure, size), None
    least_usd = exact_of(params.risk.sizing.min_trade_usd)
    try:
        normalized = normalize_position_size(
            one.symbol, size.size_usd, request.price, one.part.spec, min_notional_usd=least_usd
        )
    except SizingError as error:  # this entry alone is refused; exits and other symbols go on
        why = (reason("no_valid_size", detail=str(error)),)
        return SignalVerdict(one.reading, CONTRACT_SIZE, why, trail, request, exposure, size), None
    order = OrderSize(size.size_usd, request.price, normalized)
    verdict = SignalVerdict(one.reading, ENTERED, (), trail, request, exposure, size, order)
    return verdict, _action(one, verdict, size, order, params)


def size_request(one: Candidate, active: tuple[str, ...], trail: GateTrail, params: DecisionParams) -> SizeRequest:
    """Everything that the size depends on beside the exposure (SPEC 6.1)."""
    now, part, risk = one.reading.flow.as_of, one.part, params.risk
    assert part.mark_price is not None
    return SizeRequest(
        symbol=one.symbol,
        direction=one.direction,
        factors=_factors(one, active, trail, params),
        confidence=one.reading.flow.confidence,
        stop_fraction=exact_of(params.exits.stop_loss_pct) / 100,
        wallet=part.spec.wallet,
        early=params.is_early(now),
        rollout_share=rollout_share((now - params.venue_since).total_seconds() / 3600, risk.rollout),
        cap_usd=trail.cap_usd,
        market=market_of(part.spec.kind),
        max_leverage=part.spec.max_leverage,
        price=_touch(part, one.direction),
        mark=part.mark_price,
        correlations={held.symbol: one.correlations.of(one.symbol, held.symbol) for held in one.exposure.held},
    )


def _factors(
    one: Candidate, active: tuple[str, ...], trail: GateTrail, params: DecisionParams
) -> tuple[SizeFactor, ...]:
    risk, learned, strategy = params.risk, one.learned, strategy_of(one.reading)
    known = learned.symbols.get(one.symbol)
    record = one.record
    hours = one.part.higher.get(Timeframe.H1)
    values = (
        ("allocation", known.allocation_multiplier if known is not None and known.ready else 1.0),
        ("signal_conviction", one.reading.flow.size_multiplier),
        ("conviction_gate", trail.of(conviction_gate.NAME).multiplier),
        ("history", history_multiplier(record.mean_net_bps if record is not None else None, risk.history)),
        ("regime", risk.regime_multipliers.of(one.regime.regime)),
        ("correlation_throttle", trail.of(correlation_throttle.NAME).multiplier),
        ("intelligence", trail.of(intelligence.NAME).multiplier),
        ("microstructure", trail.of(microstructure.NAME).multiplier),
        ("strategy", risk.strategy_multipliers.of(strategy)),
        ("risk_parity", _parity(strategy, active, learned, risk)),
        ("circuit_breaker", circuit_breaker(volatility_ratio(one.part.candles, hours), risk.circuit_breaker)),
    )
    return (*(SizeFactor(name, value) for name, value in values), *_learned_side(one, params.levers))


def _learned_side(one: Candidate, levers: Levers) -> tuple[SizeFactor, ...]:
    """What was learned of this symbol and side; no step at all where nothing was."""
    factor = levers.values.get(f"{DIRECTION}.{record_key(one.symbol, one.direction)}")
    return () if factor is None else (SizeFactor("learned_side", factor),)


def _parity(strategy: str, active: tuple[str, ...], learned: LearnedParameters, risk: RiskParams) -> float:
    if not risk.allocation.risk_parity:
        return 1.0
    return risk_parity(strategy, active, learned.strategy_volatility_bps)


def _touch(part: SymbolSnapshot, direction: Direction) -> Decimal:
    assert part.book is not None
    return Decimal(repr(part.book.best_ask if direction is Direction.LONG else part.book.best_bid))


def strategy_of(one: SymbolReading) -> str:
    """The first active strategy that has the same idea, else the flow signal itself."""
    agreeing = (idea.strategy for idea in one.ideas if idea.direction is one.flow.direction)
    return next(agreeing, FLOW_STRATEGY)


def _action(
    one: Candidate, verdict: SignalVerdict, size: SizeVerdict, order: OrderSize, params: DecisionParams
) -> OpenPosition:
    spec, book = one.part.spec, one.part.book
    assert book is not None
    return OpenPosition(
        symbol=one.symbol,
        side=one.direction.entry_side,
        size=order.normalized.contracts,
        adjusted_usd=order.normalized.adjusted_usd,
        reference_price=order.price,
        mid_price=Decimal(repr(book.mid)),
        wallet=spec.wallet,
        tick_size=spec.tick_size,
        plan=entry_plan(one.reading, spec, params, size.leverage, _context(one, verdict, order, params)),
    )


def entry_plan(
    one: SymbolReading, spec: ContractSpec, params: DecisionParams, leverage: Decimal, context: Mapping[str, Any]
) -> EntryPlan:
    """What a position that is entered on this reading will be: its stop, its grace, its strategy."""
    flow = one.flow
    high = flow.conviction is Conviction.HIGH
    return EntryPlan(
        symbol=flow.symbol,
        direction=flow.direction,
        kind=spec.kind,
        contract_size=spec.contract_size,
        settlement_currency=spec.settlement_currency,
        leverage=leverage,
        strategy=strategy_of(one),
        conviction=flow.conviction.value,
        stop_fraction=exact_of(params.exits.stop_loss_pct) / 100,
        grace_s=params.grace.high_conviction_s if high else params.grace.normal_s,
        timing_id=f"{flow.symbol}-{flow.direction.value}-{int(flow.as_of.timestamp())}",
        mtf_alignment=one.mtf.score(flow.direction),
        signal_context=context,
    )


def _context(one: Candidate, verdict: SignalVerdict, order: OrderSize, params: DecisionParams) -> dict[str, Any]:
    """What a position remembers of its beginning; everything else is in the logs under its `signal_id`."""
    flow = one.reading.flow
    level = verdict.trail.of(conviction_gate.NAME).reasons[0]
    fee = verdict.trail.of(fee_aware.NAME).saw
    assert isinstance(fee, fee_aware.FeeView)
    return {
        "signal_id": signal_id_of(one.cycle_id, one.symbol),
        "probability": one.reading.prediction.probability,
        "expected_move_bps": one.reading.prediction.expected_move_bps,
        "expected_cost_bps": (fee.half_spread_bps or 0.0) + fee.slippage_bps,
        "expected_round_trip_bps": fee_aware.costs_of(fee, params.gates.fee).total_bps,
        "sigma_bps": _sigma_bps(one.part),
        "intelligence": one.reading.intelligence.score,
        "regime": one.regime.regime.value,
        "conviction_level": str(dict(level.numbers)["level"]),
        "confidence": flow.confidence,
        "aligned": flow.aligned,
        "opposed": flow.opposed,
        "components": {
            item.name: {"direction": item.direction.value, "confidence": item.confidence, "value": item.value}
            for item in flow.components
        },
        "size_usd": plain(order.target_usd),
        "adjustments": [asdict(item) for item in order.normalized.adjustments],
    }


def _sigma_bps(part: SymbolSnapshot) -> float | None:
    sigma = part.features.sigma if part.features is not None else None
    return None if sigma is None else sigma * 10_000


def held_risk(action: OpenPosition) -> HeldRisk:
    """What an entry adds to the exposure."""
    heat = action.adjusted_usd * action.plan.stop_fraction
    return HeldRisk(action.symbol, action.plan.direction, action.adjusted_usd, heat)
