"""Profit, entries, fees, funding and margin agree with the published examples."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from tradingbot.simulator.arithmetic import average_entry, fee, position_after, profit
from tradingbot.simulator.funding import HOUR_MS, absolute_rate, accrued, relative_rate
from tradingbot.simulator.instruments import CATALOGUE, MarginStep
from tradingbot.simulator.margin import liquidation_level, requirement

LTC, XBT, ETH, INVERSE, INVERSE_ETH = (
    CATALOGUE[symbol] for symbol in ("PF_LTCUSD", "PF_XBTUSD", "PF_ETHUSD", "PI_XBTUSD", "PI_ETHUSD")
)


def test_linear_profit_of_the_recorded_position() -> None:
    assert float(profit(LTC, D("0.5"), D("70.53"), D("68.80433882446"))) == pytest.approx(-0.86283, abs=1e-5)


def test_inverse_profit_is_in_coin_and_concave() -> None:
    assert profit(INVERSE, D(1000), D(8000), D(10000)) == D("0.025")
    assert profit(INVERSE, D(-1000), D(8000), D(10000)) == D("-0.025")


def test_average_entry_is_arithmetic_for_linear_and_harmonic_for_inverse() -> None:
    assert average_entry(ETH, D(1), D(3000), D(3), D(2000)) == D(2250)
    assert average_entry(INVERSE, D(1000), D(8000), D(1000), D(10000)).quantize(D("0.0001")) == D("8888.8889")


def test_reducing_keeps_the_entry_and_reversing_starts_anew() -> None:
    assert position_after(ETH, D(2), D(100), D(-1), D(110)) == (D(1), D(100), D(10))
    assert position_after(ETH, D(2), D(100), D(-3), D(110)) == (D(-1), D(110), D(20))
    assert position_after(ETH, D(2), D(100), D(-2), D(90)) == (D(0), D(0), D(-20))


def test_fees_of_the_recorded_trades() -> None:
    assert fee(ETH, D("0.001"), D(3162), D("0.0005")) == D("0.001581")
    assert float(fee(INVERSE_ETH, D(5000), D("364.65"), D("0.0005"))) == pytest.approx(0.00685588921, abs=1e-11)
    assert fee(ETH, D(1), D(100), D("-0.0001")) == D("-0.01")


def test_margin_of_the_recorded_positions() -> None:
    assert requirement(LTC, D("0.5"), D("70.53"), None)[0] == D("0.7053")
    inverse_xrp = CATALOGUE["PI_XRPUSD"]
    assert float(requirement(inverse_xrp, D(500), D("0.4925844"), None)[0]) == pytest.approx(101.5054475943615)


def test_a_fixed_leverage_raises_initial_margin_only() -> None:
    assert requirement(XBT, D("0.1"), D(60000), D(5)) == (D(1200), D(30))


def test_the_margin_step_covers_the_whole_position() -> None:
    assert XBT.margin_at(D(999_999)) == MarginStep(D(0), D("0.01"), D("0.005"))
    assert XBT.margin_at(D(1_000_000)) == MarginStep(D(1_000_000), D("0.02"), D("0.01"))


def test_the_published_inverse_liquidation_price() -> None:
    price = liquidation_level(INVERSE, D(1000), D(8000), D("0.01"))
    assert float(price) == pytest.approx(7481.5, abs=0.05)
    bankrupt = 1000 / (D("0.01") + 1000 / D(8000))
    assert float(bankrupt) == pytest.approx(7407.4, abs=0.05)


@pytest.mark.parametrize("size", [D("0.5"), D("-0.5")])
def test_at_the_linear_liquidation_price_equity_equals_maintenance(size: D) -> None:
    price = liquidation_level(ETH, size, D(3000), D(100))
    equity = D(100) + size * (price - D(3000))
    assert float(equity) == pytest.approx(float(abs(size) * D(3000) * D("0.01")))


def test_funding_is_absolute_and_longs_pay_a_positive_rate() -> None:
    assert float(absolute_rate(XBT, 1.089345e-5, D(83764))) == pytest.approx(0.912482, abs=1e-5)
    assert float(absolute_rate(INVERSE, 1e-5, D(50000))) == pytest.approx(2e-10)
    assert accrued(XBT, D(2), D("0.9"), 0, HOUR_MS) == D("-1.8")
    assert accrued(XBT, D(-2), D("0.9"), 0, HOUR_MS // 2) == D("0.9")


def test_the_funding_rate_spreads_the_premium_and_is_capped() -> None:
    assert relative_rate([0.0008] * 60, 8, 0.005) == pytest.approx(0.0001)
    assert relative_rate([0.5] * 60, 8, 0.005) == 0.005
    assert relative_rate([], 8, 0.005) == 0.0
