"""Windows follow each other without touching their own future, and together they are one run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from tests.builders_backtest import SINCE, a_result, run_facts
from tests.builders_trades import a_trade
from tests.support import BTC, ETH
from tradingbot.research.backtest.metrics import daily_returns_of
from tradingbot.research.backtest.report import Honesty, report_of
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.walk_forward import joined, windows

UNTIL = SINCE + timedelta(days=100)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_each_test_follows_its_train_and_the_test_before() -> None:
    found = windows(SINCE, UNTIL, 30, 20)
    assert [(one.train_since, one.test_since, one.test_until) for one in found] == [
        (SINCE + days(begin), SINCE + days(begin + 30), SINCE + days(begin + 50)) for begin in (0, 20, 40)
    ]
    assert all(one.train_until == one.test_since for one in found)
    assert all(one.test_until == other.test_since for one, other in pairwise(found))
    assert [one.number for one in found] == [1, 2, 3]
    assert windows(SINCE, UNTIL, 40, 20)[-1].test_until == UNTIL


def test_anchored_windows_learn_from_everything_before() -> None:
    found = windows(SINCE, UNTIL, 30, 20, anchored=True)
    assert {one.train_since for one in found} == {SINCE}
    assert [one.test_since for one in found] == [one.test_since for one in windows(SINCE, UNTIL, 30, 20)]
    assert len(windows(SINCE, UNTIL, 30, 20, step_days=35)) == 2


def test_windows_that_make_no_sense_are_refused() -> None:
    for train, test, step, said in (
        (90, 20, None, "do not fit"),
        (30, 20, 10, "overlap"),
        (0, 20, None, "more than 0"),
    ):
        with pytest.raises(ValueError, match=said):
            windows(SINCE, UNTIL, train, test, step)


def window(number: int, usd: list[float], **changes: object) -> BacktestResult:
    since = SINCE + days(2 * number)
    facts = run_facts(name=f"window {number}", since=since, until=since + days(2), start_usd=usd[0], cycles=2)
    trade = a_trade(number + 1, closed=since + days(1))
    return a_result(usd[1:], 1_440, facts=facts, trades=[trade], digest=f"d{number}", **changes)


def test_returns_are_chained_whatever_each_window_began_with() -> None:
    parts = [window(0, [10_000, 11_000, 12_000]), window(1, [500, 450, 400]), window(2, [10_000, 10_000, 15_000])]
    found = joined(parts)
    expected = np.concatenate([daily_returns_of(one) for one in parts])
    assert daily_returns_of(found.result) == pytest.approx(expected)
    assert found.result.equity.equity_usd[-1] == pytest.approx(10_000 * 1.2 * 0.8 * 1.5)
    assert [one.total_return for one in found.windows] == pytest.approx([0.2, -0.2, 0.5])
    assert [one.trades for one in found.windows] == [1, 1, 1]
    assert [one.trade_id for one in found.result.trades] == ["t-1", "t-2", "t-3"]
    facts = found.result.facts
    assert (facts.since, facts.until, facts.cycles, facts.start_usd) == (SINCE, SINCE + days(6), 6, 10_000.0)
    assert "3 windows" in found.result.warnings[0]


def test_exposure_is_chained_as_a_share_of_the_equity() -> None:
    second = window(1, [500, 450, 400])
    second = replace(second, equity=replace(second.equity, exposure_usd=np.array([225.0, 400.0])))
    curve = joined([window(0, [10_000, 11_000, 12_000]), second]).result.equity
    assert curve.exposure_usd / curve.equity_usd == pytest.approx([0, 0, 0.5, 1.0])


def test_counts_add_up_and_prices_that_a_window_lacks_are_unknown() -> None:
    parts = [window(0, [10_000, 11_000, 12_000]), window(1, [500, 450, 400], closes={BTC: np.array([7.0, 8.0])})]
    found = joined(parts).result
    assert (found.signals.total, found.signals.stages["fee"]) == (5_760, 400)
    assert (found.signals.gates["fee"].passed, found.signals.gates["fee"].multiplied) == (1_600, 1_600.0)
    assert (found.signals.components["hurst"].right, found.signals.reasons["fee", "edge_low"]) == (520, 400)
    assert parts[0].signals.total == 2_880
    assert list(np.isnan(found.closes[ETH])) == [False, False, True, True]
    assert list(found.closes[BTC][2:]) == [7.0, 8.0]
    assert found.timings_s["cycles"] == 25.0


def test_the_digest_of_the_whole_follows_from_those_of_the_windows() -> None:
    parts = [window(0, [10_000, 11_000, 12_000]), window(1, [500, 450, 400])]
    found = joined(parts).result
    assert found.digest == joined(parts).result.digest
    assert found.digest != joined([parts[0], replace(parts[1], digest="other")]).result.digest
    assert found.facts.settings_digest == "5e77"
    assert found.checkpoints == ("c4ec", "c4ec")
    other = replace(parts[1], facts=replace(parts[1].facts, settings_digest="0"), costs={"taker_fee_pct": 1.0})
    mixed = joined([parts[0], other]).result
    assert mixed.facts.settings_digest not in ("5e77", "0")
    assert any("different costs" in one for one in mixed.warnings)


def test_what_the_windows_leave_out_is_said() -> None:
    first, second = window(0, [10_000, 11_000, 12_000]), window(2, [500, 450, 400])
    said = joined([replace(first, open_positions=2), second]).result.warnings
    assert any("open at the end of a window" in one for one in said)
    assert any("time between the windows" in one for one in said)
    assert joined([first]).result.warnings == ()
    with pytest.raises(ValueError, match="begins before window 2 ends"):
        joined([second, first])
    with pytest.raises(ValueError, match="no window"):
        joined([])


def test_each_window_shows_what_was_chosen_and_what_that_had_promised() -> None:
    parts = [window(0, [10_000, 11_000, 12_000]), window(1, [500, 450, 400])]
    rows = joined(parts, trained=parts[::-1], chosen=("fast", "slow")).windows
    assert [one.chosen for one in rows] == ["fast", "slow"]
    assert [one.train_sharpe for one in rows] == [rows[1].sharpe, rows[0].sharpe]
    assert [(one.chosen, one.train_sharpe) for one in joined(parts).windows] == [("", None)] * 2
    with pytest.raises(ValueError, match="as many trainings"):
        joined(parts, chosen=("fast",))


def test_a_walk_forward_is_reported_like_a_run() -> None:
    found = joined([window(0, [10_000, 11_000, 12_000]), window(1, [500, 450, 400])])
    report = report_of(found.result, honesty=Honesty(windows=found.windows))
    assert report.metrics.trades.count == 2
    assert [one.number for one in report.honesty.windows] == [1, 2]
