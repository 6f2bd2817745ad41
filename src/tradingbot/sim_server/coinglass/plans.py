"""What each plan may ask, how finely, how far back and how often."""

from __future__ import annotations

from typing import Final, get_args

from tradingbot.simulator.coinglass_params import Plan
from tradingbot.simulator.intelligence_columns import DAY_MS, HOUR_MS, MINUTE_MS

INTERVALS: Final = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "1w": 7 * DAY_MS,
}
REQUESTS_PER_MINUTE: Final[dict[Plan, int]] = {"HOBBYIST": 30, "STARTUP": 80, "STANDARD": 300}
_FINEST_MS: Final[dict[Plan, int]] = {"HOBBYIST": 4 * HOUR_MS, "STARTUP": 30 * MINUTE_MS, "STANDARD": MINUTE_MS}
_DEPTHS: Final[dict[Plan, tuple[tuple[int, int], ...]]] = {
    "HOBBYIST": ((4 * HOUR_MS, 180), (12 * HOUR_MS, 360)),
    "STARTUP": ((30 * MINUTE_MS, 90), (4 * HOUR_MS, 180), (12 * HOUR_MS, 360)),
    "STANDARD": (
        (3 * MINUTE_MS, 6),
        (5 * MINUTE_MS, 30),
        (15 * MINUTE_MS, 90),
        (30 * MINUTE_MS, 180),
        (12 * HOUR_MS, 360),
    ),
}
"""Days of history for intervals up to each length; longer ones have all of it."""
_RANK: Final[dict[Plan, int]] = {plan: rank for rank, plan in enumerate(get_args(Plan))}


def allows(plan: Plan, needed: Plan) -> bool:
    """Whether a plan has what needs at least another."""
    return _RANK[plan] >= _RANK[needed]


def fine_enough(plan: Plan, step_ms: int) -> bool:
    """Whether a plan may ask for bars this short."""
    return step_ms >= _FINEST_MS[plan]


def depth_ms(plan: Plan, step_ms: int) -> int | None:
    """How far back bars of this length go; None for all of it."""
    return next((days * DAY_MS for longest_ms, days in _DEPTHS[plan] if step_ms <= longest_ms), None)
