"""What one finished trade says about itself, in one unit: bps of its notional. Pure.

Unknown is None, never 0: a trade of an older file has no peak, one that was closed by hand has no decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal, InvalidOperation
from typing import Any

from tradingbot.core.types import ContractKind
from tradingbot.portfolio.position import ClosedTrade, average_price

USD = "USD"
UNKNOWN = "unknown"
BPS = 10_000


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """One trade. All `_bps` are of the notional at entry, in the direction of the trade: positive is profit.

    `return_bps` is what the prices of the fills gave before costs, `mid_return_bps` what the prices that the two
    decisions saw would have given (middle of the book; the stop's own price for a stop). `peak_bps` and `trough_bps`
    are the best and worst unrealised returns. `fee_bps` is a cost, `funding_bps` an income. `probability` that the
    price goes the trade's way and `expected_bps` are the ensemble's, `volatility_bps` the standard deviation of
    one-minute returns, `spread_bps` the whole spread, all at the decision.
    """

    trade: ClosedTrade
    notional_usd: float
    net_usd: float
    net_bps: float
    return_bps: float
    mid_return_bps: float | None
    fee_bps: float
    funding_bps: float
    peak_bps: float | None
    trough_bps: float | None
    held_min: float
    best_min: float | None
    probability: float | None
    expected_bps: float | None
    hour: int
    weekday: int
    regime: str
    volatility_bps: float | None
    spread_bps: float | None

    @property
    def won(self) -> bool:
        """Whether something was left after fees and funding."""
        return self.trade.net_pnl > 0

    @property
    def edge_bps(self) -> float | None:
        """What execution added to the prices that were decided on; below 0 it cost something."""
        return None if self.mid_return_bps is None else self.return_bps - self.mid_return_bps

    @property
    def efficiency(self) -> float | None:
        """Share of the best reachable return that was realised, 0..1; None when nothing was ever reachable."""
        if self.peak_bps is None:
            return None
        best = max(self.peak_bps, self.return_bps)
        return max(0.0, self.return_bps / best) if best > 0 else None


def facts_of(trade: ClosedTrade) -> TradeFacts:
    """The facts of one trade."""
    context, sign = trade.signal_context, trade.direction.sign
    notional = notional_usd(trade)
    per_usd = BPS / float(notional) if notional else 0.0
    rate = usd_rate(trade)
    probability, expected = number(context.get("probability")), number(context.get("expected_move_bps"))
    start = trade.entry_time.astimezone(UTC)
    return TradeFacts(
        trade=trade,
        notional_usd=float(notional),
        net_usd=float(trade.net_pnl_usd),
        net_bps=float(trade.net_pnl_usd) * per_usd,
        return_bps=float(trade.return_fraction) * BPS,
        mid_return_bps=_mid_return_bps(trade),
        fee_bps=float(trade.fees * rate) * per_usd,
        funding_bps=float(trade.funding * rate) * per_usd,
        peak_bps=None if trade.peak_fraction is None else float(trade.peak_fraction) * BPS,
        trough_bps=None if trade.trough_fraction is None else float(trade.trough_fraction) * BPS,
        held_min=trade.duration_s / 60,
        best_min=None if trade.peak_time is None else (trade.peak_time - trade.entry_time).total_seconds() / 60,
        probability=None if probability is None else (probability if sign > 0 else 1 - probability),
        expected_bps=None if expected is None else expected * sign,
        hour=start.hour,
        weekday=start.weekday(),
        regime=str(context.get("regime") or UNKNOWN),
        volatility_bps=number(context.get("volatility_bps")),
        spread_bps=number(context.get("spread_bps")),
    )


def notional_usd(trade: ClosedTrade) -> Decimal:
    """USD worth of what was opened. Older files do not say: contracts are then 1 unit (linear) or 1 USD (inverse)."""
    if trade.notional_usd is not None:
        return trade.notional_usd
    return trade.size * trade.entry_price if trade.settlement_currency == USD else trade.size


def usd_rate(trade: ClosedTrade) -> Decimal:
    """USD per unit of the settlement currency, as the trade was valued when it closed."""
    if trade.settlement_currency == USD:
        return Decimal(1)
    return trade.net_pnl_usd / trade.net_pnl if trade.net_pnl else trade.exit_price


def decided_prices(trade: ClosedTrade) -> tuple[Decimal | None, Decimal | None]:
    """The prices that the entry and the exit were decided on; None where nobody wrote one down.

    A trade that was closed rung by rung has one per rung and one of its last order, which are averaged as fills are:
    by contracts. The whole is None as soon as one of them is; the last order's own size is what no rung has taken.
    """
    return price(trade.signal_context.get("decision_mid")), _decided_exit(trade)


def _decided_exit(trade: ClosedTrade) -> Decimal | None:
    last = price(trade.exit_context.get("decision_mid")) or price(trade.exit_context.get("stop_price"))
    if not trade.ladder_state:
        return last
    rows = [row if isinstance(row, Mapping) else {} for row in trade.ladder_state.values()]
    parts = [(price(row.get("size")), price(row.get("decision_mid"))) for row in rows]
    rest = trade.size - sum((size for size, _ in parts if size is not None), Decimal(0))
    # A last order that says nothing of itself leaves the context of the rung before it: that is not its own price.
    parts += [(rest, None if "rung" in trade.exit_context else last)] if rest > 0 else []
    known = tuple((size, decided) for size, decided in parts if size is not None and decided is not None)
    kind = ContractKind.LINEAR if trade.settlement_currency == USD else ContractKind.INVERSE
    return average_price(kind, known) if len(known) == len(parts) else None


def _mid_return_bps(trade: ClosedTrade) -> float | None:
    entry, leave = decided_prices(trade)
    return None if entry is None or leave is None else float(leave / entry - 1) * BPS * trade.direction.sign


def price(value: Any) -> Decimal | None:
    """A price as it stands in a context; None for anything that is not a positive number."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found > 0 else None


def number(value: Any) -> float | None:
    """A number as it stands in a context; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < float("inf") else None


def agreeing_components(trade: ClosedTrade) -> dict[str, float]:
    """Weight x confidence of every component that spoke for the trade's direction; empty when none is known."""
    found: dict[str, float] = {}
    components = trade.signal_context.get("components")
    weights = trade.signal_context.get("component_weights")
    for name, said in components.items() if isinstance(components, Mapping) else ():
        if isinstance(said, Mapping) and said.get("direction") == trade.direction.value:
            weight = number(weights.get(name)) if isinstance(weights, Mapping) else 1.0
            found[str(name)] = (weight or 0.0) * (number(said.get("confidence")) or 0.0)
    return {name: share for name, share in found.items() if share > 0}
