"""The counterfactual ledger cycle by cycle: entries, stops, rules, rungs, costs, funding, and what it never does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.support import BTC, ETH, NOW, a_snapshot, a_stamp, a_symbol, a_ticker
from tests.unit.test_decision import PARAMS, bullish
from tradingbot.core.parameters import NOTHING_LEARNED, LearnedParameters
from tradingbot.core.types import Direction, Timeframe
from tradingbot.counterfactual.lines import line_of
from tradingbot.counterfactual.model import Closed, Ledger, Track, Virtual
from tradingbot.counterfactual.prices import leg_parts, way_at
from tradingbot.counterfactual.step import STOP_RULE, TOO_OLD, step
from tradingbot.decision import Decision, DecisionParams, OpenPosition, decide
from tradingbot.exits.params import ExitParams, Rung
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.learning.gate_feedback import outcome_of
from tradingbot.leaving import LeavingParams, leave, scene_of
from tradingbot.market.candles import Candles
from tradingbot.market.intelligence import FundingRates
from tradingbot.market.snapshot import BookStats, MarketSnapshot
from tradingbot.portfolio.book import Book
from tradingbot.reading import read_market

OWN = CounterfactualParams()
FREE = EntryPermission()
FIRST = bullish()
PRICE = float(FIRST.symbols[ETH].mark_price or 0)


def decided(snapshot: MarketSnapshot, params: DecisionParams = PARAMS, why: tuple[str, ...] = ()) -> Decision:
    return decide(snapshot, Book(), params, EntryPermission(why) if why else FREE)


def quiet(minute: float, price: float, low: float = 0.0, high: float = 0.0, **changes: Any) -> MarketSnapshot:
    """ETH at a price some minutes later, nothing to signal; its newest minute candle reached `low` and `high`."""
    at = NOW + timedelta(minutes=minute)
    newest = int(at.timestamp() // 60 - 1) * 60_000
    column = np.array([price])
    bar = Candles(
        ETH, Timeframe.M1, np.array([newest]), np.array([changes.pop("begin", price)]),
        np.array([high or price]), np.array([low or price]), column, column,
    )  # fmt: skip
    book = BookStats(at, price - 0.1, price + 0.1, 0.01, 1e6, 1e6)
    part = replace(
        a_symbol(ETH), candles=bar, features=None, ticker=a_ticker(ETH, str(price), as_of=at), book=book, **changes
    )
    return a_snapshot(part, as_of=at, cycle_id=f"{at:%Y%m%dT%H%M}")


def entered(params: DecisionParams = PARAMS, own: CounterfactualParams = OWN, **changes: Any) -> Ledger:
    """After the cycle in which ETH was bought."""
    return step(Ledger(), FIRST, decided(FIRST, params, **changes), params, own, NOTHING_LEARNED)[0]


def after(
    ledger: Ledger, snapshot: MarketSnapshot, params: DecisionParams = PARAMS, own: CounterfactualParams = OWN
) -> tuple[Ledger, tuple[Closed, ...]]:
    return step(ledger, snapshot, decided(snapshot, params), params, own, NOTHING_LEARNED)


def only(ledger: Ledger) -> Virtual:
    (one,) = ledger.open[ETH]
    return one


def test_a_taken_signal_is_entered_as_it_was_ordered() -> None:
    """Size of the order, touch of the book plus slippage, stop and grace of the plan."""
    (action,) = [a for a in decided(FIRST).actions if isinstance(a, OpenPosition) and a.symbol == ETH]
    one, book = only(entered()), FIRST.symbols[ETH].book
    assert book is not None
    assert one.position.size == action.size
    assert one.entry.touch == book.best_ask
    assert one.entry.fill == pytest.approx(book.best_ask * 1.0002)
    assert one.position.entry_price == Decimal(repr(one.entry.fill))
    assert one.position.stop_price == one.position.entry_price * (1 - action.plan.stop_fraction)
    assert one.position.grace_until == one.position.entry_time + timedelta(seconds=action.plan.grace_s)
    assert one.position.mtf_alignment == action.plan.mtf_alignment
    assert (one.origin.taken, one.origin.stage, one.origin.blockers) == (True, "entered", ())
    assert one.origin.notional_usd == float(action.adjusted_usd)


def test_a_blocked_signal_is_carried_too_and_says_by_whom_it_was_blocked() -> None:
    """It never had a size, so it has the nominal one, in whole steps of the contract."""
    one = only(entered(why=("downtime",)))
    assert (one.origin.taken, one.origin.stage) == (False, "policy") or one.origin.stage == "pre_entry"
    assert one.origin.blockers
    assert (one.origin.sized, one.origin.notional_usd) == (False, 1000.0)
    assert one.position.size % Decimal("0.001") == 0
    assert float(one.position.size) * one.entry.fill == pytest.approx(1000, abs=0.001 * one.entry.fill)


def test_learned_costs_are_those_of_the_fee_gate() -> None:
    """Slippage and fee of the symbol where they were learned."""
    learned = LearnedParameters(slippage_bps={ETH: 7.0}, fee_bps={ETH: 1.5})
    ledger, _ = step(Ledger(), FIRST, decided(FIRST), PARAMS, OWN, learned)
    one = only(ledger)
    assert (one.slippage_bps, one.fee_bps) == (7.0, 1.5)
    assert one.entry.fill == pytest.approx(one.entry.touch * 1.0007)


@pytest.mark.parametrize("stale", ["book", "ticker"])
def test_nothing_is_entered_at_a_price_that_is_too_old(stale: str) -> None:
    """Such a signal is counted as skipped."""
    old = bullish(stale=(stale,))
    ledger, _ = step(Ledger(), old, decided(old), PARAMS, OWN, NOTHING_LEARNED)
    assert ETH not in ledger.open
    assert ledger.skipped >= 1


def test_the_stop_fires_within_the_minute() -> None:
    """The candle's low reached it, though the price came back: sold below the stop by half the spread and slippage."""
    stop = float(only(entered()).position.stop_price)
    ledger, (closed,) = after(entered(), quiet(1, PRICE, low=stop - 1))
    assert ledger.open == {}
    assert (closed.rule, closed.fills) == (STOP_RULE, 1)
    assert stop * 0.9995 < closed.exit_price < stop
    assert -275 < closed.parts.net < -255


