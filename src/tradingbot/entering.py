"""Whether a signal becomes a position: checks, size, caps, contracts, and the plan that the entry order carries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tradingbot.core.errors import SizingError
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Conviction, Direction, Symbol
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.snapshot import SymbolSnapshot
from tradingbot.market.universe import LiquidityParams
from tradingbot.portfolio.actions import OpenPosition
from tradingbot.portfolio.book import Book, EntryPlan
from tradingbot.reading import ReadingParams, SymbolReading
from tradingbot.risk.canonical_sizing import SizeAdjustment, normalize_position_size
from tradingbot.risk.params import RiskParams
from tradingbot.risk.position_sizing import Exposure, SizeRequest, SizeVerdict, size_entry
from tradingbot.signals.predictive_flow_engine import FlowSignal

FLOW_STRATEGY = "predictive_flow"
"""Strategy of a position that the flow signal opened alone."""


@dataclass(frozen=True, slots=True)
class DecisionParams:
    """All parameters that a decision depends on. `venue_since` is when this account began to trade at the venue."""

    reading: ReadingParams
    risk: RiskParams
    exits: ExitParams
    grace: GraceParams
    liquidity: LiquidityParams
    venue_since: datetime

    def is_early(self, now: datetime) -> bool:
        """Within the first days on the venue, when smaller caps hold (SPEC 6.1)."""
        return now - self.venue_since < timedelta(days=self.risk.sizing.early_days)


@dataclass(frozen=True, slots=True)
class SignalVerdict:
    """One signal's way through the stages: what was read, where it ended, and its size chain."""

    reading: SymbolReading
    stage: str
    reasons: tuple[Reason, ...]
    size: SizeVerdict | None = None

    @property
    def signal(self) -> FlowSignal:
        """The flow signal."""
        return self.reading.flow


def consider_entry(
    part: SymbolSnapshot,
    one: SymbolReading,
    book: Book,
    leaving: set[Symbol],
    exposure: Exposure,
    params: DecisionParams,
    permission: EntryPermission,
) -> tuple[SignalVerdict, OpenPosition | None]:
    """One signal's verdict, and the entry that follows from it."""
    flow = one.flow
    quorum = params.reading.signals.min_live_components
    blocked = _blocked(part, flow, book, leaving, permission, params.liquidity, quorum)
    if blocked is not None:
        return SignalVerdict(one, blocked[0], blocked[1]), None
    stop_fraction = Decimal(str(params.exits.stop_loss_pct)) / 100
    early = params.is_early(flow.as_of)
    request = SizeRequest(flow.size_multiplier, flow.confidence, stop_fraction, part.spec.wallet, early)
    size = size_entry(request, exposure, params.risk)
    if size.refused:
        return SignalVerdict(one, "sizing", size.refused, size), None
    price = _touch(part, flow.direction)
    try:
        contracts, adjusted_usd, adjustments = normalize_position_size(flow.symbol, size.size_usd, price, part.spec)
    except SizingError as error:  # this entry alone is refused; exits and other symbols go on
        return SignalVerdict(one, "contract_size", (reason("no_valid_size", detail=str(error)),), size), None
    plan = _plan(part, one, size, stop_fraction, params, adjustments)
    side, wallet = flow.direction.entry_side, part.spec.wallet
    mid = Decimal(repr(part.book.mid)) if part.book is not None else price
    tick = part.spec.tick_size
    action = OpenPosition(flow.symbol, side, contracts, adjusted_usd, price, mid, wallet, tick, plan)
    return SignalVerdict(one, "entered", (), size), action


def _blocked(
    part: SymbolSnapshot,
    flow: FlowSignal,
    book: Book,
    leaving: set[Symbol],
    permission: EntryPermission,
    liquidity: LiquidityParams,
    quorum: int,
) -> tuple[str, tuple[Reason, ...]] | None:
    if flow.direction is Direction.NEUTRAL or flow.conviction is Conviction.NONE:
        return "conviction", (reason("no_conviction", aligned=flow.aligned, confidence=flow.confidence),)
    if book.open_for(flow.symbol) is not None or flow.symbol in leaving:
        return "position", (reason("position_open"),)
    if part.stale or part.book is None or part.mark_price is None:
        return "data", tuple(reason(f"stale_{name}") for name in part.stale) or (reason("no_book"),)
    if flow.live < quorum:
        return "quorum", (reason("too_few_live_components", live=flow.live, need=quorum),)
    if not part.spec.tradeable or part.spec.post_only or _closed_now(part):
        return "venue", (reason("market_closed"),)
    thin = illiquid(part, liquidity)
    if thin:
        return "liquidity", thin
    against = [*permission.reasons, *filter(None, [permission.per_symbol.get(flow.symbol)])]
    if against:
        return "permission", tuple(reason(name) for name in against)
    return None


