"""No sequence of signals, partial and late fills, closes, moves of price and restarts makes the book exceed a cap."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import NOW, a_fill, a_plan, a_snapshot, a_spec, a_symbol, a_ticker
from tradingbot.core.errors import SizingError
from tradingbot.core.types import ClientOrderId, Direction, Side, Symbol
from tradingbot.engine.models import PositionsState
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.risk.canonical_sizing import normalize_position_size
from tradingbot.risk.exact_settings import exact_of
from tradingbot.risk.exposure import exposure_of
from tradingbot.risk.params import RiskParams
from tradingbot.risk.position_sizing import SizeFactor, SizeRequest, size_entry

SYMBOLS = tuple(Symbol(f"S{n}USDT") for n in range(9))
EQUITY = Decimal(10_000)
PARAMS = RiskParams()
STOP = Decimal("0.025")

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("signal"),
            st.sampled_from(SYMBOLS),
            st.booleans(),
            st.floats(0.1, 4.0),
            st.floats(0.05, 1.0),
            st.lists(st.integers(1, 10), min_size=0, max_size=3),
        ),
        st.tuples(st.just("close"), st.sampled_from(SYMBOLS), st.integers(1, 10)),
        st.tuples(st.just("move"), st.sampled_from(SYMBOLS), st.floats(0.9, 1.1)),
        st.tuples(st.just("restart")),
    ),
    max_size=40,
)


class Account:
    """A book, prices, and orders that fill in tenths, some of them late."""

    def __init__(self) -> None:
        self.book = Book()
        self.prices = dict.fromkeys(SYMBOLS, Decimal(2000))
        self.late: list[tuple[Any, Any]] = []
        self.count = 0

    def snapshot(self) -> MarketSnapshot:
        parts = [
            a_symbol(name, spec=a_spec(name), ticker=a_ticker(name, str(price))) for name, price in self.prices.items()
        ]
        return replace(a_snapshot(*parts), equity_usd=EQUITY, available_usd={"flex": EQUITY})

    def signal(self, symbol: Symbol, long: bool, factor: float, confidence: float, tenths: list[int]) -> None:
        exposure = exposure_of(self.snapshot(), self.book)
        direction = Direction.LONG if long else Direction.SHORT
        price = self.prices[symbol]
        request = SizeRequest(
            symbol=symbol,
            direction=direction,
            factors=(SizeFactor("all", factor),),
            confidence=confidence,
            stop_fraction=STOP,
            wallet="flex",
            early=False,
            rollout_share=1.0,
            cap_usd=None,
            market="futures",
            max_leverage=Decimal(50),
            price=price,
            mark=price,
            correlations={held.symbol: 0.0 for held in exposure.held},
        )
        found = size_entry(request, exposure, PARAMS)
        if found.refused:
            return
        try:
            least = exact_of(PARAMS.sizing.min_trade_usd)
            size = normalize_position_size(
                symbol, found.size_usd, price, a_spec(symbol), min_notional_usd=least
            ).contracts
        except SizingError:
            return
        self.fill(symbol, direction, size, price, tenths)

    def fill(self, symbol: Symbol, direction: Direction, size: Decimal, price: Decimal, tenths: list[int]) -> None:
        """All of the order in parts; the last part comes late."""
        plan = a_plan(symbol, direction)
        order = ClientOrderId(f"tb-aa-{self.count}-{symbol}-entry")
        left = size
        parts = []
        for tenth in tenths:
            part = min(left, (size * tenth / 10).quantize(Decimal("0.001")))
            if part > 0:
                parts.append(part)
                left -= part
        parts = [*parts, left] if left > 0 else parts
        for part in parts:
            self.count += 1
            fill = a_fill(f"f{self.count}", symbol=symbol, side=direction.entry_side, size=part, price=price)
            self.late.append((replace(fill, client_order_id=order), plan))
        while len(self.late) > 1 or (self.late and len(parts) == 1):
            self.deliver()

    def deliver(self) -> None:
        fill, plan = self.late.pop(0)
        self.book, _ = apply_fill(self.book, fill, plan)

    def close(self, symbol: Symbol, tenths: int) -> None:
        while self.late:
            self.deliver()
        position = self.book.open_for(symbol)
        if position is None:
            return
        size = max((position.size * tenths / 10).quantize(Decimal("0.001")), Decimal("0.001"))
        self.count += 1
        side = Side.SELL if position.direction is Direction.LONG else Side.BUY
        exit_fill = a_fill(
            f"f{self.count}",
            symbol=symbol,
            side=side,
            size=min(size, position.size),
            price=self.prices[symbol],
            time=NOW + timedelta(seconds=self.count),
            client_order_id=ClientOrderId(f"tb-aa-{self.count}-{symbol}-exit"),
        )
        self.book, _ = apply_fill(self.book, exit_fill, None, "time_exit", {})

    def restart(self) -> None:
        state = PositionsState.from_book(self.book).model_dump(mode="json")
        self.book = PositionsState.model_validate_json(orjson.dumps(state)).to_book()


def check_at_entry(account: Account, before: Book) -> None:
    """What was opened in the last step is within every cap at the price it was opened at."""
    known = {position.position_id for position in before.positions}
    for position in account.book.open_positions:
        if position.position_id not in known:
            assert (
                position.notional_usd(position.entry_price)
                + sum((fill.size * fill.price for fill, _ in account.late), Decimal(0))
                >= 50
            )
    assert len(account.book.open_positions) <= 6
    assert len({position.symbol for position in account.book.open_positions}) == len(account.book.open_positions)
    for position in account.book.open_positions:
        assert position.notional_usd(position.entry_price) <= EQUITY * Decimal("0.05")


@settings(max_examples=120, deadline=None)
@given(steps)
def test_the_book_never_exceeds_a_cap(sequence: list[Any]) -> None:
    """SPEC 6.2: notional per pair, pairs at once, one position per symbol, heat, concentration."""
    account = Account()
    for name, *arguments in sequence:
        before = account.book
        if name == "move":
            symbol, factor = arguments
            account.prices[symbol] = (account.prices[symbol] * Decimal(repr(factor))).quantize(Decimal("0.1"))
        else:
            getattr(account, name)(*arguments)
        check_at_entry(account, before)
        opened = len(account.book.open_positions) > len(before.open_positions)
        exposure = exposure_of(account.snapshot(), account.book)
        if opened:
            assert exposure.heat_usd <= EQUITY * Decimal("0.08")
            top = sorted((held.notional_usd for held in exposure.held), reverse=True)[:3]
            grown = any(held.notional_usd > EQUITY * Decimal("0.05") for held in exposure.held)
            assert grown or sum(top) <= EQUITY * Decimal("0.15")
