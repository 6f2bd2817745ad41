"""Carries out actions: intent on disk, order sent once, outcome written down; the unknown is asked, never resent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import structlog

from tradingbot.core.errors import StorageUnavailableError, VenueError
from tradingbot.core.records import (
    AmendRequest,
    CancelStatus,
    OrderAccepted,
    OrderDenied,
    OrderOutcome,
    OrderRefused,
    OrderUnknown,
    RefusalCode,
)
from tradingbot.core.rounding import round_marketable
from tradingbot.core.types import ContractKind, OrderKind, Symbol, iso_utc
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.intents import Intent, IntentLog, request_of, status_of
from tradingbot.engine.params import EngineParams
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.exits.protection import AmendStop, CancelStop, PlaceStop, StopAction
from tradingbot.portfolio.actions import ClosePosition, OpenPosition
from tradingbot.ports import Clock, Venue

log = structlog.get_logger(__name__)

STOP_ATTEMPTS: Final = 3
"""How often a stop that reaches the venue too late is sent in one cycle."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done, for the cycle record."""

    what: str
    symbol: Symbol
    client_order_id: str
    status: str
    detail: str = ""


class Executor:
    """Sends orders for one account."""

    def __init__(
        self,
        venue: Venue,
        clock: Clock,
        ids: OrderIds,
        intents: IntentLog,
        keeper: PortfolioKeeper,
        params: EngineParams,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._ids = ids
        self._intents = intents
        self._keeper = keeper
        self._params = params
        self._leverage: dict[Symbol, Decimal] = {}

    async def open(self, cycle_id: str, action: OpenPosition, decided_at: datetime | None = None) -> Done:
        """Open a position. Nothing is sent unless its intent is on disk."""
        intent = self._entry_intent(cycle_id, action, decided_at or self._clock.now())
        try:
            await self._prepare_leverage(action)
            await self._intents.before_sending(intent)
        except (VenueError, StorageUnavailableError) as error:
            denied = OrderDenied(intent.client_order_id, f"{type(error).__name__}: {error}")
            return self._finish("open", intent, denied)
        return await self._send("open", intent)

    async def close(
        self, cycle_id: str, action: ClosePosition, decided_at: datetime | None = None, purpose: str = ""
    ) -> Done:
        """Close a position, or a rung of it, with a reduce-only market order; a full disk does not stop an exit.

        `purpose` is the last part of the order's id: another one for an exit beside those of the cycle.
        """
        name = purpose or ("exit" if action.rung is None else f"rung{action.rung}")
        intent = Intent(
            client_order_id=self._ids.make(cycle_id, action.symbol, name),
            purpose="exit",
            symbol=action.symbol,
            side=action.side,
            kind=OrderKind.MARKET,
            size=action.size,
            reduce_only=True,
            created_at=self._clock.now(),
            cycle_id=cycle_id,
            position_id=action.position_id,
            rule=action.rule,
            context={**action.context, **_decided(action.mid_price, decided_at or self._clock.now(), action.rung)},
        )
        await self._note_protective(intent)
        return await self._send("close" if action.rung is None else "close_part", intent)

    async def close_all(
        self, cycle_id: str, actions: Sequence[ClosePosition], decided_at: datetime | None = None, purpose: str = ""
    ) -> list[Done]:
        """As `close` for each, all at once: while the venue is silent, no exit waits for the silence of another.

        What one of them raises is raised once all have ended.
        """
        closing = (self.close(cycle_id, action, decided_at, purpose) for action in actions)
        ended = await asyncio.gather(*closing, return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return [one for one in ended if isinstance(one, Done)]

    async def protect(self, cycle_id: str, action: StopAction) -> Done:
        """Place, amend or cancel one protective stop."""
        if isinstance(action, PlaceStop):
            return await self._place_stop(cycle_id, action)
        if isinstance(action, AmendStop):
            return await self._amend_stop(action)
        return await self._cancel_stop(action)

    async def _place_stop(self, cycle_id: str, action: PlaceStop) -> Done:
        """A stop that the venue refused as too late does not rest, which is proven: it goes out anew, at once."""
        for _ in range(STOP_ATTEMPTS - 1):
            intent = await self._stop_intent(cycle_id, action)
            outcome = await self._place(intent)
            done = self._finish("protect", intent, *outcome)
            if not _came_too_late(outcome[0]):
                return done
        return await self._send("protect", await self._stop_intent(cycle_id, action))

    async def _stop_intent(self, cycle_id: str, action: PlaceStop) -> Intent:
        """The intent of the position's next stop, on disk where the disk takes it."""
        position = next(p for p in self._keeper.book.positions if p.position_id == action.position_id)
        intent = Intent(
            client_order_id=self._ids.make(cycle_id, action.symbol, f"stop{position.stop_generation}"),
            purpose="stop",
            symbol=action.symbol,
            side=action.side,
            kind=OrderKind.STOP,
            size=action.size,
            reduce_only=True,
            created_at=self._clock.now(),
            cycle_id=cycle_id,
            stop_price=action.stop_price,
            position_id=action.position_id,
        )
        self._keeper.set_book(
            self._keeper.book.replaced(
                replace(
                    position,
                    stop_generation=position.stop_generation + 1,
                    stop_client_order_id=intent.client_order_id,
                )
            )
        )
        await self._note_protective(intent)
        return intent

    async def _amend_stop(self, action: AmendStop) -> Done:
        order_id = action.order.client_order_id
        assert order_id is not None
        change = AmendRequest(
            order_id, action.symbol, action.order.venue_order_id, size=action.size, stop_price=action.stop_price
        )
        outcome = await self._venue.amend(change)
        if isinstance(outcome, OrderRefused) and outcome.code is RefusalCode.NO_EFFECT:
            outcome = OrderAccepted(order_id, action.order.venue_order_id)
        return self._done("amend_stop", action.symbol, outcome)

    async def _cancel_stop(self, action: CancelStop) -> Done:
        outcome = await self._venue.cancel(action.symbol, action.order.client_order_id, action.order.venue_order_id)
        status = outcome.status.value
        if outcome.status is CancelStatus.UNKNOWN:
            log.warning("stop.cancel_unknown", symbol=action.symbol, detail=outcome.detail)
        return Done("cancel_stop", action.symbol, action.order.client_order_id or "", status, action.why)

    async def _send(self, what: str, intent: Intent) -> Done:
        return self._finish(what, intent, *await self._place(intent))

    async def _place(self, intent: Intent) -> tuple[OrderOutcome, dict[str, object] | None]:
        """Send once; the outcome, and what was quoted at that moment."""
        market = self._quoted(intent.symbol)
        outcome = await self._venue.place(request_of(intent, self._clock.now(), self._params.orders))
        if isinstance(outcome, OrderRefused) and outcome.code is RefusalCode.DUPLICATE_CLIENT_ID:
            # An order of this id is there already: an earlier send of the same intent got through. Ask about that one.
            outcome = OrderUnknown(intent.client_order_id, f"the venue knows this id already ({outcome.venue_text})")
        if isinstance(outcome, OrderAccepted):
            self._note_stop_id(intent, outcome)
            if outcome.fill_ids:
                await self._venue.wait_for_fills(outcome.fill_ids, self._params.orders.fill_wait_s)
        return outcome, market

    def _quoted(self, symbol: Symbol) -> dict[str, object] | None:
        """What the market quotes at this moment, for the measurement of costs; None when that is not known."""
        ticker, now = self._venue.live_ticker(symbol), self._clock.now()
        if ticker is None or ticker.bid is None or ticker.ask is None:
            return None
        if (now - ticker.as_of).total_seconds() > self._params.freshness.ticker_s:
            return None
        return {"bid": ticker.bid, "ask": ticker.ask, "as_of": ticker.as_of, "sent_at": now}

    def _finish(
        self, what: str, intent: Intent, outcome: OrderOutcome, market: dict[str, object] | None = None
    ) -> Done:
        self._intents.outcome(outcome, self._clock.now(), market)
        return self._done(what, intent.symbol, outcome)

    def _done(self, what: str, symbol: Symbol, outcome: OrderOutcome) -> Done:
        detail = _detail(outcome)
        say = log.info if isinstance(outcome, OrderAccepted) else log.warning
        say("order.outcome", what=what, symbol=symbol, status=status_of(outcome), detail=detail)
        return Done(what, symbol, outcome.client_order_id, status_of(outcome), detail)

    def _note_stop_id(self, intent: Intent, outcome: OrderAccepted) -> None:
        if intent.purpose != "stop":
            return
        for position in self._keeper.book.positions:
            if position.position_id == intent.position_id:
                known = replace(
                    position,
                    stop_order_id=outcome.venue_order_id,
                    stop_client_order_id=intent.client_order_id,
                )
                self._keeper.set_book(self._keeper.book.replaced(known))

    async def _note_protective(self, intent: Intent) -> None:
        """Exits and stops go out even when the disk refuses: losing the note is better than losing the protection."""
        try:
            await self._intents.before_sending(intent)
        except StorageUnavailableError as error:
            log.error("intent.not_durable", client_order_id=intent.client_order_id, error=str(error))

    async def _prepare_leverage(self, action: OpenPosition) -> None:
        # Inverse contracts take their leverage from the margin schedule alone; a preference exists for linear ones.
        if not self._venue.capabilities.leverage_preference or action.plan.kind is ContractKind.INVERSE:
            return
        wanted = action.plan.leverage
        if self._leverage.get(action.symbol) != wanted:
            await self._venue.set_leverage(action.symbol, wanted)
            self._leverage[action.symbol] = wanted

    def _entry_intent(self, cycle_id: str, action: OpenPosition, decided_at: datetime) -> Intent:
        limit = None
        kind = OrderKind.MARKET
        if self._params.orders.entry_kind == "limit":
            kind, limit = OrderKind.IOC, _marketable(action, self._params.orders.limit_offset_bps)
        return Intent(
            client_order_id=self._ids.make(cycle_id, action.symbol, "entry"),
            purpose="entry",
            symbol=action.symbol,
            side=action.side,
            kind=kind,
            size=action.size,
            limit_price=limit,
            reduce_only=False,
            created_at=self._clock.now(),
            cycle_id=cycle_id,
            plan=action.plan,
            context={
                "reference_price": str(action.reference_price),
                "at": iso_utc(self._clock.now()),
                **_decided(action.mid_price, decided_at),
            },
        )


def _came_too_late(outcome: OrderOutcome) -> bool:
    return isinstance(outcome, OrderRefused) and outcome.code is RefusalCode.TOO_LATE


def _decided(mid_price: Decimal | None, at: datetime, rung: int | None = None) -> dict[str, Any]:
    """What an order was decided on, as its intent keeps it."""
    note: dict[str, Any] = {"decided_at": iso_utc(at)}
    if mid_price is not None:
        note["decision_mid"] = str(mid_price)
    return note if rung is None else {**note, "rung": rung}


def _detail(outcome: OrderOutcome) -> str:
    if isinstance(outcome, OrderAccepted):
        return f"executed {outcome.executed_size} at {outcome.average_price}" if outcome.executed_size else "resting"
    if isinstance(outcome, OrderRefused):
        return f"{outcome.code.value}: {outcome.venue_text}"
    return outcome.detail


def _marketable(action: OpenPosition, offset_bps: float) -> Decimal:
    """The touch plus what the entry may pay beyond it, on tick."""
    offset = action.reference_price * Decimal(repr(offset_bps)) / 10_000
    return round_marketable(action.reference_price + offset * action.side.sign, action.side, action.tick_size)
