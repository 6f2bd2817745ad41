"""One cycle's thinking: (snapshot, book, parameters, permission) -> Decision; the one file that orders the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tradingbot.core.errors import SizingError
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Conviction, Direction, Side, Symbol
from tradingbot.exits.exit_engine import ExitAdvice, ExitVerdict, ExitView, judge
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.market.universe import LiquidityParams
from tradingbot.portfolio.book import Book, EntryPlan
from tradingbot.portfolio.position import Position
from tradingbot.reading import MarketReading, ReadingParams, SymbolReading, read_market, strategy_view
from tradingbot.risk.canonical_sizing import SizeAdjustment, normalize_position_size
from tradingbot.risk.exposure import exposure_of
from tradingbot.risk.params import RiskParams
from tradingbot.risk.position_sizing import Exposure, SizeRequest, SizeVerdict, size_entry
from tradingbot.signals.predictive_flow_engine import FlowSignal
from tradingbot.strategies.strategy import ActiveStrategy, Held
from tradingbot.strategies.table import overseer_exits, strategy_exit

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
class OpenPosition:
    """Open `size` contracts. `adjusted_usd` is their notional; `plan` is what the position will be."""

    symbol: Symbol
    side: Side
    size: Decimal
    adjusted_usd: Decimal
    reference_price: Decimal
    wallet: str
    tick_size: Decimal
    plan: EntryPlan


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close a whole position, because `rule` fired."""

    position_id: str
    symbol: Symbol
    side: Side
    size: Decimal
    rule: str
    context: Mapping[str, Any]


Action = OpenPosition | ClosePosition


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


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything one cycle decided and why, blocked signals too. Actions are in the order they are carried out."""

    cycle_id: str
    regime: RegimeReading
    active: tuple[ActiveStrategy, ...]
    actions: tuple[Action, ...]
    signals: tuple[SignalVerdict, ...]
    exits: tuple[ExitVerdict, ...]


def decide(snapshot: MarketSnapshot, book: Book, params: DecisionParams, permission: EntryPermission) -> Decision:
    """Exits first, then entries, each entry seeing the exposure that the earlier ones would add."""
    reading = read_market(snapshot, params.reading)
    verdicts, closes = _exits(snapshot, book, params, reading)
    leaving = {action.symbol for action in closes}
    exposure = exposure_of(snapshot, book)
    signals: list[SignalVerdict] = []
    opens: list[OpenPosition] = []
    strongest_first = sorted(reading.symbols.values(), key=lambda one: (-one.flow.confidence, one.symbol))
    for one in strongest_first:
        verdict, action = _entry(snapshot.symbols[one.symbol], one, book, leaving, exposure, params, permission)
        signals.append(verdict)
        if action is not None:
            opens.append(action)
            exposure = _with(exposure, action)
    actions: tuple[Action, ...] = (*closes, *opens)
    return Decision(snapshot.cycle_id, reading.regime, reading.active, actions, tuple(signals), verdicts)


def _exits(
    snapshot: MarketSnapshot, book: Book, params: DecisionParams, reading: MarketReading
) -> tuple[tuple[ExitVerdict, ...], tuple[ClosePosition, ...]]:
    verdicts: list[ExitVerdict] = []
    closes: list[ClosePosition] = []
    for position in book.open_positions:
        view = _exit_view(snapshot, position, params, reading)
        if view is None:
            continue
        verdict = judge(view, params.exits)
        verdicts.append(verdict)
        if verdict.rule is not None:
            closes.append(_close(position, verdict, verdict.rule))
    return tuple(verdicts), tuple(closes)


def _exit_view(
    snapshot: MarketSnapshot, position: Position, params: DecisionParams, reading: MarketReading
) -> ExitView | None:
    part = snapshot.symbols.get(position.symbol)
    if part is None or part.mark_price is None:
        return None
    flow = reading.symbols[position.symbol].flow
    words = _strategy_words(snapshot, position, params.reading, reading)
    return ExitView(position, snapshot.as_of, part.mark_price, flow.direction, flow.conviction, flow.confidence, words)


def _strategy_words(
    snapshot: MarketSnapshot, position: Position, params: ReadingParams, reading: MarketReading
) -> tuple[ExitAdvice, ...]:
    """What the strategy that opened a position, and those that watch over all, say of it."""
    part, symbol = snapshot.symbols[position.symbol], position.symbol
    leader = params.signals.lead_lag.leader
    view = strategy_view(part, snapshot.as_of, reading.symbols[symbol].mtf, reading.regime, leader)
    if view is None or part.mark_price is None:
        return ()
    best = position.return_fraction(position.peak_price) if position.peak_price else Decimal(0)
    held = Held(
        direction=position.direction,
        entry_price=float(position.entry_price),
        entry_time=position.entry_time,
        return_fraction=float(position.return_fraction(part.mark_price)),
        peak_fraction=float(best),
    )
    own = strategy_exit(position.strategy, view, held, params.strategies)
    above = overseer_exits([one.name for one in reading.active], view, held, params.strategies)
    return tuple(ExitAdvice(idea.strategy, idea.exit_now, idea.why) for idea in (own, *above) if idea is not None)


def _close(position: Position, verdict: ExitVerdict, rule: str) -> ClosePosition:
    side = position.direction.entry_side.opposite
    advice = {
        item.rule: {"exit": item.exit_now, "code": item.why.code, **dict(item.why.numbers)} for item in verdict.advice
    }
    return ClosePosition(position.position_id, position.symbol, side, position.size, rule, {"advice": advice})


def _entry(
    part: SymbolSnapshot,
    one: SymbolReading,
    book: Book,
    leaving: set[Symbol],
    exposure: Exposure,
    params: DecisionParams,
    permission: EntryPermission,
) -> tuple[SignalVerdict, OpenPosition | None]:
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
    action = OpenPosition(flow.symbol, side, contracts, adjusted_usd, price, wallet, part.spec.tick_size, plan)
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


def _with(exposure: Exposure, action: OpenPosition) -> Exposure:
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
