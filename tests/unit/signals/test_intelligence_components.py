"""The components that rest on intelligence: direction, threshold, silence with a reason; and the intelligence score."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support import BTC, ETH, NOW, a_snapshot, a_stamp, a_symbol
from tradingbot.core.records import reason
from tradingbot.core.types import Direction
from tradingbot.market.intelligence import (
    ExchangeFlow,
    FearGreed,
    Feed,
    FundingRates,
    FundingStats,
    Liquidations,
    LiquidationWindow,
    MarketIntel,
    OpenInterest,
    OptionSkew,
    SymbolIntel,
    TakerFlow,
    WhaleTransfers,
)
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.market_intelligence import intelligence_score
from tradingbot.signals.params import IntelligenceParams, SignalParams, SignalThresholds, SkewParams
from tradingbot.signals.predictive_flow_engine import flow_signal, read_components
from tradingbot.signals.table import COMPONENTS

L, S, N = Direction.LONG, Direction.SHORT, Direction.NEUTRAL
PARAMS = SignalParams()
STRICT = SignalParams(
    thresholds=SignalThresholds(
        liquidation_volume_usd=100_000,
        whale_flow_usd=1_000_000,
        funding_deviation=0.0002,
        fear_greed_low=20,
        fear_greed_high=80,
        oi_change_pct=2.0,
    )
)


def walk(drift: float = 0.0) -> np.ndarray:
    """A noisy price that drifted in its last four hours."""
    steps = np.random.default_rng(5).normal(0, 0.0005, 400)
    steps -= steps.mean()
    for part in (slice(-240, -60), slice(-60, None)):
        steps[part] += drift - steps[part].mean()
    return 2000 * np.exp(np.cumsum(steps))


def snapshot(intel: SymbolIntel | None = None, market: MarketIntel | None = None, **changes: Any) -> MarketSnapshot:
    part = a_symbol(ETH, changes.pop("closes", walk()), intel=intel or SymbolIntel(), **changes)
    return replace(a_snapshot(part), intel=market or MarketIntel())


def said(name: str, seen: MarketSnapshot, params: SignalParams = PARAMS) -> ComponentReading:
    return COMPONENTS[name](seen, ETH, params)


def liquidated(long_usd: float, short_usd: float, day_usd: float = 1e6) -> SymbolIntel:
    day = LiquidationWindow(a_stamp(), 86_400, day_usd / 2, day_usd / 2)
    return SymbolIntel(liquidations=Liquidations(LiquidationWindow(a_stamp(), 3600, long_usd, short_usd), None, day))


# ---------------------------------------------------------------- liquidations


@pytest.mark.parametrize(
    ("long_usd", "short_usd", "direction"),
    [(60_000, 5_000, S), (5_000, 60_000, L), (30_000, 29_000, N), (20_000, 5_000, N)],
)
def test_a_cascade_is_followed(long_usd: float, short_usd: float, direction: Direction) -> None:
    """Liquidated longs push down; balanced or small liquidations say nothing (SPEC 4.2: 50 k on paper)."""
    assert said("liquidation_cascade", snapshot(liquidated(long_usd, short_usd))).direction is direction


def test_live_asks_for_twice_the_liquidations() -> None:
    """SPEC 4.2: 100 k live."""
    seen = snapshot(liquidated(80_000, 5_000))
    assert said("liquidation_cascade", seen).direction is S
    assert said("liquidation_cascade", seen, STRICT).direction is N


def test_a_sudden_cascade_is_surer_than_a_steady_trickle() -> None:
    """The same hour counts more after a quiet day."""
    sudden = said("liquidation_cascade", snapshot(liquidated(90_000, 5_000, day_usd=2e5)))
    steady = said("liquidation_cascade", snapshot(liquidated(90_000, 5_000, day_usd=5e6)))
    assert sudden.confidence > 1.5 * steady.confidence > 0


# ---------------------------------------------------------------- whales


@pytest.mark.parametrize(("net_usd", "direction"), [(6e5, S), (-6e5, L), (1e5, N), (-2.4e5, N)])
def test_inflow_is_bearish_and_outflow_bullish(net_usd: float, direction: Direction) -> None:
    """SPEC 4.2: 250 k USD on paper."""
    assert said(
        "whale_flow", snapshot(SymbolIntel(exchange_flow=ExchangeFlow(a_stamp(), 86_400, net_usd)))
    ).direction is (direction)


def test_sources_that_contradict_each_other_weaken_whale_flow() -> None:
    """Coins leave by the balances and arrive by the transfers."""
    flow, moves = ExchangeFlow(a_stamp(), 86_400, -3e6, 1e6), WhaleTransfers(a_stamp(), 3600, 3e6, 1e5, 5)
    alone = said("whale_flow", snapshot(SymbolIntel(exchange_flow=flow)))
    both = said("whale_flow", snapshot(SymbolIntel(exchange_flow=flow, whale_transfers=moves)))
    assert alone.direction is L
    assert both.confidence < 0.5 * alone.confidence


# ---------------------------------------------------------------- funding


def paid(rate: float, mean: float = 0.0001, std: float = 0.00005, count: int = 90) -> SymbolIntel:
    return SymbolIntel(
        funding=FundingRates(a_stamp(), rate, 10), funding_stats=FundingStats(a_stamp(), mean, std, count)
    )


@pytest.mark.parametrize(("rate", "direction"), [(0.0004, S), (-0.0002, L), (0.00015, N)])
def test_extreme_funding_is_faded(rate: float, direction: Direction) -> None:
    """SPEC 4.2: deviation of 0.0001 on paper."""
    assert said("funding_extreme", snapshot(paid(rate))).direction is direction


def test_a_deviation_that_is_usual_here_is_not_extreme() -> None:
    """Within one standard deviation of this symbol's own funding."""
    assert said("funding_extreme", snapshot(paid(0.0003, std=0.0005))).direction is N


