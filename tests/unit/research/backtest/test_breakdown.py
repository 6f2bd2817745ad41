"""Every table of trades adds up to the run; gates, stages and components say what was counted."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.builders_backtest import a_tally, made_up
from tests.builders_trades import a_trade
from tradingbot.core.types import Direction
from tradingbot.learning.trade_facts import TradeFacts, facts_of
from tradingbot.research.backtest.breakdown import breakdown_of, trade_rows
from tradingbot.research.backtest.histogram import histogram_of
from tradingbot.research.backtest.result import SignalTally
from tradingbot.research.trade_figures import figures_of


def facts(*trades: object) -> list[TradeFacts]:
    return [facts_of(one) for one in trades]  # type: ignore[arg-type]


def test_every_table_of_trades_adds_up_to_the_run() -> None:
    trades = facts(*made_up(10, step_min=60, per_day=8).trades)
    total, found = figures_of(trades), breakdown_of(trades, a_tally())
    regimes = {one.regime: one.trades for one in found.regimes}
    for table in (found.symbols, found.directions, found.strategies, found.convictions, found.exit_rules, regimes):
        assert sum(one.count for one in table.values()) == total.count == 80
        assert sum(one.net_usd for one in table.values()) == pytest.approx(total.net_usd)
        assert sum(one.fees_usd for one in table.values()) == pytest.approx(total.fees_usd)
        counts = [one.count for one in table.values()]
        assert table is regimes or counts == sorted(counts, reverse=True)
    assert total.net_usd == pytest.approx(total.gross_usd - total.fees_usd + total.funding_usd)


def test_a_trade_counts_for_every_component_that_agreed() -> None:
    trades = facts(a_trade(1, net="8"), a_trade(2, net="-4", direction=Direction.SHORT))
    found = {one.component: one for one in breakdown_of(trades, a_tally()).components}
    assert found["hurst"].trades.net_usd == found["whale_flow"].trades.net_usd == 8.0
    assert found["funding_extreme"].trades.net_usd == -4.0
    hurst = found["hurst"]
    assert (hurst.live, hurst.long, hurst.short, hurst.judged) == (2_800, 300, 200, 490)
    assert (hurst.hit_rate, hurst.mean_move_bps) == (pytest.approx(260 / 490), 2.0)


def test_gates_and_stages_stand_in_the_order_in_which_a_signal_meets_them() -> None:
    tally = a_tally()
    tally.stages["a_new_one"] = 3
    found = breakdown_of((), tally)
    assert [one.gate for one in found.gates] == ["conviction", "fee"]
    gate = found.gates[0]
    assert (gate.passed, gate.blocked, gate.pass_share, gate.ended) == (300, 700, 0.3, 700)
    assert gate.mean_multiplier == pytest.approx(0.9)
    assert [one.stage for one in found.stages] == ["signal", "conviction", "fee", "sizing", "entered", "a_new_one"]
    assert found.stages[1].reasons == (("too_low", 700),)
    assert found.stages[1].share == pytest.approx(700 / 2_880)


def test_a_regime_without_a_trade_and_a_trade_without_a_minute_are_both_shown() -> None:
    found = breakdown_of(facts(a_trade(1, signal={"regime": "RISK_ON"})), a_tally()).regimes
    assert [(one.regime, one.minutes, one.trades.count) for one in found] == [
        ("NEUTRAL", 60_000, 0),
        ("PANIC", 26_400, 0),
        ("RISK_ON", 0, 1),
    ]
    assert found[0].share == pytest.approx(60_000 / 86_400)


def test_nothing_counted_is_nothing_shown() -> None:
    found = breakdown_of((), SignalTally())
    assert (found.symbols, found.gates, found.stages, found.components, found.regimes) == ({}, (), (), (), ())
    assert breakdown_of((), SignalTally(stages=Counter(signal=1))).stages[0].share == 0.0


def test_the_row_of_a_trade_is_what_it_was() -> None:
    (row,) = trade_rows(facts(a_trade(5, net="8")))
    assert (row.number, row.trade_id, row.symbol, row.direction, row.exit_rule) == (
        1,
        "t-5",
        "ETHUSDT",
        "long",
        "time_exit",
    )
    assert (row.entry_price, row.exit_price, row.size, row.held_min) == ("2000", "2010", "1", 30.0)
    assert (row.gross_usd, row.fees_usd, row.funding_usd, row.net_usd, row.net_bps) == (10.0, 2.0, 0.0, 8.0, 40.0)
    assert (row.return_bps, row.peak_bps, row.trough_bps) == (50.0, 50.0, -10.0)
    assert row.components == ("hurst", "whale_flow")


def test_bars_hold_every_trade_and_part_at_zero() -> None:
    found = histogram_of([-30.0, -0.01, 0.0, 5.0, 12.0, 12.0, 900.0])
    assert found is not None
    counts = [int(one.told.rsplit(" ", 2)[1]) for one in found.bars]
    assert sum(counts) == 7
    assert sum(count for count, one in zip(counts, found.bars, strict=True) if one.tone == "loss") == 2
    assert max(one.height for one in found.bars) == 100.0
    assert histogram_of([]) is None
    alike = histogram_of([3.0, 3.0])
    assert alike is not None
    assert [one.tone for one in alike.bars if one.height] == ["gain"]
    below = histogram_of([-3.0])
    assert below is not None
    assert [one.tone for one in below.bars if one.height] == ["loss"]
