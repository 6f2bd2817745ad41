"""The intent journal: every order is on disk before it is sent, and what became of it after (SPEC 7.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tradingbot.core.records import OrderAccepted, OrderDenied, OrderOutcome, OrderRefused, OrderRequest, OrderUnknown
from tradingbot.core.types import ClientOrderId, OrderKind, Side, Symbol, TriggerSignal
from tradingbot.engine.params import OrderParams
from tradingbot.portfolio.book import EntryPlan
from tradingbot.ports import Journal

KEPT_ORDERS = 5_000


@dataclass(frozen=True, slots=True)
class Intent:
    """An order before it is sent. `purpose` is entry, exit or stop; `plan` is for entries, `rule` for exits."""

    client_order_id: ClientOrderId
    purpose: str
    symbol: Symbol
    side: Side
    kind: OrderKind
    size: Decimal
    reduce_only: bool
    created_at: datetime
    cycle_id: str
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    position_id: str = ""
    rule: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    plan: EntryPlan | None = None


_INTENT: TypeAdapter[Intent] = TypeAdapter(Intent)


class IntentLog:
    """Writes intents and outcomes, and remembers those of the newest `kept` orders and of unresolved ones."""

    def __init__(self, journal: Journal, kept: int = KEPT_ORDERS) -> None:
        self._journal = journal
        self.kept = kept
        self._intents: dict[ClientOrderId, Intent] = {}
        self._unresolved: dict[ClientOrderId, str] = {}
        self._markets: dict[ClientOrderId, Mapping[str, Any]] = {}
        self._executed: dict[ClientOrderId, Decimal] = {}
        self.unreadable = 0
        self.listeners: list[Callable[[OrderOutcome], None]] = []

    def restore(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Rebuild from the journal; an intent without a proven outcome is unresolved. Counts what makes no sense."""
        for record in records:
            order_id = ClientOrderId(str(record.get("client_order_id", "")))
            if record.get("event") == "intent":
                try:
                    intent = _INTENT.validate_python(record["intent"])
                except (KeyError, ValidationError):
                    self.unreadable += 1
                    continue
                self._unresolved[order_id] = "the process ended before an outcome was known"
                self._remember(intent)
            elif record.get("event") == "outcome":
                self._note_outcome(order_id, record)
                if record.get("status") != "unknown":
                    self._unresolved.pop(order_id, None)

    async def before_sending(self, intent: Intent) -> None:
        """Returns once the intent is on disk. Raises StorageUnavailableError."""
        self._unresolved[intent.client_order_id] = "no outcome yet"
        self._remember(intent)
        payload = _INTENT.dump_python(intent, mode="json")
        await self._journal.commit({"event": "intent", "client_order_id": intent.client_order_id, "intent": payload})

    def outcome(self, outcome: OrderOutcome, at: datetime, market: Mapping[str, Any] | None = None) -> None:
        """Journal what came of it; an unknown one stays unresolved. `market` is what was quoted when it was sent."""
        if isinstance(outcome, OrderUnknown):
            self._unresolved[outcome.client_order_id] = outcome.detail
        else:
            self._unresolved.pop(outcome.client_order_id, None)
        record = {"event": "outcome", "at": at, "status": status_of(outcome), **asdict(outcome)}
        if market is not None:
            record["market"] = dict(market)
        self._note_outcome(outcome.client_order_id, record)
        self._journal.append(record)
        for listener in self.listeners:
            listener(outcome)

    def find(self, client_order_id: ClientOrderId | None) -> Intent | None:
        """The intent behind an order id."""
        return self._intents.get(client_order_id) if client_order_id is not None else None

    def market_at_send(self, client_order_id: ClientOrderId) -> Mapping[str, Any] | None:
        """What was quoted when an order was sent: bid, ask, as_of, sent_at; None when nobody knows."""
        return self._markets.get(client_order_id)

    def executed_size(self, client_order_id: ClientOrderId) -> Decimal | None:
        """How much of an order had traded when its outcome was told; None while that is not known."""
        return self._executed.get(client_order_id)

    def _note_outcome(self, order_id: ClientOrderId, record: Mapping[str, Any]) -> None:
        if order_id not in self._intents:
            return
        if isinstance(market := record.get("market"), Mapping):
            self._markets[order_id] = market
        if record.get("executed_size") is not None:
            with suppress(ArithmeticError):  # a line of another shape tells nothing
                self._executed[order_id] = Decimal(str(record["executed_size"]))

    @property
    def first_at(self) -> datetime | None:
        """When the oldest remembered intent was made; None without any."""
        return min((intent.created_at for intent in self._intents.values()), default=None)

    def first_after(self, since: datetime) -> datetime | None:
        """When the oldest remembered intent that is not before `since` was made; None without any."""
        made = (intent.created_at for intent in self._intents.values())
        return min((at for at in made if at >= since), default=None)

    @property
    def newest_id(self) -> ClientOrderId | None:
        """The id of the newest remembered intent; None without any."""
        return next(reversed(self._intents), None)

    @property
    def unresolved(self) -> Mapping[ClientOrderId, str]:
        """Orders of which neither acceptance nor refusal is proven, and why."""
        return dict(self._unresolved)

    def unresolved_symbols(self) -> set[Symbol]:
        """Symbols closed to entries until the venue has been asked."""
        return {self._intents[order_id].symbol for order_id in self._unresolved if order_id in self._intents}

    def _remember(self, intent: Intent) -> None:
        self._intents[intent.client_order_id] = intent
        while len(self._intents) > self.kept:
            oldest = next((one for one in self._intents if one not in self._unresolved), None)
            if oldest is None:
                break
            for remembered in (self._intents, self._markets, self._executed):
                remembered.pop(oldest, None)


def status_of(outcome: OrderOutcome) -> str:
    """One word for an outcome."""
    if isinstance(outcome, OrderAccepted):
        return "accepted"
    if isinstance(outcome, OrderRefused):
        return "refused"
    return "denied" if isinstance(outcome, OrderDenied) else "unknown"


def request_of(intent: Intent, now: datetime, params: OrderParams) -> OrderRequest:
    """The order that an intent describes; the venue must refuse it when it arrives later than its lifetime from now."""
    return OrderRequest(
        client_order_id=intent.client_order_id,
        symbol=intent.symbol,
        side=intent.side,
        kind=intent.kind,
        size=intent.size,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        trigger_signal=TriggerSignal(params.stop_trigger) if intent.kind is OrderKind.STOP else None,
        reduce_only=intent.reduce_only,
        process_before=now + timedelta(seconds=params.lifetime_s),
    )
