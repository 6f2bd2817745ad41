"""The post-trade handler: once per trade and step, also after a crash between any two of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders_trades import a_trade
from tests.fakes import MemoryDocument, MemoryJournal
from tests.support import BTC, NOW
from tradingbot.clock import SteppedClock
from tradingbot.core.types import Direction
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.engine.cycle_record import digest_of
from tradingbot.engine.execution_quality import ExecutionQuality
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.learning_models import RealityGapState, VenueMetadata
from tradingbot.engine.models import TradesState
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.post_trade import EMPTY, PostTrade
from tradingbot.engine.trade_archive import archived
from tradingbot.learning.allocation import Readiness
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import RealityGap
from tradingbot.portfolio.book import Book

PARAMS = LearningParams()
TRADES = [
    a_trade(1, "8"),
    a_trade(2, "-12", direction=Direction.SHORT),
    a_trade(3, "3.123456789012345678", symbol=BTC, strategy="trend_follower"),
    a_trade(4, "-1", closed=NOW + timedelta(minutes=30)),  # closed before the others and settled after them
    a_trade(5, "0.1", signal={"components": None}),
]


class Killed(BaseException):
    """The process dies."""


class DyingDocument(MemoryDocument):
    """A file in the middle of which the process may die. What was put before is on disk."""

    def __init__(self, left: list[int]) -> None:
        super().__init__()
        self.left = left
        self.content: bytes | None = None

    def put(self, value: Any) -> None:
        if self.left[0] == 0:
            raise Killed
        self.left[0] -= 1
        self.content = type(value).__pydantic_serializer__.to_json(value)


class Home:
    """Files that outlive the handlers that use them."""

    def __init__(self) -> None:
        self.left = [-1]
        self.files = {name: DyingDocument(self.left) for name in (*EMPTY, "reality_gap", "learned")}
        self.journal = MemoryJournal()
        self.recorded: list = []
        self.gone: list = []

    def start(self) -> PostTrade:
        """A handler on what the files hold."""
        written = [row["trade_id"] for row in self.journal.records]
        keeper = PortfolioKeeper(
            Book(),
            TradesState.model_construct(trades=self.recorded, archived=archived(self.gone)),
            MemoryDocument(),
            MemoryDocument(),
            MemoryJournal(),
            self.journal,
            IntentLog(MemoryJournal()),
            journalled_trades=written,
        )
        states = {name: self.state(name, content) for name, content in EMPTY.items()}
        gap = RealityGapState(venue_metadata=VenueMetadata(venue="fake", since=NOW), content=RealityGap())
        quality = ExecutionQuality(IntentLog(MemoryJournal()), MemoryJournal(), self.files["reality_gap"], gap, PARAMS)
        return PostTrade(keeper, SteppedClock(NOW), self.files, states, quality, PARAMS, Readiness(2, 0.01), 5.0)

    def state(self, name: str, empty: Any) -> Any:
        model, content = DOCUMENTS[name].model, self.files[name].content
        if content is not None:
            return model.model_validate_json(content)
        return model(venue_metadata=VenueMetadata(venue="fake", since=NOW), content=empty)

    def contents(self) -> dict[str, Any]:
        return {name: file.content for name, file in self.files.items() if name != "reality_gap"}

    def lines(self) -> list[str]:
        return [row["trade_id"] for row in self.journal.records]


def undisturbed() -> Home:
    home = Home()
    home.recorded = list(TRADES)
    home.start().handle()
    return home


def test_every_file_holds_every_trade_and_the_journal_has_one_line_of_each() -> None:
    home = undisturbed()
    for name in EMPTY:
        assert home.state(name, None).handled.count == len(TRADES), name
    assert home.lines() == [trade.trade_id for trade in TRADES]


def test_handling_again_changes_nothing_in_this_life_and_in_the_next() -> None:
    home = undisturbed()
    before = home.contents()
    handler = home.start()
    assert handler.handle() == len(TRADES)  # looked at anew after a start
    assert handler.handle() == 0
    assert home.contents() == before
    assert len(home.lines()) == len(TRADES)


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    home = Home()
    for count in range(1, len(TRADES) + 1):
        home.recorded = TRADES[:count]
        home.start().handle()
    assert home.contents() == undisturbed().contents()


@pytest.mark.parametrize("steps", range(len(TRADES) * len(EMPTY) + 1))
def test_a_crash_after_any_step_leaves_nothing_out_and_nothing_twice(steps: int) -> None:
    home = Home()
    home.recorded = list(TRADES)
    home.left[0] = steps
    with pytest.raises(Killed):
        home.start().handle()
    home.left[0] = -1
    home.start().handle()
    assert home.contents() == undisturbed().contents()
    assert sorted(home.lines()) == sorted(trade.trade_id for trade in TRADES)


@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.sets(st.sampled_from(list(EMPTY))))
def test_lost_files_are_made_again_as_they_were(lost: set[str]) -> None:
    home = undisturbed()
    before = home.contents()
    for name in lost:
        home.files[name].content = None
    home.start().handle()
    assert home.contents() == before


@pytest.mark.parametrize("lost", [("timing",), tuple(EMPTY), ()])
@pytest.mark.parametrize("gone", [(0, 1), (0, 3), (0, 1, 2, 3, 4)])
def test_archived_trades_come_from_the_journal(gone: tuple[int, ...], lost: tuple[str, ...]) -> None:
    """The fourth one was closed before the others, so it may leave before them."""
    home = undisturbed()
    before = home.contents()
    home.gone = [TRADES[number] for number in gone]
    home.recorded = [trade for trade in TRADES if trade not in home.gone]
    for name in lost:
        home.files[name].content = None
    handler = home.start()
    assert {step.name for step in handler.lacking} == set(lost)
    assert handler.catch_up(TRADES) == (len(TRADES) if lost else 0)
    assert handler.lacking == ()
    handler.handle()
    assert home.contents() == before


def test_an_older_copy_of_a_file_gets_the_archived_trades_that_it_lacks() -> None:
    home, whole = Home(), undisturbed()
    home.recorded = TRADES[:2]
    home.start().handle()
    for name in ("calibration", "rollout"):
        whole.files[name].content = home.files[name].content
    whole.gone, whole.recorded = TRADES[:4], TRADES[4:]
    handler = whole.start()
    assert {step.name for step in handler.lacking} == {"calibration", "rollout"}
    handler.catch_up(TRADES)
    handler.handle()
    assert whole.contents() == undisturbed().contents()


def test_archived_trades_of_another_venue_s_time_are_not_missed() -> None:
    home = Home()
    home.gone = [replace(TRADES[0], exit_time=NOW - timedelta(days=1), entry_time=NOW - timedelta(days=2))]
    home.recorded = TRADES[1:]
    assert home.start().lacking == ()
    home.gone.append(TRADES[1])
    assert {step.name for step in home.start().lacking} == set(EMPTY)


def test_a_failing_step_is_tried_again_and_the_others_go_on() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    home = Home()
    home.recorded = list(TRADES)
    handler = home.start()
    broken = home.files["timing"]
    broken.put = lambda value: (_ for _ in ()).throw(RuntimeError("no"))
    handler.handle()
    assert home.files["timing"].content is None
    assert home.state("rollout", None).handled.count == len(TRADES)
    del broken.put
    handler.handle()
    structlog.reset_defaults()
    assert home.contents() == undisturbed().contents()


def test_trades_of_another_venue_s_time_are_left_out() -> None:
    home = Home()
    home.recorded = [replace(TRADES[0], exit_time=NOW - timedelta(days=1)), TRADES[1]]
    home.start().handle()
    assert home.state("attribution", None).content.dimensions["symbol"]["ETHUSDT"].net_usd == Decimal(-12)


def test_what_was_learned_is_written_with_the_hash_that_cycles_name() -> None:
    home = Home()
    home.recorded = list(TRADES)
    handler = home.start()
    assert handler.learned().records == {}
    handler.handle()
    written = DOCUMENTS["learned"].model.model_validate_json(home.files["learned"].content)
    assert written.hash == digest_of(handler.learned())
    assert written.parameters == handler.learned()
    assert handler.learned().records["ETHUSDT:short"].trades == 1
    assert b'"_venue_metadata":{"venue":"fake"' in home.files["learned"].content