def test_a_gap_beyond_the_stop_is_sold_at_the_opening() -> None:
    """No stop sells above where the market opened."""
    begin = PRICE * 0.95
    _, (closed,) = after(after(entered(), quiet(1, PRICE))[0], quiet(2, PRICE, low=begin - 1, begin=begin))
    assert closed.exit_price == pytest.approx(begin, rel=0.001)
    assert closed.parts.net < -480


def test_a_low_above_the_stop_closes_nothing_and_is_looked_at_once() -> None:
    """The same candle does not count a second time, and one of before the entry not at all."""
    stop = float(only(entered()).position.stop_price)
    ledger, closed = after(entered(), quiet(1, PRICE, low=stop + 1))
    assert (closed, ledger.count) == ((), 1)
    past = quiet(0, PRICE, low=stop - 1)
    assert after(entered(), past)[1] == ()


def test_every_rule_of_real_exits_acts_and_grace_holds() -> None:
    """A loss beyond the limit is closed at once; a gain of 2 % waits until the grace is over."""
    _, (lost,) = after(entered(), quiet(1, PRICE * 0.974, low=PRICE))
    assert lost.rule == "hard_stop"
    ledger, none = after(entered(), quiet(1, PRICE * 1.022))
    assert none == ()
    _, (won,) = after(ledger, quiet(6, PRICE * 1.022))
    assert won.rule == "profit_target"
    assert won.peak_bps == pytest.approx(218, abs=3)


def test_a_virtual_position_is_judged_as_a_real_one() -> None:
    """The same position in the same scene: one function, one verdict."""
    ledger = after(entered(), quiet(1, PRICE))[0]
    snapshot = quiet(31, PRICE * 1.006)
    reading, leaving = read_market(snapshot, PARAMS.reading), LeavingParams(PARAMS.reading, PARAMS.exits)
    scene = scene_of(snapshot, ETH, leaving, reading)
    assert scene is not None
    verdict, _ = leave(scene, only(ledger).position, leaving, NOTHING_LEARNED)
    _, closed = after(ledger, snapshot)
    assert verdict.rule == (closed[0].rule if closed else None) == "profit_target"


def test_rungs_are_taken_one_by_one() -> None:
    """A quarter, a half and the rest, each at its price; the whole is their average by contracts."""
    rungs = (
        Rung(share_pct=25, profit_pct=0.8, after_min=0),
        Rung(share_pct=50, profit_pct=1.4, after_min=0),
        Rung(share_pct=25, profit_pct=1.9, after_min=0),
    )
    exits = ExitParams(ladder=rungs, profit_targets=())
    params = replace(PARAMS, exits=exits)
    ledger = entered(params)
    size = only(ledger).position.size
    for minute, gain in ((10, 1.009), (11, 1.015)):
        ledger, closed = after(ledger, quiet(minute, PRICE * gain), params)
        assert closed == ()
    assert float(only(ledger).position.size / size) == pytest.approx(0.25, abs=0.05)
    _, (whole,) = after(ledger, quiet(12, PRICE * 1.0205), params)
    assert (whole.rule, whole.fills) == ("ladder", 3)
    shares = (0.25 * 1.009 + 0.5 * 1.015 + 0.25 * 1.0205 - 1) * 10_000
    assert whole.parts.gross == pytest.approx(shares, abs=3)
    assert whole.parts.fees == pytest.approx(10.07, abs=0.05)


