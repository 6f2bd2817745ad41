"""Whatever happens between the rungs, no contract is lost or invented, and one stop protects what is left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import ETH, NOW, a_fill, a_plan, a_spec, a_stop_order, minutes
from tests.unit.exits.builders import facts
from tradingbot.core.records import Fill, OpenOrder
from tradingbot.core.types import ClientOrderId, Direction, Side
from tradingbot.engine.models import PositionsState
from tradingbot.exits.exit_engine import judge
from tradingbot.exits.ladder import rung_sizes
from tradingbot.exits.params import ExitParams, Rung
from tradingbot.exits.protection import AmendStop, CancelStop, PlaceStop, StopAction, plan_protection
from tradingbot.portfolio.book import Book, apply_fill, apply_foreign_fill
from tradingbot.portfolio.position import Position

Happening = tuple[Any, ...]
STEP, SMALLEST = Decimal("0.1"), Decimal("0.3")
LADDER = ExitParams(
    profit_targets=(),
    time_exits=(),
    ladder=tuple(Rung(share_pct=share, profit_pct=gain, after_min=0) for share, gain in ((25, 1), (50, 2), (25, 3))),
)
STOP_ID = ClientOrderId("tb-aa-1-ETHUSDT-stop0")


@dataclass
class World:
    """A book, and a venue of which only the net size is known."""

    direction: Direction
    book: Book = field(default_factory=Book)
    venue: Decimal = Decimal(0)
    fills: list[tuple[Fill, str, dict[str, Any]]] = field(default_factory=list)
    sold_by_rungs: Decimal = Decimal(0)

    @property
    def position(self) -> Position | None:
        return self.book.open_for(ETH)

    def fill(self, size: Decimal, order: str | None, **changes: Any) -> Fill:
        side = self.direction.entry_side if order == "entry" else self.direction.entry_side.opposite
        return a_fill(
            f"f{len(self.fills)}",
            size=size,
            side=side,
            time=NOW + minutes(len(self.fills)),
            client_order_id=None if order is None else ClientOrderId(f"tb-aa-1-ETHUSDT-{order}"),
            **changes,
        )

    def enter(self, steps: int) -> None:
        fill = self.fill(steps * STEP, "entry")
        self.book, _ = apply_fill(self.book, fill, a_plan(direction=self.direction))
        self.fills.append((fill, "", {}))
        self.venue += fill.size

    def leave(self, steps: int, order: str | None) -> None:
        """The stop fires, or a person closes: at most what is there."""
        size = min(steps * STEP, self.venue)
        if size == 0:
            return
        fill = self.fill(size, order)
        if order is None:
            self.book, _ = apply_foreign_fill(self.book, fill, "closed_by_hand", {})
        else:
            self.book, _ = apply_fill(self.book, fill, None, "protective_stop", {})
        self.fills.append((fill, "protective_stop", {}))
        self.venue -= size

    def cycle(self, return_pct: float, filled_share: float) -> None:
        """Judge; what is decided is filled wholly, in part or not at all, but never beyond what is there."""
        held = self.position
        if held is None:
            return
        seen = facts(
            10, return_pct, entry_size=held.entry_size, size=held.size, size_step=STEP, min_size=SMALLEST,
            direction=self.direction, in_grace=False, peak_return_pct=return_pct,
        )  # fmt: skip
        found = judge(seen, LADDER)
        if found.rule is None:
            return
        wanted = held.size if found.part is None else found.part
        assert 0 < wanted <= held.size
        assert wanted % STEP == 0
        assert wanted == held.size or wanted >= SMALLEST
        assert held.size - wanted == 0 or held.size - wanted >= SMALLEST
        traded = min(self.venue, Decimal(str(filled_share)) * wanted // STEP * STEP)
        if traded:
            fill = self.fill(traded, f"rung{found.rung}")
            context = {"rung": found.rung}
            self.book, _ = apply_fill(self.book, fill, None, found.rule, context)
            self.fills.append((fill, found.rule, context))
            self.venue -= traded
            self.sold_by_rungs += traded

    def restart(self) -> None:
        """Through the file and back."""
        state = PositionsState.from_book(self.book).model_dump(mode="json")
        self.book = PositionsState.model_validate(orjson.loads(orjson.dumps(state))).to_book()

    def repeat(self) -> None:
        """REST tells again what the stream has told."""
        for fill, rule, context in self.fills:
            plan = a_plan(direction=self.direction) if fill.side is self.direction.entry_side else None
            self.book, effect = apply_fill(self.book, fill, plan, rule, context)
            assert effect.kind == "duplicate"

    def check(self) -> None:
        open_size = self.position.size if self.position else Decimal(0)
        assert open_size == self.venue
        for one in self.book.positions:
            assert one.size >= 0
            assert one.size + one.exit_size == one.entry_size
            sizes = rung_sizes(one.entry_size, STEP, SMALLEST, LADDER.ladder)
            assert sum(sizes) == one.entry_size
        taken = [Decimal(row["size"]) for one in self.book.positions for row in one.ladder_state.values()]
        assert sum(taken) == self.sold_by_rungs


steps = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(1, 40)),
        st.tuples(st.just("cycle"), st.sampled_from([0.5, 1.0, 2.0, 2.5, 3.0]), st.sampled_from([0.0, 0.3, 0.7, 1.0])),
        st.tuples(st.just("cycle"), st.sampled_from([1.0, 2.0, 3.0]), st.just(1.0)),
        st.tuples(st.just("stop"), st.integers(1, 40)),
        st.tuples(st.just("hand"), st.integers(1, 10)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("repeat")),
    ),
    max_size=14,
)


@given(st.sampled_from([Direction.LONG, Direction.SHORT]), st.integers(3, 60), steps)
@settings(max_examples=250, deadline=None)
def test_the_ladder_loses_and_invents_nothing(
    direction: Direction, entry: int, happening: list[tuple[Any, ...]]
) -> None:
    """Fills in part, late entries, the stop, a person, restarts and repetitions in any order."""
    world = World(direction)
    world.enter(entry)
    for what, *more in happening:
        if what == "enter" and world.position is not None:  # a late fill of the same entry order
            world.enter(*more)
        elif what == "cycle":
            world.cycle(*more)
        elif what == "stop":
            world.leave(*more, "stop0")
        elif what == "hand":
            world.leave(*more, None)
        elif what == "restart":
            world.restart()
        elif what == "repeat":
            world.repeat()
        world.check()


@given(st.integers(1, 200), st.sampled_from([1.0, 2.0, 3.0]))
@settings(max_examples=60)
def test_a_rung_that_was_filled_is_not_taken_again(entry: int, return_pct: float) -> None:
    """The same cycle again, with the book that its fill made, before and after a restart, does nothing."""
    world = World(Direction.LONG)
    world.enter(entry)
    world.cycle(return_pct, 1.0)
    after = world.venue
    world.restart()
    for _ in range(3):
        world.cycle(return_pct, 1.0)
    assert world.venue == after
    world.check()


def test_the_rungs_of_one_position_are_kept_with_size_price_time_and_rule() -> None:
    """SPEC 7.4, also after a restart; averages over the fills of one rung."""
    world = World(Direction.LONG)
    world.enter(40)
    for number, (size, price) in enumerate([("0.4", 2020), ("0.6", 2030)]):
        fill = world.fill(Decimal(size), "rung0", price=Decimal(price))
        fill = replace(fill, fill_id=type(fill.fill_id)(f"r{number}"), time=NOW + minutes(number))
        world.book, _ = apply_fill(world.book, fill, None, "ladder", {"rung": 0})
        world.restart()
    assert world.position is not None
    row = {
        "size": "1.0",
        "average_price": "2026",
        "decision_mid": None,
        "time": "2026-01-05T12:01:02.000Z",
        "why": "ladder",
    }
    assert world.position.ladder_state == {"0": row}


def test_a_nearer_stop_is_kept_and_never_moves_away() -> None:
    """Only when the order asks for it; the plan then amends the price."""
    for direction, nearer in ((Direction.LONG, "2000"), (Direction.SHORT, "2000")):
        world = World(direction)
        world.enter(40)
        assert world.position is not None
        first = world.position.stop_price
        fill = world.fill(Decimal(1), "rung0")
        book, _ = apply_fill(world.book, fill, None, "ladder", {"rung": 0, "tighten_stop_to": nearer})
        assert book.positions[0].stop_price == Decimal(nearer)
        far = str(first * Decimal("0.9" if direction is Direction.LONG else "1.1"))
        book, _ = apply_fill(world.book, fill, None, "ladder", {"rung": 0, "tighten_stop_to": far})
        assert book.positions[0].stop_price == first


# ------------------------------------------------------------ the stop


@dataclass
class Guarded:
    """A position and the resting stops of a small venue; each method is something that may happen to them."""

    book: Book
    orders: dict[str, OpenOrder] = field(default_factory=dict)
    made: int = 0

    def plan(self) -> tuple[StopAction, ...]:
        mine = lambda order_id: order_id is not None and order_id.startswith("tb-aa-")  # noqa: E731
        specs = {ETH: a_spec(size_step=STEP)}
        return plan_protection(self.book.open_positions, tuple(self.orders.values()), specs, mine)

    def cycle(self) -> None:
        """The plan arrives; whether its answers do makes no difference to the venue."""
        for action in self.plan():
            self.carry_out(action)

    def lost(self) -> None:
        """Only the first thing that is asked arrives."""
        for action in self.plan()[:1]:
            self.carry_out(action)

    def carry_out(self, action: StopAction) -> None:
        if isinstance(action, PlaceStop):
            self.place(action.size, action.stop_price)
        elif isinstance(action, CancelStop):
            self.orders.pop(action.order.venue_order_id, None)
        elif action.order.venue_order_id in self.orders:
            changed = replace(self.orders[action.order.venue_order_id], size=action.size, stop_price=action.stop_price)
            self.orders[action.order.venue_order_id] = changed

    def place(self, size: Decimal, price: Decimal) -> None:
        self.made += 1
        order = a_stop_order(f"s{self.made}", size=size, stop_price=price)
        self.orders[order.venue_order_id] = order

    def doubled(self) -> None:
        self.place(Decimal(1), Decimal(1950))

    def cancelled(self) -> None:
        self.orders.clear()

    def edited(self) -> None:
        self.orders = {key: replace(one, size=one.size + STEP) for key, one in self.orders.items()}

    def forgotten(self) -> None:
        """The files lost which stop is ours."""
        for one in self.book.open_positions:
            self.book = self.book.replaced(replace(one, stop_order_id=None, stop_client_order_id=None))

    def grow(self, count: int) -> None:
        self.made += 1
        if self.book.open_positions:
            self.book, _ = apply_fill(self.book, a_fill(f"g{self.made}", size=count * STEP), a_plan())

    def reduce(self, count: int) -> Decimal:
        self.made += 1
        held = self.book.open_for(ETH)
        size = min(count * STEP, held.size) if held is not None else Decimal(0)
        if size:
            fill = a_fill(f"x{self.made}", side=Side.SELL, size=size, client_order_id=STOP_ID)
            self.book, _ = apply_fill(self.book, fill, None, "ladder")
        return size

    def stop_fills(self, count: int) -> None:
        """In part: the rest of it rests on. Whole: it is gone."""
        size = self.reduce(count)
        for key, order in list(self.orders.items())[:1]:
            left = order.size - size
            self.orders[key] = replace(order, size=left, filled=order.filled + size)
            if left <= 0:
                del self.orders[key]


events = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["reduce", "grow", "stop_fills"]), st.integers(1, 40)),
        st.tuples(st.sampled_from(["lost", "doubled", "cancelled", "edited", "cycle", "forgotten"])),
    ),
    max_size=10,
)


@given(st.integers(3, 40), events)
@settings(max_examples=200, deadline=None)
def test_one_stop_of_the_right_size_whatever_happens(entry: int, happening: list[Happening]) -> None:
    """One more plan that arrives, and there is exactly one right stop for an open position and none without."""
    guarded = Guarded(apply_fill(Book(), a_fill(size=entry * STEP), a_plan())[0])
    for what, *more in happening:
        getattr(guarded, what)(*more)
    guarded.cycle()
    expected = [(one.size, one.stop_price) for one in guarded.book.open_positions]
    assert [(order.size, order.stop_price) for order in guarded.orders.values()] == expected
    assert guarded.plan() == ()


@given(st.integers(3, 40), st.integers(1, 39))
@settings(max_examples=40, deadline=None)
def test_a_stop_follows_a_rung_without_a_moment_of_absence(entry: int, part: int) -> None:
    """It is changed in place: no cancel, no second one."""
    guarded = Guarded(apply_fill(Book(), a_fill(size=entry * STEP), a_plan())[0])
    guarded.cycle()
    guarded.reduce(part)
    kinds = [type(action) for action in guarded.plan()]
    assert kinds == ([AmendStop] if guarded.book.open_positions else [CancelStop])
