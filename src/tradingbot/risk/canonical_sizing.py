"""The bridge from a wish in USD to numbers a venue takes (SPEC 2.6). Decimal only, pure.

The result never exceeds the target, with one exception that has to be asked for: raising to the venue's minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from tradingbot.core.errors import SizingError
from tradingbot.core.rounding import DOWN, ceil_size, round_size
from tradingbot.core.types import ContractKind, Symbol, plain
from tradingbot.market.contracts import ContractSpec


@dataclass(frozen=True, slots=True)
class SizeAdjustment:
    """One change that was made: `code` is ``step``, ``minimum`` or ``maximum``; sizes in contracts."""

    symbol: Symbol
    code: str
    before: Decimal
    after: Decimal
    detail: str


class NormalizedSize(NamedTuple):
    """What can be ordered: contracts, their worth in USD, and every change that was made on the way."""

    contracts: Decimal
    adjusted_usd: Decimal
    adjustments: tuple[SizeAdjustment, ...]


def normalize_position_size(
    symbol: Symbol,
    target_usd: Decimal,
    price: Decimal,
    spec: ContractSpec,
    *,
    min_notional_usd: Decimal = Decimal(0),
    raise_to_minimum: bool = False,
    open_size: Decimal = Decimal(0),
) -> NormalizedSize:
    """Contracts worth at most `target_usd` at `price`: within minimum, maximum and step of the contract.

    `open_size` (contracts already held in the same direction) counts against the venue's position limit.
    `raise_to_minimum` allows the one excess over the target: a size below the minimum becomes the minimum.
    Raises SizingError when no valid size exists or what is left is worth less than `min_notional_usd`.
    """
    _check(symbol, target_usd, price, spec)
    wanted = contracts_for(target_usd, price, spec)
    size, adjustments = _within(symbol, wanted, spec, open_size, raise_to_minimum)
    worth_usd = spec.notional_usd(size, price)
    if worth_usd < min_notional_usd:
        raise SizingError(
            f"{symbol}: {plain(size)} contracts are worth {plain(worth_usd)} USD, below the minimum of "
            f"{plain(min_notional_usd)} USD"
        )
    return NormalizedSize(size, worth_usd, adjustments)


def _check(symbol: Symbol, target_usd: Decimal, price: Decimal, spec: ContractSpec) -> None:
    for name, value in (("target_usd", target_usd), ("price", price), ("size step", spec.size_step)):
        if not value.is_finite() or value <= 0:
            raise SizingError(f"{symbol}: {name} must be a number above zero, got {value}")


def contracts_for(target_usd: Decimal, price: Decimal, spec: ContractSpec) -> Decimal:
    """Contracts worth `target_usd`, rounded down far behind any venue's step."""
    one_usd = spec.contract_size if spec.kind is ContractKind.INVERSE else spec.contract_size * price
    return DOWN.divide(target_usd, one_usd)


def _within(
    symbol: Symbol, wanted: Decimal, spec: ContractSpec, open_size: Decimal, raise_to_minimum: bool
) -> tuple[Decimal, tuple[SizeAdjustment, ...]]:
    made = []
    size = wanted
    room = spec.max_size - open_size
    if size > room:
        made.append(SizeAdjustment(symbol, "maximum", size, max(room, Decimal(0)), f"limit {plain(spec.max_size)}"))
        size = max(room, Decimal(0))
    stepped = round_size(size, spec.size_step)
    if stepped != size:
        made.append(SizeAdjustment(symbol, "step", size, stepped, f"step {plain(spec.size_step)}"))
        size = stepped
    if size < spec.min_size:
        if not raise_to_minimum or spec.min_size > room:
            raise SizingError(
                f"{symbol}: {plain(wanted)} contracts are below the minimum of {plain(spec.min_size)} "
                f"(room left at the venue: {plain(room)})"
            )
        smallest = ceil_size(spec.min_size, spec.size_step)
        made.append(SizeAdjustment(symbol, "minimum", size, smallest, f"minimum {plain(spec.min_size)}"))
        size = smallest
    return size, tuple(made)
