"""How many orders are remembered: the newest, and every one whose outcome is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.fakes import MemoryJournal
from tradingbot.core.records import OrderRefused, OrderUnknown, RefusalCode
from tradingbot.core.types import ClientOrderId, OrderKind, Side, Symbol
from tradingbot.engine.intents import Intent, IntentLog

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
KEPT = 3


def intent(number: int) -> Intent:
    return Intent(
        client_order_id=ClientOrderId(f"order-{number}"),
        purpose="entry",
        symbol=Symbol("BTCUSDT"),
        side=Side.BUY,
        kind=OrderKind.MARKET,
        size=Decimal(1),
        reduce_only=False,
        created_at=START + timedelta(minutes=number),
        cycle_id="c",
    )


async def send(log: IntentLog, number: int, *, known: bool = True) -> None:
    one = intent(number)
    await log.before_sending(one)
    order_id = one.client_order_id
    log.outcome(
        OrderRefused(order_id, RefusalCode.INVALID_SIZE, "no") if known else OrderUnknown(order_id, "silence"),
        one.created_at,
    )


async def remembered(numbers_unknown: frozenset[int] = frozenset(), count: int = 8) -> list[int]:
    log = IntentLog(MemoryJournal(), KEPT)
    for number in range(count):
        await send(log, number, known=number not in numbers_unknown)
    return [number for number in range(count) if log.find(ClientOrderId(f"order-{number}")) is not None]


async def test_only_the_newest_stay() -> None:
    assert await remembered() == [5, 6, 7]


async def test_an_unknown_order_stays_and_others_go() -> None:
    assert await remembered(frozenset({1})) == [1, 6, 7]


async def test_unknown_orders_stay_even_when_there_are_more_than_may_be_kept() -> None:
    assert await remembered(frozenset({0, 1, 2, 3})) == [0, 1, 2, 3, 7]


async def test_a_restart_remembers_the_same() -> None:
    journal = MemoryJournal()
    log = IntentLog(journal, KEPT)
    for number in range(8):
        await send(log, number, known=number != 1)
    again = IntentLog(MemoryJournal(), KEPT)
    again.restore(journal.records)
    assert set(again.unresolved) == {"order-1"}
    assert [number for number in range(8) if again.find(ClientOrderId(f"order-{number}"))] == [1, 6, 7]
