"""What a virtual fill pays: the touch of the book that the decision saw, and the slippage that the product assumes."""

from __future__ import annotations

from decimal import Decimal

from tradingbot.core.parameters import LearnedParameters
from tradingbot.core.types import ContractKind, Direction, Side, Symbol
from tradingbot.counterfactual.model import BPS, Parts, Track, Virtual, Way
from tradingbot.gates.params import FeeGateParams
from tradingbot.market.snapshot import SymbolSnapshot

UNUSABLE = frozenset({"book", "ticker"})
"""Inputs without which nothing can be entered at an honest price, as a snapshot names them when they are stale."""


def costs_of(symbol: Symbol, learned: LearnedParameters, fee: FeeGateParams) -> tuple[float, float]:
    """Fee and slippage of one fill, bps: those that the fee gate reckons with."""
    return (
        learned.fee_bps.get(symbol, fee.taker_fee_bps),
        learned.slippage_bps.get(symbol, learned.default_slippage_bps),
    )


def market_way(part: SymbolSnapshot, side: Side, slippage_bps: float) -> Way | None:
    """A market order at the touch of the book; None without a fresh book and a mark."""
    if part.book is None or part.mark_price is None or UNUSABLE.intersection(part.stale):
        return None
    touch = part.book.best_ask if side is Side.BUY else part.book.best_bid
    return _slipped(part.book.mid, touch, side, slippage_bps)


def way_at(mid: float, half_spread: float, side: Side, slippage_bps: float) -> Way:
    """A market order while the middle of the book is at `mid`; `half_spread` is a fraction of it."""
    return _slipped(mid, mid * (1 + half_spread * side.sign), side, slippage_bps)


def _slipped(mid: float, touch: float, side: Side, slippage_bps: float) -> Way:
    return Way(mid, touch, touch * (1 + slippage_bps / BPS * side.sign))


def half_spread_of(way: Way) -> float:
    """Fraction of the middle."""
    return abs(way.touch / way.mid - 1)


def entry_parts(fee_bps: float) -> Parts:
    """What an entry costs by itself; spread and slippage show when both ends are known."""
    return Parts(fees=fee_bps)


def leg_parts(one: Virtual, leave: Way, share: float, track: Track) -> Parts:
    """What one closed part of a position came to; `share` of the entry size."""
    direction, enter = one.position.direction, one.entry
    middle = _return_bps(enter.mid, leave.mid, direction)
    touched = _return_bps(enter.touch, leave.touch, direction)
    filled = _return_bps(enter.fill, leave.fill, direction)
    # A contract in USD pays its fee on its face value, whatever the price is.
    grown = 1.0 if one.position.kind is ContractKind.INVERSE else leave.fill / enter.fill
    paid = (track.funding - one.funding_mark) / enter.fill * direction.sign * BPS
    return Parts(
        gross=share * middle,
        spread=share * (middle - touched),
        slippage=share * (touched - filled),
        fees=share * one.fee_bps * grown,
        funding=-share * paid,
    )


def _return_bps(before: float, after: float, direction: Direction) -> float:
    return (after / before - 1) * direction.sign * BPS


def exact_price(price: float) -> Decimal:
    """A price as fills have it."""
    return Decimal(repr(float(price)))