def _closed_now(part: SymbolSnapshot) -> bool:
    """The ticker knows of a halt before the specifications, which are read once."""
    return part.ticker is not None and (part.ticker.suspended or part.ticker.post_only)


def illiquid(part: SymbolSnapshot, params: LiquidityParams) -> tuple[Reason, ...]:
    """Which of the liquidity filters a symbol fails (SPEC 2.1); an unknown volume fails none."""
    found = []
    volume_usd = part.ticker.volume_24h_usd if part.ticker is not None else None
    if volume_usd is not None and volume_usd < params.min_volume_24h_usd:
        found.append(reason("volume_too_low", volume_24h_usd=volume_usd, minimum_usd=params.min_volume_24h_usd))
    spread_bps = part.book.spread_pct * 100 if part.book is not None else 0.0
    if spread_bps > params.max_spread_bps:
        found.append(reason("spread_too_wide", spread_bps=spread_bps, limit_bps=params.max_spread_bps))
    return tuple(found)


def _touch(part: SymbolSnapshot, direction: Direction) -> Decimal:
    assert part.book is not None
    return Decimal(repr(part.book.best_ask if direction is Direction.LONG else part.book.best_bid))


def _plan(
    part: SymbolSnapshot,
    one: SymbolReading,
    size: SizeVerdict,
    stop_fraction: Decimal,
    params: DecisionParams,
    adjustments: tuple[SizeAdjustment, ...],
) -> EntryPlan:
    flow, mtf = one.flow, one.mtf
    high = flow.conviction is Conviction.HIGH
    return EntryPlan(
        symbol=flow.symbol,
        direction=flow.direction,
        kind=part.spec.kind,
        contract_size=part.spec.contract_size,
        settlement_currency=part.spec.settlement_currency,
        leverage=min(size.leverage, part.spec.max_leverage),
        strategy=_strategy_of(one),
        conviction=flow.conviction.value,
        stop_fraction=stop_fraction,
        grace_s=params.grace.high_conviction_s if high else params.grace.normal_s,
        timing_id=f"{flow.symbol}-{flow.direction.value}-{int(flow.as_of.timestamp())}",
        mtf_alignment=mtf.score(flow.direction),
        signal_context=_context(one, size, adjustments),
    )


def _strategy_of(one: SymbolReading) -> str:
    """The first active strategy that has the same idea, else the flow signal itself."""
    agreeing = (idea.strategy for idea in one.ideas if idea.direction is one.flow.direction)
    return next(agreeing, FLOW_STRATEGY)


def _context(one: SymbolReading, size: SizeVerdict, adjustments: tuple[SizeAdjustment, ...]) -> dict[str, Any]:
    flow = one.flow
    return {
        "probability": one.prediction.probability,
        "expected_move_bps": one.prediction.expected_move_bps,
        "intelligence": one.intelligence.score,
        "confidence": flow.confidence,
        "aligned": flow.aligned,
        "opposed": flow.opposed,
        "components": {
            item.name: {"direction": item.direction.value, "confidence": item.confidence, "value": item.value}
            for item in flow.components
        },
        "size_steps": {step.name: str(step.size_usd) for step in size.steps},
        "adjustments": [asdict(item) for item in adjustments],
    }


def exposure_with(exposure: Exposure, action: OpenPosition) -> Exposure:
    """The exposure once an entry is filled."""
    heat_usd = action.adjusted_usd * action.plan.stop_fraction
    available = dict(exposure.available_usd)
    used = action.adjusted_usd / action.plan.leverage
    available[action.wallet] = available.get(action.wallet, Decimal(0)) - used
    return Exposure(
        {**exposure.notional_usd, action.symbol: action.adjusted_usd},
        exposure.heat_fraction + heat_usd / exposure.equity_usd,
        exposure.equity_usd,
        available,
    )
