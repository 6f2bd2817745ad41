"""Profit, average entry and fees of linear and inverse contracts."""

from __future__ import annotations

from decimal import Decimal

from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.rounding import ZERO, booked, wire


def profit(instrument: Instrument, size: Decimal, entry: Decimal, exit_price: Decimal) -> Decimal:
    """Profit of a signed size between two prices, in settlement currency, rounded as booked."""
    if size == 0:
        return ZERO
    raw = size * (1 / entry - 1 / exit_price) if instrument.inverse else size * (exit_price - entry)
    return booked(raw, instrument.quantum)


def average_entry(instrument: Instrument, size: Decimal, entry: Decimal, added: Decimal, price: Decimal) -> Decimal:
    """Average entry after adding to a position: arithmetic for linear, harmonic for inverse contracts."""
    if size == 0:
        return price
    total = abs(size) + abs(added)
    if instrument.inverse:
        return wire(total / (abs(size) / entry + abs(added) / price))
    return wire((abs(size) * entry + abs(added) * price) / total)


def fee(instrument: Instrument, size: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    """Fee of a trade in settlement currency; negative rates are rebates."""
    raw = abs(size) / price * rate if instrument.inverse else abs(size) * price * rate
    return booked(raw, instrument.quantum)


def position_after(
    instrument: Instrument, size: Decimal, entry: Decimal, traded: Decimal, price: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """(new size, new average entry, realised profit) after a signed trade. Reducing keeps the average."""
    if size * traded >= 0:
        return size + traded, average_entry(instrument, size, entry, traded, price), ZERO
    closed = -traded if abs(traded) <= abs(size) else size
    realized = profit(instrument, closed, entry, price)
    left = size + traded
    return left, (entry if left * size > 0 else (price if left else ZERO)), realized
