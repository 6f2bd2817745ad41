"""Contract specifications in the daemon's own terms (SPEC 2.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradingbot.core.types import ContractKind, Symbol


@dataclass(frozen=True, slots=True)
class MarginLevel:
    """From `threshold_usd` of position notional on, these margin fractions apply to the whole position."""

    threshold_usd: Decimal
    initial: Decimal
    maintenance: Decimal


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """One tradeable perpetual.

    Size of a linear contract is in base units, of an inverse one in USD; `size_step` is also the minimum size.
    `max_size` is the venue's position limit in contracts. `wallet` names the margin wallet that settles it in
    `settlement_currency`. `source` is ``venue``, ``cache`` or ``built-in``.
    """

    symbol: Symbol
    venue_symbol: str
    kind: ContractKind
    contract_size: Decimal
    tick_size: Decimal
    size_step: Decimal
    min_size: Decimal
    max_size: Decimal
    margin_levels: tuple[MarginLevel, ...]
    settlement_currency: str
    wallet: str
    tradeable: bool
    post_only: bool
    as_of: datetime
    source: str

    @property
    def max_leverage(self) -> Decimal:
        """Highest leverage at the smallest position (1 / lowest initial margin)."""
        return Decimal(1) / self.margin_levels[0].initial if self.margin_levels else Decimal(1)

    def notional_usd(self, size: Decimal, price: Decimal) -> Decimal:
        """USD worth of `size` contracts at `price`."""
        if self.kind is ContractKind.INVERSE:
            return size * self.contract_size
        return size * self.contract_size * price
