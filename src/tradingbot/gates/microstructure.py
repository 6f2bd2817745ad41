"""SPEC 5.7: a wide spread shrinks the size, a thin book caps it to what its depth carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.records import reason
from tradingbot.gates.gate import GateVerdict, blocks, passes
from tradingbot.gates.params import GateParams

NAME: Final = "microstructure"


@dataclass(frozen=True, slots=True)
class MicrostructureView:
    """`spread_bps` of mid; `depth_usd` within 1 % of mid on the side that an entry takes. None: no book.

    `side_pulse` is the pulse of the order flow seen from the side, for the record.
    """

    spread_bps: float | None
    depth_usd: float | None
    side_pulse: float | None


def judge(view: MicrostructureView, params: GateParams) -> GateVerdict:
    """Size factor 1 up to the full spread, falling in a straight line; the cap is a share of the depth."""
    own = params.microstructure
    if view.spread_bps is None or view.depth_usd is None:
        return blocks(NAME, view, reason("no_book"))
    room = own.spread_zero_bps - own.spread_full_bps
    multiplier = min(1.0, max(0.0, (own.spread_zero_bps - view.spread_bps) / room))
    cap = view.depth_usd * own.depth_share_pct / 100
    seen = {"spread_bps": view.spread_bps, "depth_usd": view.depth_usd, "cap_usd": cap}
    if multiplier < own.min_multiplier:
        return blocks(NAME, view, reason("spread_too_wide", **seen))
    code = "book" if multiplier == 1.0 else "wide_spread"
    return passes(NAME, view, reason(code, **seen), multiplier=multiplier, cap_usd=cap)
