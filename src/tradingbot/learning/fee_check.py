"""Fees that were booked against what the fee gate reckons with, and against the venue's own schedule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradingbot.learning.intervals import NO_VALUES, Running
from tradingbot.learning.trade_facts import number


@dataclass(frozen=True, slots=True)
class FeeCheck:
    """One symbol's newest orders, all fees in bps of notional.

    `schedule_bps` is the taker fee of the venue's nearest tier, None when it publishes none. `drifts` names what the
    booked fee is too far from: ``gate``, ``schedule``.
    """

    symbol: str
    orders: int
    booked_bps: float
    gate_bps: float
    schedule_bps: float | None
    drifts: tuple[str, ...]


def fee_checks(
    orders: Iterable[Mapping[str, Any]],
    gate_bps: Callable[[str], float],
    taker_tiers_bps: Sequence[float],
    least_orders: int,
    tolerance_bps: float,
) -> list[FeeCheck]:
    """Every symbol of these lines of `logs/execution_quality.jsonl` with at least `least_orders` known fees.

    Our orders take, so the schedule's taker fees are what they must cost. Which tier the account is in is not asked
    for: the nearest one counts, so an account whose volume has moved it to another tier is no drift.
    """
    known: dict[str, Running] = {}
    for row in orders:
        fees = number(row.get("fees_bps"))
        if fees is not None:
            symbol = str(row.get("symbol"))
            known[symbol] = known.get(symbol, NO_VALUES).with_value(fees)
    return [
        _check(symbol, found, gate_bps(symbol), taker_tiers_bps, tolerance_bps)
        for symbol, found in sorted(known.items())
        if found.count >= least_orders
    ]


def _check(symbol: str, found: Running, gate_bps: float, tiers_bps: Sequence[float], tolerance_bps: float) -> FeeCheck:
    nearest = min(tiers_bps, key=lambda tier: abs(tier - found.mean), default=None)
    drifts = [
        name
        for name, expected in (("gate", gate_bps), ("schedule", nearest))
        if expected is not None and abs(found.mean - expected) > tolerance_bps
    ]
    return FeeCheck(symbol, found.count, found.mean, gate_bps, nearest, tuple(drifts))


def in_words(check: FeeCheck) -> str:
    """What was paid, and what it is too far from."""
    parts = []
    if "gate" in check.drifts:
        parts.append(f"the fee gate reckons with {check.gate_bps:.2f}")
    if "schedule" in check.drifts and check.schedule_bps is not None:
        parts.append(f"the exchange's schedule says {check.schedule_bps:.2f}")
    return f"{check.booked_bps:.2f} bps paid over {check.orders} orders; {' and '.join(parts)}"
