"""Fees that were paid against what is reckoned with."""

from __future__ import annotations

from typing import Any

from tradingbot.learning.fee_check import fee_checks, in_words


def rows(symbol: str, *fees: str | None) -> list[dict[str, Any]]:
    return [{"symbol": symbol, "fees_bps": fee} for fee in fees]


def test_a_fee_that_neither_gate_nor_schedule_expects_drifts() -> None:
    """The nearest tier counts: an account that has moved to another tier has only the gate's setting wrong."""
    lines = rows("A", "5.0", "5.0", "5.1") + rows("B", "4.5", "4.5", "4.5") + rows("C", "9", "9", "9")
    a, b, c = fee_checks(lines, lambda _: 5.0, [5.0, 4.5], least_orders=3, tolerance_bps=0.3)
    assert (a.drifts, b.drifts, c.drifts) == ((), ("gate",), ("gate", "schedule"))
    assert (b.booked_bps, b.schedule_bps, b.orders) == (4.5, 4.5, 3)
    assert in_words(c) == (
        "9.00 bps paid over 3 orders; the fee gate reckons with 5.00 and the exchange's schedule says 5.00"
    )


def test_few_orders_and_unknown_fees_say_nothing() -> None:
    assert fee_checks(rows("A", "9", "9", None), lambda _: 5.0, [5.0], 3, 0.3) == []


def test_without_a_schedule_only_the_gate_is_compared() -> None:
    (found,) = fee_checks(rows("A", "9"), lambda _: 9.0, [], 1, 0.3)
    assert (found.schedule_bps, found.drifts) == (None, ())
