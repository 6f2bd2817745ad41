"""SPEC 5.4: what is expected must pay for fees, spread, slippage and funding over the hold, and leave an edge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import reason
from tradingbot.core.types import Direction
from tradingbot.gates.gate import GateVerdict, blocks, passes
from tradingbot.gates.params import FeeGateParams, GateParams

NAME: Final = "fee"
FUNDING_HOURS: Final = 8.0
"""The funding rate of the view is for so many hours."""


@dataclass(frozen=True, slots=True)
class FeeView:
    """Moves toward the side and costs, all in bps of notional unless named otherwise.

    `calibrated_move_bps` is the ensemble's expectation; `reachable_move_bps` what the market usually moves within
    `hold_min` minutes, or an agreeing strategy's aim. `half_spread_bps` and `slippage_bps` are of one fill;
    `funding_8h` is the fraction of notional that longs pay per 8 hours, None when unknown. `fee_bps` is the measured
    fee of one fill, None before one was measured: then the setting counts.
    """

    direction: Direction
    calibrated_move_bps: float
    reachable_move_bps: float
    half_spread_bps: float | None
    slippage_bps: float
    funding_8h: float | None
    hold_min: float
    fee_bps: float | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """What a round trip costs in bps; `funding_bps` is negative when we are paid."""

    fees_bps: float
    spread_bps: float
    slippage_bps: float
    funding_bps: float

    @property
    def total_bps(self) -> float:
        """All together."""
        return math.fsum((self.fees_bps, self.spread_bps, self.slippage_bps, self.funding_bps))


@by_identity(8)
def costs_of(view: FeeView, params: FeeGateParams) -> Costs:
    """In and out again: both fees, half the spread and the slippage of both fills, funding over the hold."""
    hours = view.hold_min / 60
    funding = (view.funding_8h or 0.0) / FUNDING_HOURS * hours * 10_000 * view.direction.sign
    fee_bps = params.taker_fee_bps if view.fee_bps is None else view.fee_bps
    return Costs(2 * fee_bps, 2 * (view.half_spread_bps or 0.0), 2 * view.slippage_bps, funding)


def edge_bps(view: FeeView, params: FeeGateParams) -> float:
    """Expected move minus all costs."""
    return _move_bps(view, params) - costs_of(view, params).total_bps


def _move_bps(view: FeeView, params: FeeGateParams) -> float:
    return view.calibrated_move_bps if params.basis == "calibrated" else view.reachable_move_bps


def judge(view: FeeView, params: GateParams) -> GateVerdict:
    """Blocks when the edge is smaller than it must be, or costs cannot be known."""
    own = params.fee
    if view.half_spread_bps is None:
        return blocks(NAME, view, reason("spread_unknown"))
    costs = costs_of(view, own)
    total = costs.total_bps
    edge = _move_bps(view, own) - total
    why = reason(
        "edge" if edge >= own.min_edge_bps else "edge_too_small",
        edge_bps=edge,
        minimum_bps=own.min_edge_bps,
        basis=own.basis,
        cost_bps=total,
        fees_bps=costs.fees_bps,
        spread_bps=costs.spread_bps,
        slippage_bps=costs.slippage_bps,
        funding_bps=costs.funding_bps,
    )
    return passes(NAME, view, why) if edge >= own.min_edge_bps else blocks(NAME, view, why)
