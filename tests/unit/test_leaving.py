"""From snapshot, book and what was learned to facts, verdicts and closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from tests.builders_thinking import bars, trending
from tests.support import ETH, NOW, a_fill, a_plan, a_snapshot, a_symbol, a_ticker, minutes
from tradingbot.core.parameters import NOTHING_LEARNED, LearnedParameters, SymbolRecord, TrackRecord, record_key
from tradingbot.core.records import reason
from tradingbot.core.types import Direction, Side, Timeframe
from tradingbot.exits.exit_engine import judge
from tradingbot.exits.facts import ExitFacts, facts_from
from tradingbot.exits.params import ExitParams, Rung, TimingParams
from tradingbot.leaving import LeavingParams, exit_facts, leave_positions
from tradingbot.market.snapshot import BookStats, MarketSnapshot
from tradingbot.portfolio.actions import ClosePosition
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.reading import ReadingParams, read_market

PARAMS = LeavingParams(ReadingParams(), ExitParams())
RISING = {frame: trending(frame, 1, as_of=NOW - timedelta(seconds=5)) for frame in Timeframe}
CLOSES = [100 + 0.1 * n for n in range(80)] + [108 - 0.4 * n for n in range(20)]
M5_END = NOW.replace(second=0)


def a_book(held_min: float = 15.0, direction: Direction = Direction.LONG, **plan: Any) -> Book:
    side = direction.entry_side
    entry = a_fill(side=side, time=NOW - minutes(held_min))
    return apply_fill(Book(), entry, a_plan(direction=direction, **plan))[0]


def market(mark: str = "2000", **changes: Any) -> MarketSnapshot:
    return a_snapshot(a_symbol(ETH, ticker=a_ticker(ETH, mark), **changes))


def facts_of(snapshot: MarketSnapshot, book: Book, learned: LearnedParameters = NOTHING_LEARNED) -> ExitFacts | None:
    reading = read_market(snapshot, PARAMS.reading)
    return exit_facts(snapshot, book.positions[0], PARAMS, reading, learned)


def closes_of(snapshot: MarketSnapshot, book: Book, exits: ExitParams = PARAMS.exits) -> tuple[ClosePosition, ...]:
    params = replace(PARAMS, exits=exits)
    return leave_positions(snapshot, book, params, read_market(snapshot, params.reading), NOTHING_LEARNED)[1]


def test_facts_are_signed_for_the_position() -> None:
    """The same rising market is good for a long and bad for a short."""
    snapshot = market("2020", frames=RISING, higher={Timeframe.M5: bars(CLOSES, Timeframe.M5, M5_END, ETH)})
    long = facts_of(snapshot, a_book(90))
    short = facts_of(snapshot, a_book(90, Direction.SHORT))
    assert long is not None
    assert short is not None
    assert (long.return_pct, short.return_pct) == (1.0, -1.0)
    assert long.alignment is not None
    assert short.alignment is not None
    assert long.alignment > 0.8 > 0.2 > short.alignment
    assert long.trend_5m is not None
    assert long.trend_5m > 0.5
    assert (long.trend_1m, long.trend_5m) == (-(short.trend_1m or 0), -(short.trend_5m or 0))
    assert long.ema_gap_pct is not None
    assert long.ema_gap_pct < 0 < (long.ema_best_gap_pct or 0)
    assert short.ema_gap_pct == -long.ema_gap_pct
    assert (long.held_s, long.in_grace, long.size, long.size_step) == (5400.0, False, Decimal(1), Decimal("0.001"))


def test_what_is_not_known_is_none() -> None:
    """No frames, no higher candles, no alignment at entry, nothing learned."""
    found = facts_of(market(), a_book())
    assert found is not None
    unknown = (found.alignment, found.entry_alignment, found.trend_1m, found.trend_5m, found.ema_gap_pct)
    assert {*unknown, found.ema_best_gap_pct, found.optimal_hold_min} == {None}


def test_candles_that_may_not_be_used_say_nothing() -> None:
    bad = {"candle_problems": (reason("gap"),), "frames": RISING}
    higher = {Timeframe.M5: bars(CLOSES, Timeframe.M5, M5_END, ETH)}
    found = facts_of(market(higher=higher, **bad), a_book(60))
    assert found is not None
    assert (found.alignment, found.trend_1m, found.ema_gap_pct) == (None, None, None)


def test_a_position_without_a_price_has_no_facts_and_no_verdict() -> None:
    blind = a_snapshot(a_symbol(ETH, ticker=replace(a_ticker(ETH), mark_price=None)))
    assert facts_of(blind, a_book()) is None
    reading = read_market(blind, PARAMS.reading)
    assert leave_positions(blind, a_book(), PARAMS, reading, NOTHING_LEARNED) == ((), ())


def test_the_learned_hold_counts_once_the_symbol_is_ready() -> None:
    """SPEC 10.7: not before."""
    records = {record_key(ETH, Direction.LONG): TrackRecord(40, 3.0, 0.6, optimal_hold_min=42.0)}
    ready = LearnedParameters(NOW, records, {ETH: SymbolRecord(40, 9.0, 100.0, True)})
    early = replace(ready, symbols={ETH: SymbolRecord(10, 2.0, 30.0, False)})
    holds = []
    for learned, direction in ((ready, Direction.LONG), (early, Direction.LONG), (ready, Direction.SHORT)):
        found = facts_of(market(), a_book(direction=direction), learned)
        assert found is not None
        holds.append(found.optimal_hold_min)
    assert holds == [42.0, None, None]


def test_peak_and_grace_come_from_the_position() -> None:
    book = a_book(1, grace_s=120, mtf_alignment=0.7)
    book = book.replaced(replace(book.positions[0], peak_price=Decimal(2040)))
    found = facts_of(market("2010"), book)
    assert found is not None
    assert (found.peak_return_pct, found.return_pct, found.in_grace, found.entry_alignment) == (2.0, 0.5, True, 0.7)


def test_a_rung_closes_a_part_and_says_everything() -> None:
    """SPEC 8.8: winner, every rule, timing, and the facts from which it is judged the same again."""
    (close,) = closes_of(market("2016"), a_book(15))
    assert (close.rule, close.side, close.size, close.rung) == ("ladder", Side.SELL, Decimal("0.25"), 0)
    assert close.mid_price == Decimal("2000.0")
    context = orjson.loads(orjson.dumps(close.context))
    assert (context["precedence"], context["rung"]) == ("ladder", 0)
    assert list(context["advice"]) == [
        "hard_stop",
        "force_exit",
        "exit_now",
        "profit_target",
        "time_exit",
        "strategy",
        "signal_reversal",
        "take_profit",
        "ladder",
    ]
    assert context["timing"]["advice"] == "HOLD"
    assert context["timing"]["alignment"] == "unknown"
    again = judge(facts_from(context["facts"]), PARAMS.exits)
    assert (again.rule, again.part, again.rung) == ("ladder", Decimal("0.25"), 0)
    assert "tighten_stop_to" not in context


def test_the_last_rung_closes_the_whole_and_keeps_its_number() -> None:
    book = a_book(35)
    book = book.replaced(replace(book.positions[0], size=Decimal("0.25"), exit_size=Decimal("0.75")))
    (close,) = closes_of(market("2040"), book, ExitParams(profit_targets=()))
    assert (close.rule, close.size, close.rung, close.context["rung"]) == ("ladder", Decimal("0.25"), None, 2)


def test_a_whole_close_names_no_rung() -> None:
    (close,) = closes_of(market("1950", book=None), a_book(15))
    assert (close.rule, close.size, close.rung, close.mid_price) == ("hard_stop", Decimal(1), None, None)
    assert "rung" not in close.context


@pytest.mark.parametrize(
    ("after", "mark", "expected"),
    [(0, "2016", None), (1, "2016", "2000"), (2, "2016", None), (2, "2028", "2000")],
)
def test_break_even_is_a_setting(after: int, mark: str, expected: str | None) -> None:
    """Off by default; else once so many rungs are taken."""
    (close,) = closes_of(market(mark), a_book(25), ExitParams(break_even_after_rungs=after))
    assert close.rule == "ladder"
    assert close.context.get("tighten_stop_to") == expected


def test_one_verdict_per_position_whether_it_leaves_or_not() -> None:
    snapshot = market("2000")
    verdicts, closes = leave_positions(
        snapshot, a_book(), PARAMS, read_market(snapshot, PARAMS.reading), NOTHING_LEARNED
    )
    assert closes == ()
    (one,) = verdicts
    assert (one.rule, one.part, one.timing.advice.value, one.facts.symbol) == (None, None, "HOLD", ETH)
    assert len(one.advice) == 9


def test_timing_reads_the_alignment_of_the_market() -> None:
    """Frames that all fall under a long that was opened with the trend: it is left now."""
    falling = {frame: trending(frame, -1, as_of=NOW - timedelta(seconds=5)) for frame in Timeframe}
    (close,) = closes_of(market(frames=falling), a_book(10, mtf_alignment=0.7))
    assert (close.rule, close.context["timing"]["code"]) == ("exit_now", "alignment_low")
    against = a_book(10, mtf_alignment=0.1)
    calm = ExitParams(timing=TimingParams(), ladder=(Rung(share_pct=100, profit_pct=9, after_min=0),))
    assert closes_of(market(frames=falling), against, calm) == ()


def test_strategies_speak_in_plain_numbers() -> None:
    """A hedge past its time: its word is among the facts."""
    book = a_book(60 * 40, Direction.SHORT, strategy="DefensiveHedge")
    snapshot = market(book=BookStats(NOW, 1999.9, 2000.1, 0.01, 1e6, 1e6))
    calm = ExitParams(time_exits=(), profit_targets=())
    (close,) = closes_of(snapshot, book, calm)
    (word,) = close.context["facts"]["strategy_words"]
    assert (close.rule, word["rule"], word["exit_now"]) == ("strategy", "DefensiveHedge", True)
