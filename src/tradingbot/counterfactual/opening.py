"""A virtual position out of a signal's verdict: the plan of a real entry, filled at the touch of the book."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tradingbot.core.errors import SizingError
from tradingbot.core.parameters import LearnedParameters
from tradingbot.core.records import Fill, Liquidity
from tradingbot.core.types import ClientOrderId, Conviction, FillId, VenueOrderId, signal_id_of
from tradingbot.counterfactual.model import Origin, Track, Virtual
from tradingbot.counterfactual.prices import costs_of, entry_parts, exact_price, market_way
from tradingbot.decision import DecisionParams, SignalVerdict
from tradingbot.entering import ENTERED, entry_plan
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.risk.canonical_sizing import normalize_position_size

ONE = Decimal(1)


def origin_of(verdict: SignalVerdict, cycle_id: str, params: CounterfactualParams) -> Origin:
    """The signal's own facts."""
    flow, trail = verdict.signal, verdict.trail
    usd = _sized_usd(verdict)
    return Origin(
        signal_id=signal_id_of(cycle_id, flow.symbol),
        as_of=flow.as_of,
        symbol=flow.symbol,
        direction=flow.direction,
        confidence=flow.confidence,
        conviction=flow.conviction.value,
        stage=verdict.stage,
        why=verdict.reasons[0].code if verdict.reasons else "",
        blockers=tuple(one.gate for one in trail.verdicts if not one.passed),
        multipliers={one.gate: one.multiplier for one in trail.verdicts if one.passed and one.multiplier != 1.0},
        weak=flow.conviction is Conviction.NONE,
        taken=verdict.stage == ENTERED,
        sized=usd is not None,
        notional_usd=params.nominal_usd if usd is None else float(usd),
    )


def _sized_usd(verdict: SignalVerdict) -> Decimal | None:
    """The size that was ordered, or the last one in the chain before it came to nothing; None without a chain."""
    if verdict.order is not None:
        return verdict.order.normalized.adjusted_usd
    steps = verdict.size.steps if verdict.size is not None else ()
    return next((step.size_usd for step in reversed(steps) if step.size_usd > 0), None)


def opened(
    verdict: SignalVerdict,
    snapshot: MarketSnapshot,
    params: DecisionParams,
    own: CounterfactualParams,
    learned: LearnedParameters,
    track: Track,
) -> Virtual | None:
    """The position as the fill of a market order opens it; None where there is no honest price or no size."""
    flow = verdict.signal
    part, side = snapshot.symbols[flow.symbol], flow.direction.entry_side
    fee_bps, slippage_bps = costs_of(flow.symbol, learned, params.gates.fee)
    way = market_way(part, side, slippage_bps)
    if way is None:
        return None
    origin, price = origin_of(verdict, snapshot.cycle_id, own), exact_price(way.fill)
    size = _contracts(verdict, origin, price, part.spec)
    if size is None:
        return None
    fill = Fill(
        fill_id=FillId("entry"),
        venue_order_id=VenueOrderId(""),
        client_order_id=ClientOrderId(origin.signal_id),
        symbol=flow.symbol,
        side=side,
        size=size,
        price=price,
        time=flow.as_of + timedelta(seconds=own.latency_s),
        liquidity=Liquidity.TAKER,
    )
    book, _ = apply_fill(Book(), fill, entry_plan(verdict.reading, part.spec, params, ONE, {}))
    return Virtual(origin, book.positions[0], way, fee_bps, slippage_bps, track.funding, entry_parts(fee_bps))


def _contracts(verdict: SignalVerdict, origin: Origin, price: Decimal, spec: ContractSpec) -> Decimal | None:
    """Contracts as they were ordered, or as the venue would take them: parts of a ladder follow from whole steps."""
    if verdict.order is not None:
        return verdict.order.normalized.contracts
    wanted = exact_price(origin.notional_usd)
    try:
        return normalize_position_size(origin.symbol, wanted, price, spec, raise_to_minimum=True).contracts
    except SizingError:
        return None