def test_the_traded_venues_own_funding_goes_first() -> None:
    """Its rate and its history; others only when it tells none."""
    own, stats = FundingRates(a_stamp(source="venue"), -0.0006, 1), FundingStats(a_stamp(), 0.0, 0.0001, 100)
    reading = said("funding_extreme", snapshot(paid(0.0006), venue_funding=own, venue_funding_stats=stats))
    assert reading.direction is L
    assert dict(reading.reasons[0].numbers)["source"] == "venue"


# ---------------------------------------------------------------- fear & greed


@pytest.mark.parametrize(("value", "direction"), [(10, L), (15, N), (50, N), (85, N), (90, S)])
def test_fear_is_bought_and_greed_sold(value: float, direction: Direction) -> None:
    """SPEC 4.2: below 15 and above 85 on paper."""
    seen = snapshot(market=MarketIntel(fear_greed=FearGreed(a_stamp(), value)))
    assert said("fear_greed", seen).direction is direction


# ---------------------------------------------------------------- volatility skew


@pytest.mark.parametrize(("sign", "direction"), [(-1, S), (1, L)])
def test_the_larger_moves_decide_the_skew(sign: int, direction: Direction) -> None:
    """A few large moves one way among small ones the other way."""
    steps = np.where(np.arange(400) % 8 == 0, sign * 0.004, -sign * 0.0005)
    reading = said("volatility_skew", snapshot(closes=2000 * np.exp(np.cumsum(steps))))
    assert reading.direction is direction
    assert dict(reading.reasons[0].numbers)["source"] == "realised"


def smile(put: float, call: float, **changes: Any) -> SymbolIntel:
    stamp = replace(a_stamp(source="deribit"), origin=changes.pop("origin", ""))
    return SymbolIntel(option_skew=OptionSkew(stamp, put, call, 50.0, 30.0), **changes)


FALLS = 2000 * np.exp(np.cumsum(np.where(np.arange(400) % 8 == 0, 0.004, -0.0005)))
"""Few large rises: the realised skew alone says LONG."""


@pytest.mark.parametrize(("put", "call", "direction"), [(54, 50, S), (50, 54, L), (51, 50, N)])
def test_where_options_are_told_the_dearer_side_decides(put: float, call: float, direction: Direction) -> None:
    reading = said("volatility_skew", snapshot(smile(put, call), closes=FALLS))
    assert (reading.direction, reading.live) == (direction, True)
    assert reading.value == pytest.approx((put - call) / 50)
    (why,) = reading.reasons
    assert (why.code, dict(why.numbers)["source"]) == ("option_skew", "deribit")
    assert reading.age_s(NOW) == pytest.approx(10.0)


