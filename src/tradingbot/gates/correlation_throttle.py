"""SPEC 5.5: exposure to one correlated cluster shrinks what is added to it, then stops it.

A cluster is everything that is linked, directly or through others, by a correlation above the limit. Positions in it
that lose when the signal's side wins are hedges and count against its exposure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tradingbot.core.records import reason
from tradingbot.gates.gate import GateVerdict, blocks, passes
from tradingbot.gates.params import GateParams

NAME: Final = "correlation"


@dataclass(frozen=True, slots=True)
class ClusterMember:
    """A position in the cluster. `notional_usd` is positive when it wins with the signal, negative as a hedge."""

    symbol: str
    notional_usd: float
    correlation: float | None


@dataclass(frozen=True, slots=True)
class CorrelationView:
    """`members` are open positions (and entries of this cycle) in the signal's cluster."""

    equity_usd: float
    members: tuple[ClusterMember, ...]


def judge(view: CorrelationView, params: GateParams) -> GateVerdict:
    """Size factor 1 up to the throttle's share of the limit, then in a straight line to 0 at the limit."""
    own = params.correlation
    if not view.members:
        return passes(NAME, view)
    exposure = max(0.0, math.fsum(member.notional_usd for member in view.members))
    limit = view.equity_usd * own.max_cluster_notional_pct / 100
    share = exposure / limit if limit > 0 else 1.0
    multiplier = min(1.0, max(0.0, (1 - share) / (1 - own.throttle_from_share)))
    symbols = ",".join(member.symbol for member in view.members)
    why = reason("cluster", exposure_usd=exposure, limit_usd=limit, symbols=symbols)
    if multiplier < own.min_multiplier:
        return blocks(NAME, view, reason("cluster_full", multiplier=multiplier), why)
    return passes(NAME, view, why, multiplier=multiplier)
