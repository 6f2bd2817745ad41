"""What the venue's rules share: account, markets, settings, time, and what has happened since somebody looked."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from tradingbot.simulator.account import Account, Rows
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.faults import FaultPlan, FaultSpec
from tradingbot.simulator.funding import accrued
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.records import EventKind, Fill, Order, OrderEvent
from tradingbot.simulator.rounding import ZERO
from tradingbot.simulator.tape import Print


@dataclass(slots=True)
class VenueState:
    """One venue with one account. `fresh` collects rows since the last `take_fresh`."""

    params: SimulatorParams
    instruments: dict[str, Instrument]
    markets: dict[str, ContractMarket]
    account: Account
    faults: FaultPlan[FaultSpec]
    now_ms: int = 0
    fresh: Rows = field(default_factory=Rows)
    prints: list[tuple[str, Print]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    client_ids: set[str] = field(default_factory=set)
    post_only_until_ms: int = 0
    has_tape: bool = True
    """Whether public trades are told; else only those are made that an order of ours waits for."""

    def market(self, symbol: str) -> ContractMarket:
        """The market of a listed contract."""
        return self.markets[symbol]

    def orders_of(self, symbol: str) -> list[Order]:
        """Resting orders and triggers of a contract, oldest first."""
        return [order for order in self.account.orders.values() if order.symbol == symbol]

    def waits_for_trades(self, symbol: str) -> bool:
        """Whether a public trade can fill or fire an order of ours."""
        return any(not order.is_trigger or order.signal == "last" for order in self.orders_of(symbol))

    def post_only(self) -> bool:
        """True while markets accept post-only orders alone."""
        return self.now_ms < self.post_only_until_ms or self.faults.on("post_only", self.now_ms) is not None

    def unrealized_funding(self, symbol: str) -> Decimal:
        """What a position has earned (+) or owes (-) since funding was last realised."""
        position = self.account.positions.get(symbol)
        if position is None:
            return ZERO
        market = self.markets[symbol]
        return accrued(market.instrument, position.size, market.funding.rate, position.funding_since_ms, self.now_ms)

    def emit(
        self,
        kind: EventKind,
        order: Order,
        reason: str,
        old: Order | None = None,
        fill: Fill | None = None,
        reduced: Decimal | None = None,
    ) -> OrderEvent:
        """Record a step of an order's life."""
        uid = self.account.new_uid("event")
        event = OrderEvent(uid, self.now_ms, kind, order, old, reason, fill, reduced)
        self.fresh.events.append(event)
        self.touched.add(order.symbol)
        return event

    def take_fresh(self) -> Rows:
        """What has been added since the last call."""
        rows, self.fresh = self.fresh, Rows()
        return rows
