"""Sums of money that are the same in whatever order and grouping they are made: no digit is ever rounded away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, Inexact
from typing import Final

ZERO: Final = Decimal(0)
_UNIT: Final = Decimal("1e-12")
_EXACT: Final = Context(prec=2000, Emin=-100_000, Emax=100_000, traps=[Inexact])


def added(first: Decimal, second: Decimal) -> Decimal:
    """first + second, exactly."""
    return _EXACT.add(first, second)


def total(amounts: Sequence[Decimal]) -> Decimal:
    """Sum of all, exactly."""
    found = ZERO
    for amount in amounts:
        found = added(found, amount)
    return found


def scaled(amount: Decimal, share: Decimal) -> Decimal:
    """amount x share, exactly."""
    return _EXACT.multiply(amount, share)


def increased(sums: Mapping[str, Decimal], key: str, amount: Decimal) -> dict[str, Decimal]:
    """The sums with `amount` added to one of them, exactly."""
    return {**sums, key: added(sums.get(key, ZERO), amount)}


def split(amount: Decimal, shares: Mapping[str, float]) -> dict[str, Decimal]:
    """`amount` divided in proportion to `shares` (none negative, at least one positive); the parts add up exactly.

    Parts are rounded to 1e-12; what rounding leaves goes to the largest share. Raises ValueError without any share.
    """
    weights = {name: Decimal(repr(share)) for name, share in shares.items() if share > 0}
    if not weights:
        raise ValueError("nothing to split by")
    whole = sum(weights.values(), ZERO)
    largest = max(weights, key=lambda name: (weights[name], name))
    parts = {name: (amount * weight / whole).quantize(_UNIT) for name, weight in weights.items() if name != largest}
    parts[largest] = _EXACT.subtract(amount, total(list(parts.values())))
    return {name: parts[name] for name in weights}