def test_the_option_skew_has_a_threshold_of_its_own_and_needs_no_candles() -> None:
    seen = snapshot(smile(52, 50, origin="synthetic"), candle_problems=(reason("candles_stale"),))
    assert said("volatility_skew", seen).direction is N
    wide = SignalParams(skew=SkewParams(min_option_skew=0.03))
    reading = COMPONENTS["volatility_skew"](seen, ETH, wide)
    assert reading.direction is S
    assert dict(reading.reasons[0].numbers)["source"] == "deribit, synthetic"


@pytest.mark.parametrize("code", ["stale", "source_failing", "not_received_yet"])
def test_an_option_feed_that_is_out_gives_way_to_the_realised_skew_and_is_named(code: str) -> None:
    intel = smile(60, 50, problems={Feed.OPTION_SKEW: (reason(code),)})
    reading = said("volatility_skew", snapshot(intel, closes=FALLS))
    assert reading.direction is L
    assert [why.code for why in reading.reasons] == ["semivariance_skew", "option_skew_unusable"]
    assert dict(reading.reasons[0].numbers)["source"] == "realised"
    assert dict(reading.reasons[1].numbers) == {"why": code}
    blinded = said("volatility_skew", snapshot(intel, candle_problems=(reason("candles_stale"),)))
    assert [why.code for why in blinded.reasons] == ["candles_stale", "option_skew_unusable"]


@pytest.mark.parametrize("code", ["no_option_source", "not_covered"])
def test_nobody_misses_an_option_skew_that_is_not_configured(code: str) -> None:
    intel = SymbolIntel(problems={Feed.OPTION_SKEW: (reason(code),)})
    (why,) = said("volatility_skew", snapshot(intel, closes=FALLS)).reasons
    assert why.code == "semivariance_skew"


# ---------------------------------------------------------------- open interest


def interest(change_pct: float, window: str) -> SymbolIntel:
    return SymbolIntel(open_interest=OpenInterest(a_stamp(), 1e9, {window: change_pct}, in_usd=False))


@pytest.mark.parametrize(
    ("change", "drift", "direction"), [(2.0, 1e-4, L), (2.0, -1e-4, S), (-2.0, 1e-4, N), (0.2, 1e-4, N), (2.0, 0, N)]
)
def test_new_positions_follow_the_move(change: float, drift: float, direction: Direction) -> None:
    """SPEC 4.2: 0.5 % on paper."""
    assert said("oi_velocity", snapshot(interest(change, "1h"), closes=walk(drift))).direction is direction


@pytest.mark.parametrize(
    ("change", "drift", "direction"), [(-2.0, 1e-4, S), (-2.0, -1e-4, L), (2.0, 1e-4, N), (-0.2, 1e-4, N)]
)
def test_a_move_without_new_positions_is_faded(change: float, drift: float, direction: Direction) -> None:
    """Rising on covering shorts is SHORT, falling on longs that give up is LONG."""
    assert said("oi_price_divergence", snapshot(interest(change, "4h"), closes=walk(drift))).direction is direction


def test_a_change_in_usd_is_freed_of_the_price() -> None:
    """Open interest in USD that fell exactly as much as the price has not changed."""
    closes = walk(-1e-4)
    fall_pct = (closes[-1] / closes[-61] - 1) * 100
    told = SymbolIntel(open_interest=OpenInterest(a_stamp(), 1e9, {"1h": fall_pct}))
    reading = said("oi_velocity", snapshot(told, closes=closes))
    assert reading.value == pytest.approx(0.0, abs=1e-4)


# ---------------------------------------------------------------- silence


INTELLIGENCE = {
    "liquidation_cascade": Feed.LIQUIDATIONS,
    "whale_flow": Feed.EXCHANGE_FLOW,
    "funding_extreme": Feed.FUNDING,
    "oi_velocity": Feed.OPEN_INTEREST,
    "oi_price_divergence": Feed.OPEN_INTEREST,
}