def test_a_position_that_nothing_closes_is_closed_by_the_clock() -> None:
    """And one whose symbol has no price any more is forgotten, and counted."""
    loose = ExitParams(time_exits=(), profit_targets=(), ladder=())
    params, own = replace(PARAMS, exits=loose), CounterfactualParams(max_hold_h=2)
    _, (closed,) = after(entered(params, own), quiet(121, PRICE), params, own)
    assert closed.rule == TOO_OLD
    gone = a_snapshot(a_symbol(BTC), as_of=NOW + timedelta(hours=5))
    ledger, none = after(entered(params, own), gone, params, own)
    assert (none, ETH in ledger.open, ledger.lost) == ((), False, 1)


@pytest.mark.parametrize(("rate_8h", "sign"), [(0.0008, -1), (-0.0008, 1)])
def test_funding_accrues_by_the_time_held(rate_8h: float, sign: int) -> None:
    """A long pays a rate above 0: 1 bp an hour at 8 bps per 8 hours."""
    rates = FundingRates(a_stamp(), rate_8h, 1)
    ledger = entered()
    for minute in range(1, 61):
        ledger, closed = after(ledger, quiet(minute, PRICE, venue_funding=rates))
        assert not closed
    _, (closed_one,) = after(ledger, quiet(61, PRICE * 0.97, venue_funding=rates))
    assert closed_one.parts.funding == pytest.approx(sign * 61 / 60, abs=0.02)


def test_parts_add_up_and_the_line_tells_them() -> None:
    """Net is gross less every cost; spread and slippage are what was assumed, on both sides."""
    _, (closed,) = after(entered(), quiet(1, PRICE * 0.97))
    row = line_of(closed, NOW)
    costs = row["spread_bps"] + row["slippage_bps"] + row["fees_bps"]
    assert row["net_bps"] == pytest.approx(row["gross_bps"] - costs + row["funding_bps"], abs=0.001)
    assert row["slippage_bps"] == pytest.approx(4, abs=0.2)
    assert row["fees_bps"] == pytest.approx(10, abs=0.2)
    assert row["signal_id"] == f"{FIRST.cycle_id}-{ETH}"
    found = outcome_of(row)
    assert (found.taken, found.net_bps, found.symbol) == (True, row["net_bps"], ETH)


STEPS: tuple[Callable[[float], MarketSnapshot], ...] = (
    lambda move: quiet(1, PRICE * (1 + move / 4)),
    lambda move: quiet(7, PRICE * (1 + move / 2), low=PRICE * (1 - abs(move))),
    lambda move: quiet(200, PRICE * (1 + move)),
    lambda move: quiet(700, PRICE * (1 + move / 3)),
)


@given(move=st.floats(-0.04, 0.04))
def test_a_ledger_from_its_file_goes_on_the_same(move: float) -> None:
    """Written and read back after every cycle, it comes to the same results to the last digit."""
    adapter = TypeAdapter(Ledger)
    whole = kept = entered()
    for made in STEPS:
        snapshot = made(move)
        whole, closed = after(whole, snapshot)
        kept = adapter.validate_json(adapter.dump_json(kept))
        kept, again = after(kept, snapshot)
        assert again == closed
    assert kept == whole


@given(price=st.floats(100, 10_000), move=st.floats(-0.02, 0.02), fee=st.floats(0, 10), slip=st.floats(0, 20))
def test_what_is_left_is_what_an_account_would_have(price: float, move: float, fee: float, slip: float) -> None:
    """The net result is that of buying and selling one contract at the fills, less the fees on both."""
    base = only(entered())
    enter = way_at(price, 0.0003, base.position.direction.entry_side, slip)
    leave_at = way_at(price * (1 + move), 0.0005, base.position.direction.entry_side.opposite, slip)
    one = replace(base, entry=enter, fee_bps=fee, slippage_bps=slip)
    parts = one.paid.plus(leg_parts(one, leave_at, 1.0, Track(NOW, one.funding_mark, 0)))
    earned = leave_at.fill - enter.fill - fee / 1e4 * leave_at.fill
    assert parts.net - base.paid.net == pytest.approx(earned / enter.fill * 1e4, abs=1e-6)
    assert parts.spread > 0
    assert parts.slippage >= -1e-9
    assert base.position.direction is Direction.LONG
