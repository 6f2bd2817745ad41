"""The loop closes: what finished trades taught changes entries and exits, and nothing before a symbol is ready."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import Any

import orjson
import pytest

from tests.builders_trades import a_trade
from tests.support import ETH, NOW, a_fill, a_plan, a_snapshot, a_symbol, a_ticker, minutes
from tests.unit.explain.test_recompute import recorded_params, stored
from tests.unit.test_decision import PARAMS, bullish
from tradingbot.core.parameters import NOTHING_LEARNED, LearnedParameters, SymbolRecord, TrackRecord, record_key
from tradingbot.core.types import Direction
from tradingbot.decision import DecisionParams, decide
from tradingbot.entering import SignalVerdict
from tradingbot.explain.recompute import recompute
from tradingbot.gates import conviction, fee_aware
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.learning.allocation import Allocations, Readiness, allocated
from tradingbot.learning.expectancy import ExpectancyLedger, entered_in_ledger
from tradingbot.learning.learned import learned_parameters
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import RealityGap, measured
from tradingbot.learning.timing import TimingOutcomes, timed
from tradingbot.learning.trade_facts import TradeFacts, facts_of
from tradingbot.portfolio.book import Book, apply_fill

LEARNING = LearningParams()
READY = Readiness(trades=30, days=7.0)


def closed(number: int, days: float, net: str, **changes: Any) -> TradeFacts:
    """The `number`-th of the trades that end within the `days` before now; every other one is 4 USD better.

    Their peaks are not known, so that no hold is learned: it would change the edge too.
    """
    changes = {"peak_fraction": None, "peak_time": None, **changes}
    result = str(Decimal(net) + (4 if number % 2 else 0))
    return facts_of(a_trade(number, result, closed=NOW - timedelta(days=days * (1 - number / 39)), **changes))


def taught(trades: list[TradeFacts], slippage_bps: float | None = None, fee_bps: float | None = None) -> Any:
    """What these trades teach, through the very functions that the post-trade handler runs."""
    ledger = reduce(lambda known, one: entered_in_ledger(known, one, 30.0), trades, ExpectancyLedger())
    timing = reduce(lambda known, one: timed(known, one, LEARNING), trades, TimingOutcomes())
    shares = reduce(lambda known, one: allocated(known, one, READY, LEARNING.allocation), trades, Allocations())
    costs = {"slippage": slippage_bps, "fees": fee_bps}
    known_costs = {name: value for name, value in costs.items() if value is not None}
    gap = RealityGap()
    for _ in range(200 if known_costs else 0):
        gap = measured(gap, ETH, "entry", known_costs, 500)
    return learned_parameters(ledger, timing, shares, gap, LEARNING)


def losing(days: float = 8.0, net: str = "-4") -> LearnedParameters:
    """40 longs of ETH with a mean of (net + 2) of 2,000 USD."""
    return taught([closed(number, days, net) for number in range(40)])  # type: ignore[no-any-return]


def verdict_of(learned: LearnedParameters, params: DecisionParams = PARAMS) -> SignalVerdict:
    decision = decide(bullish(), Book(), params, EntryPermission(), learned)
    return next(verdict for verdict in decision.signals if verdict.signal.symbol == ETH)


def factors_of(verdict: SignalVerdict) -> dict[str, float]:
    assert verdict.request is not None
    return {factor.name: factor.value for factor in verdict.request.factors}


def score_of(verdict: SignalVerdict) -> float:
    return float(dict(verdict.trail.of(conviction.NAME).reasons[0].numbers)["score"])


def test_a_ready_symbol_with_a_bad_record_gets_less() -> None:
    """Mean -10 bps: history, allocation and conviction all fall, and so does the order."""
    before, after = verdict_of(NOTHING_LEARNED), verdict_of(losing())
    assert losing().symbols[ETH].ready
    assert losing().records[record_key(ETH, Direction.LONG)].mean_net_bps == pytest.approx(-10, abs=0.5)
    for name in ("history", "allocation"):
        assert factors_of(after)[name] < factors_of(before)[name] == 1.0
    assert score_of(after) < score_of(before)
    assert before.stage == after.stage == "entered"


def test_a_good_record_gets_more() -> None:
    after = verdict_of(losing(net="2"))
    assert factors_of(after)["allocation"] > 1.0
    assert score_of(after) > score_of(verdict_of(NOTHING_LEARNED))


def test_a_symbol_that_loses_too_much_is_left_alone() -> None:
    """Below `gates.pre_entry.losing_below_bps`, and only there."""
    limit_bps = PARAMS.gates.pre_entry.losing_below_bps
    usd = Decimal(repr(limit_bps)) * 2000 / 10_000 - 2
    for net, stage in ((usd - 1, "pre_entry"), (usd + 1, "entered")):
        verdict = verdict_of(losing(net=str(net)))
        assert verdict.stage == stage
        assert ("loses_here" in [why.code for why in verdict.reasons]) is (stage == "pre_entry")


@pytest.mark.parametrize(("trades", "days"), [(29, 8.0), (40, 6.9)])
def test_a_symbol_that_is_not_ready_changes_nothing(trades: int, days: float) -> None:
    """SPEC 10.7: however much it lost. 30 trades are not enough without 7 days, nor 7 days without 30 trades."""
    learned = taught([closed(number, days, "-60") for number in range(40 - trades, 40)])
    assert not learned.symbols[ETH].ready
    assert learned.records[record_key(ETH, Direction.LONG)].mean_net_bps < PARAMS.gates.pre_entry.losing_below_bps
    blank = replace(learned, records={}, symbols={})
    for known in (blank, NOTHING_LEARNED):
        assert decide(bullish(), Book(), PARAMS, EntryPermission(), learned) == decide(
            bullish(), Book(), PARAMS, EntryPermission(), known
        )


def test_the_record_of_one_side_does_not_count_for_the_other() -> None:
    shorts = taught([closed(number, 8.0, "-60", direction=Direction.SHORT) for number in range(40)])
    assert shorts.symbols[ETH].ready
    verdict = verdict_of(shorts)
    assert (verdict.stage, factors_of(verdict)["history"]) == ("entered", 1.0)


@pytest.mark.parametrize("cost", ["slippage_bps", "fee_bps"])
def test_a_measured_cost_changes_the_verdict_of_the_fee_gate(cost: str) -> None:
    """The same signal passes with what is assumed and is stopped by what was measured; the record can be recomputed."""
    view = verdict_of(NOTHING_LEARNED).trail.of(fee_aware.NAME).saw
    assert isinstance(view, fee_aware.FeeView)
    spare_bps = fee_aware.edge_bps(view, PARAMS.gates.fee) - PARAMS.gates.fee.min_edge_bps
    assert spare_bps > 0
    dear = {cost: spare_bps / 2 * 1.3 + 6}
    cheap = {cost: 1.0}
    assert verdict_of(taught([], **cheap)).stage == "entered"
    learned = taught([], **dear)
    verdict = verdict_of(learned)
    assert (verdict.stage, [why.code for why in verdict.reasons]) == ("fee", ["edge_too_small"])
    records = stored(bullish(), decide(bullish(), Book(), PARAMS, EntryPermission(), learned))[ETH]
    assert recompute(records["universe"], records["signal"], records["cycle"], recorded_params()).mismatches == ()


def test_the_measured_fee_is_in_the_costs_and_a_view_without_it_has_the_setting() -> None:
    """Views of older records do not have the field."""
    verdict = verdict_of(taught([], fee_bps=2.0))
    view = verdict.trail.of(fee_aware.NAME).saw
    assert isinstance(view, fee_aware.FeeView)
    assert fee_aware.costs_of(view, PARAMS.gates.fee).fees_bps == pytest.approx(4.0)
    assert fee_aware.costs_of(replace(view, fee_bps=None), PARAMS.gates.fee).fees_bps == 10.0
    records = stored(bullish(), decide(bullish(), Book(), PARAMS, EntryPermission()))[ETH]
    saw = next(item["saw"] for item in records["universe"]["gates"] if item["gate"] == fee_aware.NAME)
    del saw["fee_bps"]
    assert recompute(records["universe"], records["signal"], records["cycle"], recorded_params()).mismatches == ()


@pytest.mark.parametrize(("ready", "advice"), [(True, "EXIT_SOONER"), (False, "HOLD")])
def test_a_learned_hold_changes_when_a_position_is_left(ready: bool, advice: str) -> None:
    """Held for 40 minutes where such trades are best after 20."""
    entry = a_fill(time=NOW - minutes(40))
    book = apply_fill(Book(), entry, a_plan())[0]
    snapshot = a_snapshot(a_symbol(ETH, ticker=a_ticker(ETH, "2000")))
    records = {record_key(ETH, Direction.LONG): TrackRecord(40, 3.0, 0.6, optimal_hold_min=20.0)}
    learned = LearnedParameters(NOW, records, {ETH: SymbolRecord(40, 9.0, 100.0, ready)})
    (verdict,) = decide(snapshot, book, PARAMS, EntryPermission(), learned).exits
    timing = orjson.loads(orjson.dumps(verdict.timing, default=str))
    assert timing["advice"] == advice