@pytest.mark.parametrize("name", INTELLIGENCE)
def test_a_quarantined_feed_makes_its_component_blind(name: str) -> None:
    """The value is still there, but it has a problem: NEUTRAL, not live, with the problem as reason."""
    intel = replace(
        liquidated(90_000, 100),
        exchange_flow=ExchangeFlow(a_stamp(), 86_400, 9e6),
        funding=FundingRates(a_stamp(), 0.001, 10),
        funding_stats=FundingStats(a_stamp(), 0.0, 0.0001, 90),
        open_interest=OpenInterest(a_stamp(), 1e9, {"1h": 5.0, "4h": -5.0}),
    )
    assert said(name, snapshot(intel, closes=walk(1e-4))).direction is not N
    broken = replace(intel, problems={INTELLIGENCE[name]: (reason("stale", age_s=9e9),)})
    reading = said(name, snapshot(broken, closes=walk(1e-4)))
    assert (reading.direction, reading.live, reading.reasons[0].code) == (N, False, "stale")


def test_without_anything_every_component_is_neutral_and_says_why() -> None:
    """Ten readings, none invented; those of candles live when there are candles."""
    readings = read_components(snapshot(), ETH, PARAMS)
    assert [one.name for one in readings] == list(COMPONENTS) == list(PARAMS.weights.by_name)
    assert all(one.reasons for one in readings)
    live = {one.name for one in readings if one.live}
    assert live == {"hurst", "volatility_skew"}


def test_candles_under_quarantine_blind_what_rests_on_them() -> None:
    """Also the leader's candles for those who follow it."""
    why = (reason("candles_stale", age_s=600.0),)
    parts = (a_symbol(BTC, walk(), candle_problems=why), a_symbol(ETH, walk()))
    followed = {one.name: one for one in read_components(a_snapshot(*parts), ETH, PARAMS)}
    assert followed["btc_lead_lag"].reasons == why
    assert followed["hurst"].live
    own = {one.name: one for one in read_components(a_snapshot(*parts), BTC, PARAMS)}
    assert not own["hurst"].live
    assert not own["volatility_skew"].live


def test_every_reading_tells_its_age() -> None:
    """Age follows from the time the newest input was true."""
    reading = said("liquidation_cascade", snapshot(liquidated(90_000, 100)))
    assert reading.age_s(NOW) == pytest.approx(10.0)
    assert flow_signal(snapshot(liquidated(90_000, 100)), ETH, PARAMS).live == 3


# ---------------------------------------------------------------- intelligence score (SPEC 3.4)


def scored(ratio: float | None, long_share: float | None, index: float | None) -> Any:
    intel = SymbolIntel(
        taker=None if ratio is None else TakerFlow(a_stamp(), 300, ratio * 1e6, 1e6),
        liquidations=None
        if long_share is None
        else Liquidations(LiquidationWindow(a_stamp(), 3600, long_share * 1e6, (1 - long_share) * 1e6)),
    )
    market = MarketIntel(None if index is None else FearGreed(a_stamp(), index))
    return intelligence_score(snapshot(intel, market), ETH, IntelligenceParams())


@pytest.mark.parametrize(
    ("ratio", "share", "index", "score"),
    [
        (1.15, 0.40, 50, 0.8),
        (0.87, 0.60, 50, -0.8),
        (1.15, 0.60, 50, 0.0),
        (1.0, 0.5, 0, 0.2),
        (1.0, 0.5, 100, -0.2),
        (2.0, 0.0, 0, 1.0),
    ],
)
def test_the_score_weighs_40_40_20(ratio: float, share: float, index: float, score: float) -> None:
    """Each part is whole at its threshold."""
    assert scored(ratio, share, index).score == pytest.approx(score, abs=1e-9)


def test_a_missing_part_lowers_the_coverage_not_the_score() -> None:
    """Absent data is not a neutral vote."""
    found = scored(1.15, None, None)
    assert (found.score, found.coverage) == (pytest.approx(1.0), pytest.approx(0.4))
    assert {why.code for why in found.reasons} == {"no_liquidations", "no_fear_greed"}
    assert scored(None, None, None).score is None
