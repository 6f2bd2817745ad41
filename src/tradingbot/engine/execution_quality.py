"""The reality-gap meter: what every executed order cost against what was expected, once per order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import structlog

from tradingbot.core.types import ClientOrderId, ContractKind, OrderKind, Side, iso_utc, parse_utc
from tradingbot.engine.intents import Intent, IntentLog
from tradingbot.engine.learning_models import RealityGapState
from tradingbot.engine.signal_desk import Kept
from tradingbot.learning.learned import slippage_bps
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import (
    PARTS,
    ExecutedOrder,
    ExecutionCosts,
    Quote,
    RealityGap,
    execution_costs,
    measured,
)
from tradingbot.learning.trade_facts import price
from tradingbot.portfolio.book import EntryPlan
from tradingbot.portfolio.position import ZERO, average_price
from tradingbot.ports import Journal

log = structlog.get_logger(__name__)

MEASURED: Final = ("entry", "exit", "stop")
AT_ONCE: Final = (OrderKind.MARKET, OrderKind.IOC)


@dataclass(frozen=True, slots=True)
class OrderFills:
    """What one order has traded so far. `fees` in the settlement currency, None once one of them is not told."""

    order_id: ClientOrderId
    symbol: str
    side: Side
    purpose: str
    position_id: str
    filled_at: datetime
    parts: tuple[tuple[Decimal, Decimal], ...] = ()
    fees: Decimal | None = ZERO

    @property
    def size(self) -> Decimal:
        """Contracts."""
        return sum((size for size, _ in self.parts), ZERO)

    def with_fill(self, row: Mapping[str, Any], at: datetime) -> OrderFills:
        """With one more fill."""
        fee = None if row.get("fee") is None or self.fees is None else self.fees + Decimal(str(row["fee"]))
        part = (Decimal(str(row["size"])), Decimal(str(row["price"])))
        return replace(self, parts=(*self.parts, part), fees=fee, filled_at=max(at, self.filled_at))


class ExecutionQuality:
    """Gathers fills by order; writes one line per order when its fills are complete, and keeps the distributions."""

    def __init__(
        self,
        intents: IntentLog,
        journal: Journal,
        file: Kept,
        state: RealityGapState,
        params: LearningParams,
    ) -> None:
        self._intents = intents
        self._journal = journal
        self._file = file
        self._state = state
        self._params = params
        self._open: dict[ClientOrderId, OrderFills] = {}
        self._written: dict[str, None] = {}  # in the order of writing

    @property
    def gap(self) -> RealityGap:
        """Distributions of costs."""
        return self._state.content

    def restore(self, lines: Iterable[Mapping[str, Any]], fills: Iterable[Mapping[str, Any]]) -> None:
        """Go on where the last life ended: lines that the distributions lack, fills that have no line yet."""
        damaged = 0
        for take, rows in ((self._recall, lines), (self.note, fills)):
            for row in rows:
                try:
                    take(row)
                except (KeyError, TypeError, ValueError, ArithmeticError):  # a line of another shape tells nothing
                    damaged += 1
        if damaged:
            log.error("execution_quality.lines_passed_over", lines=damaged)

    def _recall(self, line: Mapping[str, Any]) -> None:
        self._count(line)
        self._remember(str(line["client_order_id"]))

    def _remember(self, order_id: str) -> None:
        """A fill of an order that is older than all of these is not told again."""
        self._written[order_id] = None
        while len(self._written) > self._intents.kept:
            del self._written[next(iter(self._written))]

    def note(self, row: Mapping[str, Any]) -> None:
        """One line of the journal of fills."""
        order_id = row.get("client_order_id")
        if order_id is None or row.get("purpose") not in MEASURED or str(order_id) in self._written:
            return
        at = _moment(row["time"])
        key = ClientOrderId(str(order_id))
        known = self._open.get(key) or OrderFills(
            key, str(row["symbol"]), Side(row["side"]), str(row["purpose"]), str(row.get("position_id", "")), at
        )
        self._open[key] = known.with_fill(row, at)

    def write_complete(self, now: datetime, held: Collection[str]) -> int:
        """Write down every order that has traded whole; how many. `held` are the ids of positions not settled yet."""
        done = [fills for fills in self._open.values() if self._is_complete(fills, held)]
        for fills in done:
            del self._open[fills.order_id]
            self._remember(str(fills.order_id))
            line = self._line(fills, now)
            self._journal.append(line)
            self._count(line)
        return len(done)

    def _is_complete(self, fills: OrderFills, held: Collection[str]) -> bool:
        if fills.position_id not in held:
            return True
        intent = self._intents.find(fills.order_id)
        if intent is None:
            return False
        executed = self._intents.executed_size(fills.order_id) if intent.kind in AT_ONCE else None
        return fills.size >= (executed or intent.size)

    def _line(self, fills: OrderFills, now: datetime) -> dict[str, Any]:
        intent = self._intents.find(fills.order_id)
        market = self._intents.market_at_send(fills.order_id) if fills.purpose != "stop" else None
        context: Mapping[str, Any] = intent.context if intent is not None else {}
        order = self._order(fills, intent, market)
        costs = execution_costs(order, self._slippage_bps(fills.symbol))
        return {
            "at": now,
            "client_order_id": fills.order_id,
            "position_id": fills.position_id,
            "symbol": fills.symbol,
            "purpose": "rung" if context.get("rung") is not None else fills.purpose,
            "rule": intent.rule if intent is not None else "",
            "side": fills.side.value,
            "size": fills.size,
            "notional_usd": order.notional_usd,
            "average_price": order.average_price,
            "decided_at": context.get("decided_at"),
            "decision_mid": order.decided_mid,
            "stop_price": order.stop_price,
            "sent_at": _text(market, "sent_at"),
            "quoted_at": _text(market, "as_of"),
            "bid": order.sent.bid if order.sent is not None else None,
            "ask": order.sent.ask if order.sent is not None else None,
            "filled_at": fills.filled_at,
            "expected_bps": costs.expected,
            **_named(costs),
        }

    def _slippage_bps(self, symbol: str) -> float:
        """What a fill of this symbol costs beyond half the spread and fees, as far as is known before this order."""
        known = self.gap.symbols.get(symbol)
        return slippage_bps(*(known.slippage() if known is not None else (0, 0.0)), self._params)

    def _order(self, fills: OrderFills, intent: Intent | None, market: Mapping[str, Any] | None) -> ExecutedOrder:
        plan = self._plan(fills)
        kind = plan.kind if plan is not None else ContractKind.LINEAR
        paid = average_price(kind, fills.parts)
        contracts = fills.size * (plan.contract_size if plan is not None else 1)
        notional = contracts if kind is ContractKind.INVERSE else contracts * paid
        rate = paid if kind is ContractKind.INVERSE else Decimal(1)
        is_stop = fills.purpose == "stop"
        context: Mapping[str, Any] = intent.context if intent is not None else {}
        expects = (
            plan.signal_context.get("expected_cost_bps") if plan is not None and fills.purpose == "entry" else None
        )
        return ExecutedOrder(
            side=fills.side,
            average_price=paid,
            notional_usd=notional,
            decided_mid=None if is_stop else price(context.get("decision_mid")),
            sent=_quote(market),
            stop_price=intent.stop_price if is_stop and intent is not None else None,
            fees_usd=None if fills.fees is None else fills.fees * rate,
            expected_bps=None if expects is None else Decimal(str(expects)),
        )

    def _plan(self, fills: OrderFills) -> EntryPlan | None:
        """The plan of the entry that the position came from; its id holds the entry's order id."""
        entry = self._intents.find(ClientOrderId(fills.position_id.removeprefix("t-")))
        return entry.plan if entry is not None else None

    def _count(self, line: Mapping[str, Any]) -> None:
        """Into the distributions, unless they hold this order already or were begun after it."""
        order_id, at = str(line["client_order_id"]), _moment(line["filled_at"])
        if self._state.handled.holds(order_id, at) or at < self._state.venue_metadata.since:
            return
        named = ((name, line.get(f"{name}_bps")) for name in PARTS)
        parts = {name: float(Decimal(str(value))) for name, value in named if value is not None}
        gap = measured(self.gap, str(line["symbol"]), str(line["purpose"]), parts, self._params.newest_values)
        handled = self._state.handled.with_one(order_id, at)
        self._state = self._state.model_copy(update={"content": gap, "handled": handled})
        self._file.put(self._state)


def _named(costs: ExecutionCosts) -> dict[str, Decimal | None]:
    parts = costs.parts()
    return {f"{name}_bps": parts.get(name) for name in PARTS}


def _quote(market: Mapping[str, Any] | None) -> Quote | None:
    if market is None:
        return None
    bid, ask = price(market.get("bid")), price(market.get("ask"))
    return None if bid is None or ask is None or ask < bid else Quote(bid, ask)


def _moment(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else parse_utc(value)


def _text(market: Mapping[str, Any] | None, key: str) -> str | None:
    value = market.get(key) if market is not None else None
    return iso_utc(value) if isinstance(value, datetime) else value
