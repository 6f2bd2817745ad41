"""What each strategy opens and leaves, in markets made for it and in markets it must keep out of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.builders_thinking import NOW, a_frame, a_view, bars, held, path, trending
from tradingbot.core.types import Direction, Regime, Timeframe
from tradingbot.market.frame_features import FrameFeatures, FrameParams, frame_features
from tradingbot.market.multi_timeframe import MtfParams, alignment
from tradingbot.strategies.params import MeanReversionParams, StrategyParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, StrategyView
from tradingbot.strategies.table import STRATEGIES, overseer_exits, strategies, strategy_exit, strategy_named

PARAMS = StrategyParams()
M15, H1, H4 = Timeframe.M15, Timeframe.H1, Timeframe.H4
LONG, SHORT, NEUTRAL = Direction.LONG, Direction.SHORT, Direction.NEUTRAL


def entry(name: str, view: StrategyView) -> EntryIdea:
    strategy = strategy_named(name, PARAMS)
    assert strategy is not None
    idea = strategy.entry(view)
    assert idea.reasons
    assert idea.strategy == name
    return idea


def left(name: str, view: StrategyView, **position: object) -> ExitIdea:
    idea = strategy_exit(name, view, held(**position), PARAMS)  # type: ignore[arg-type]
    assert idea is not None
    return idea


def code(idea: EntryIdea) -> str:
    return idea.reasons[0].code


# ---------------------------------------------------------------- TrendFollower


def pullback(sign: int, **quarter: object) -> tuple[FrameFeatures, ...]:
    """1 h and 4 h trend, 15 m has come back to its fast EMA."""
    return trending(M15, sign, **quarter), trending(H1, sign), trending(H4, sign)


@pytest.mark.parametrize(("sign", "direction"), [(1, LONG), (-1, SHORT)])
def test_trend_follower_takes_a_pullback_with_the_trend(sign: int, direction: Direction) -> None:
    idea = entry("TrendFollower", a_view(pullback(sign)))
    assert (idea.direction, code(idea), idea.horizon_min) == (direction, "pullback_to_ema", 240.0)
    assert idea.expected_move_bps == pytest.approx(idea.strength * 100)


@pytest.mark.parametrize(("sign", "direction"), [(1, LONG), (-1, SHORT)])
def test_trend_follower_takes_a_break_of_the_channel(sign: int, direction: Direction) -> None:
    broken = pullback(sign, close=100 + 2.5 * sign, efficiency=0.6)
    idea = entry("TrendFollower", a_view(broken))
    assert (idea.direction, code(idea)) == (direction, "channel_broken")
    assert idea.strength > entry("TrendFollower", a_view(pullback(sign))).strength


def test_trend_follower_trades_a_really_rising_market_long() -> None:
    """Indicators of drifting paths, alignment included."""
    frames = []
    for frame, drift in ((Timeframe.M5, 0.0008), (M15, 0.001), (H1, 0.002), (H4, 0.004)):
        closes = path(11, 150, 0.002, drift)
        closes[-1] = closes[-21:-1].max() * 1.002
        features = frame_features(bars(closes, frame), FrameParams())
        assert features is not None
        frames.append(features)
    view = a_view(frames)
    calm = tuple(replace(features, zscore=1.5) for features in frames)
    view = a_view(calm, mtf=alignment(view.frames, NOW, MtfParams()))
    assert entry("TrendFollower", view).direction is LONG


def test_trend_follower_keeps_out() -> None:
    """Each reason of its own."""
    up, mixed = pullback(1), (trending(M15, 1), trending(H1, 1), trending(H4, -1))
    against = alignment({frame: trending(frame, -1) for frame in Timeframe}, NOW, MtfParams())
    cases = {
        "no_common_trend": a_view(mixed),
        "alignment_too_low": a_view(up, mtf=against),
        "overstretched": a_view((up[0], trending(H1, 1, zscore=2.6), up[2])),
        "funding_too_dear": a_view(up, funding_8h=0.001),
        "no_break_no_pullback": a_view(pullback(1, close=101.5)),
        "no_break_no_pullback ": a_view(pullback(1, close=102.5, efficiency=0.2)),
        "no_break_no_pullback  ": a_view(pullback(1, rsi=60.0)),
        "frames_missing_or_stale": a_view(up[:2]),
    }
    for expected, view in cases.items():
        idea = entry("TrendFollower", view)
        assert (idea.direction, idea.strength, code(idea)) == (NEUTRAL, 0.0, expected.strip())


def test_funding_that_pays_us_does_not_keep_out() -> None:
    assert entry("TrendFollower", a_view(pullback(-1), funding_8h=0.001)).direction is SHORT


def test_trend_follower_trails_its_best_price() -> None:
    """Three ATRs of 1 h (1 % each) below the peak."""
    view = a_view([trending(H1, 1)])
    assert left("TrendFollower", view, gain=0.021, peak=0.05).exit_now is False
    trailed = left("TrendFollower", view, gain=0.019, peak=0.05)
    assert (trailed.exit_now, trailed.why.code) == (True, "trailing_stop")


@pytest.mark.parametrize(("direction", "sign"), [(LONG, 1), (SHORT, -1)])
def test_trend_follower_leaves_when_the_averages_cross_back(direction: Direction, sign: int) -> None:
    assert left("TrendFollower", a_view([trending(H1, sign)]), direction=direction).exit_now is False
    crossed = left("TrendFollower", a_view([trending(H1, -sign)]), direction=direction)
    assert (crossed.exit_now, crossed.why.code) == (True, "ema_crossed_back")


# ---------------------------------------------------------------- VolatilitySwing


def breakout(sign: int = 1, **changes: object) -> FrameFeatures:
    shape = {"close": 100 + 2.5 * sign, "squeeze": 0.5, "range_atr": 2.0}
    return a_frame(M15, **{**shape, **changes})


@pytest.mark.parametrize(("sign", "direction"), [(1, LONG), (-1, SHORT)])
def test_volatility_swing_goes_with_the_break(sign: int, direction: Direction) -> None:
    idea = entry("VolatilitySwing", a_view([breakout(sign)]))
    assert (idea.direction, code(idea)) == (direction, "break_after_squeeze")


def test_volatility_swing_sees_the_break_in_real_candles() -> None:
    """A lively time, a quiet one, then one wide bar."""
    rng = np.random.default_rng(7)
    steps = np.concatenate((rng.normal(0, 0.004, 120), rng.normal(0, 0.0005, 29), [0.012]))
    features = frame_features(bars(100 * np.exp(np.cumsum(steps)), M15), FrameParams())
    assert features is not None
    assert entry("VolatilitySwing", a_view([features])).direction is LONG


def test_a_tighter_squeeze_and_a_wider_bar_are_stronger() -> None:
    weak = entry("VolatilitySwing", a_view([breakout(squeeze=0.7, range_atr=1.4)]))
    tighter = entry("VolatilitySwing", a_view([breakout(squeeze=0.3, range_atr=1.4)]))
    wider = entry("VolatilitySwing", a_view([breakout(squeeze=0.7, range_atr=3.0)]))
    assert weak.strength < tighter.strength <= 1
    assert weak.strength < wider.strength <= 1


def test_volatility_swing_keeps_out() -> None:
    cases = {
        "no_squeeze": breakout(squeeze=0.9),
        "no_wide_bar": breakout(range_atr=1.0),
        "inside_channel": breakout(close=101.0),
        "frames_missing_or_stale": breakout(as_of=NOW - timedelta(minutes=40)),
    }
    for expected, frame in cases.items():
        idea = entry("VolatilitySwing", a_view([frame]))
        assert (idea.direction, code(idea)) == (NEUTRAL, expected)


def test_volatility_swing_leaves_at_its_target_or_when_momentum_stalls() -> None:
    running = a_view([a_frame(M15, close=102.0, rsi=65.0)])
    assert left("VolatilitySwing", running, gain=0.02).exit_now is False
    assert left("VolatilitySwing", running, gain=0.026).why.code == "target_reached"
    stalled = left("VolatilitySwing", a_view([a_frame(M15, close=99.5, rsi=45.0)]), gain=0.01)
    assert (stalled.exit_now, stalled.why.code) == (True, "momentum_stalled")
    assert left("VolatilitySwing", a_view([a_frame(M15, close=99.5, rsi=55.0)]), gain=0.01).exit_now is False
    assert left("VolatilitySwing", a_view([a_frame(M15, close=99.5, rsi=45.0)]), direction=SHORT).exit_now is False


# ---------------------------------------------------------------- MeanReversion


def extreme(sign: int, **changes: object) -> FrameFeatures:
    """15 m far below (-1) or above (+1) its mean."""
    return a_frame(M15, **{"zscore": 2.5 * sign, "rsi": 50 + 25 * sign, **changes})


@pytest.mark.parametrize(("sign", "direction"), [(-1, LONG), (1, SHORT)])
def test_mean_reversion_fades_an_extreme(sign: int, direction: Direction) -> None:
    idea = entry("MeanReversion", a_view([extreme(sign), a_frame(H1)]))
    assert (idea.direction, code(idea)) == (direction, "fade_extreme")


def test_mean_reversion_expects_half_the_way_to_the_mean() -> None:
    """Mean 100, deviation 1, price 97.5: the mean is 256 bps away."""
    far = extreme(-1, close=97.5, band_width_pct=4.0)
    idea = entry("MeanReversion", a_view([far, a_frame(H1)]))
    assert idea.expected_move_bps == pytest.approx((100 / 97.5 - 1) * 10_000 / 2)


def test_mean_reversion_keeps_out() -> None:
    flat = a_frame(H1)
    cases = {
        "no_extreme": (extreme(-1, zscore=-1.5), flat),
        "rsi_not_extreme": (extreme(-1, rsi=40.0), flat),
        "too_efficient": (extreme(-1, efficiency=0.5), flat),
        "trend_on_1h": (extreme(-1), trending(H1, -1)),
        "frames_missing_or_stale": (extreme(-1),),
    }
    for expected, frames in cases.items():
        idea = entry("MeanReversion", a_view(frames))
        assert (idea.direction, code(idea)) == (NEUTRAL, expected)


def test_mean_reversion_leaves_at_the_mean_or_when_it_is_a_trend() -> None:
    assert left("MeanReversion", a_view([extreme(-1)])).exit_now is False
    assert left("MeanReversion", a_view([a_frame(M15, zscore=0.1)])).why.code == "mean_reached"
    trend = a_view([extreme(-1, efficiency=0.7, return_pct=-4.0)])
    assert left("MeanReversion", trend).why.code == "trend_against"
    helpful = a_view([extreme(-1, efficiency=0.7, return_pct=4.0)])
    assert left("MeanReversion", helpful).exit_now is False
    assert left("MeanReversion", a_view([extreme(1)]), direction=SHORT).exit_now is False


def test_an_exit_at_the_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="nearer"):
        MeanReversionParams(exit_zscore=2.5)


# ---------------------------------------------------------------- DefensiveHedge


def rally(**quarter: object) -> tuple[FrameFeatures, ...]:
    """A downtrend on 1 h and 4 h; 15 m has risen to its slow EMA."""
    shape = {"close": 99.8, "ema_slow": 100.0, "zscore": 1.0, "rsi": 58.0}
    return a_frame(M15, **{**shape, **quarter}), trending(H1, -1), trending(H4, -1)


def test_defensive_hedge_sells_a_rally_small() -> None:
    idea = entry("DefensiveHedge", a_view(rally(), Regime.RISK_OFF))
    assert (idea.direction, code(idea), idea.horizon_min) == (SHORT, "rally_into_resistance", 120.0)
    assert 0 < idea.strength <= 0.5


def test_defensive_hedge_keeps_out() -> None:
    quarter, hour, four = rally()
    cases = {
        "no_common_downtrend": (quarter, hour, trending(H4, 1)),
        "fall_too_old": (quarter, replace(hour, rsi=25.0), four),
        "above_resistance": (replace(quarter, close=102.0), hour, four),
        "no_rally": rally(zscore=-1.0),
    }
    for expected, frames in cases.items():
        idea = entry("DefensiveHedge", a_view(frames, Regime.RISK_OFF))
        assert (idea.direction, code(idea)) == (NEUTRAL, expected)
    assert code(entry("DefensiveHedge", a_view(rally(close=97.0), Regime.RISK_OFF))) == "no_rally"
    assert code(entry("DefensiveHedge", a_view(rally(), Regime.PANIC, funding_8h=-0.001))) == "funding_too_dear"


def test_defensive_hedge_never_buys() -> None:
    up = (trending(M15, 1), trending(H1, 1), trending(H4, 1))
    assert entry("DefensiveHedge", a_view(up, Regime.PANIC)).direction is NEUTRAL


def test_defensive_hedge_ends_with_its_time_or_its_regime() -> None:
    """Needs no candles for that."""
    blind = a_view([], Regime.RISK_OFF)
    young, old = NOW - timedelta(minutes=119), NOW - timedelta(minutes=120)
    assert left("DefensiveHedge", blind, direction=SHORT, entry_time=young).exit_now is False
    assert left("DefensiveHedge", blind, direction=SHORT, entry_time=old).why.code == "time_limit"
    over = left("DefensiveHedge", a_view([], Regime.RECOVERY), direction=SHORT, entry_time=young)
    assert (over.exit_now, over.why.code) == (True, "regime_over")


# ---------------------------------------------------------------- StableAllocator


def test_stable_allocator_opens_nothing_and_flattens_longs_in_panic() -> None:
    assert entry("StableAllocator", a_view(pullback(1), Regime.PANIC)).direction is NEUTRAL
    panic, calm = a_view([], Regime.PANIC), a_view([], Regime.NEUTRAL)
    assert left("StableAllocator", panic).why.code == "flatten_in_panic"
    assert left("StableAllocator", panic, direction=SHORT).why.code == "hedge_stays"
    assert left("StableAllocator", calm).exit_now is False


def test_an_active_overseer_speaks_for_every_position() -> None:
    panic = a_view([], Regime.PANIC)
    both = overseer_exits(("StableAllocator", "DefensiveHedge"), panic, held(), PARAMS)
    assert [(idea.strategy, idea.exit_now) for idea in both] == [("StableAllocator", True)]
    assert overseer_exits(("DefensiveHedge",), panic, held(), PARAMS) == ()


# ---------------------------------------------------------------- Recovery


def turned(**quarter: object) -> tuple[FrameFeatures, ...]:
    shape = {"close": 101.0, "atr_pct": 0.4, "rsi": 60.0}
    return trending(M15, 1, **{**shape, **quarter}), a_frame(H1, close=100.5, ema_slow=100.2)


def test_recovery_buys_the_turn() -> None:
    idea = entry("Recovery", a_view(turned(), Regime.RECOVERY))
    assert (idea.direction, code(idea)) == (LONG, "turned_after_panic")


def test_recovery_keeps_out() -> None:
    quarter, hour = turned()
    cases = {
        "not_turned_15m": (trending(M15, -1), hour),
        "not_turned_15m ": turned(close=99.9),
        "not_turned_1h": (quarter, trending(H1, -1)),
        "not_turned_1h ": (quarter, replace(hour, close=99.9)),
        "volatility_not_falling": turned(atr_pct=0.6),
        "overbought": turned(rsi=80.0),
        "frames_missing_or_stale": (quarter,),
    }
    for expected, frames in cases.items():
        idea = entry("Recovery", a_view(frames, Regime.RECOVERY))
        assert (idea.direction, code(idea)) == (NEUTRAL, expected.strip())


def test_recovery_leaves_on_a_new_low_or_at_its_target() -> None:
    hour = a_frame(H1)
    assert left("Recovery", a_view([hour])).exit_now is False
    assert left("Recovery", a_view([hour], mark=97.9)).why.code == "new_low"
    assert left("Recovery", a_view([hour]), gain=0.02).why.code == "target_reached"


# ---------------------------------------------------------------- all of them


def test_the_table_has_the_six_with_their_regimes() -> None:
    """SPEC 11.2."""
    assert {strategy.name: strategy.regimes for strategy in strategies(PARAMS)} == {
        "TrendFollower": {Regime.RISK_ON},
        "VolatilitySwing": {Regime.RISK_ON, Regime.NEUTRAL},
        "MeanReversion": {Regime.NEUTRAL},
        "DefensiveHedge": {Regime.RISK_OFF, Regime.PANIC},
        "StableAllocator": {Regime.PANIC},
        "Recovery": {Regime.RECOVERY},
    }
    assert len(STRATEGIES) == 6


def test_a_position_of_no_strategy_has_no_strategys_exit() -> None:
    assert strategy_exit("predictive_flow", a_view([]), held(), PARAMS) is None


def test_a_market_without_any_range_is_no_market() -> None:
    flat = tuple(replace(frame, atr=0.0, atr_pct=0.0) for frame in turned())
    assert code(entry("Recovery", a_view(flat, Regime.RECOVERY))) == "frames_missing_or_stale"


@pytest.mark.parametrize("strategy", strategies(PARAMS), ids=lambda strategy: strategy.name)
@pytest.mark.parametrize("regime", list(Regime))
def test_without_candles_nobody_opens(strategy: object, regime: Regime) -> None:
    idea = strategy.entry(a_view([], regime))  # type: ignore[attr-defined]
    assert (idea.direction, idea.strength, idea.expected_move_bps) == (NEUTRAL, 0.0, 0.0)
