"""The regime: levels, hysteresis, panic, recovery, missing inputs, and its record over recorded years."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_thinking import BTC, ETH, NOW, bars, metrics, path, trending
from tradingbot.core.records import reason
from tradingbot.core.types import Regime, Timeframe
from tradingbot.market.regime import RegimeReading, confidence, next_regime, plain_regime
from tradingbot.market.regime_metrics import RegimeMetrics, leader_trend, regime_metrics
from tradingbot.market.regime_params import RegimeParams

PARAMS = RegimeParams()
HOUR = timedelta(hours=1)
CRASH = metrics(index=48.0, trend=-0.6, day_pct=-12.0, below_pct=20.0)
SLUMP = metrics(index=33.0, trend=-0.6)
CALM_UP = metrics(index=15.0, trend=0.5)
MIXED = metrics(index=24.0, trend=0.1)


def play(
    inputs: Iterable[RegimeMetrics], previous: RegimeReading | None = None, start: datetime = NOW
) -> Iterator[RegimeReading]:
    """A reading an hour, each with fresh inputs."""
    for number, seen in enumerate(inputs):
        now = start + number * HOUR
        previous = next_regime(previous, replace(seen, as_of=now), now, PARAMS)
        yield previous


def settled(seen: RegimeMetrics, hours: int = 100) -> RegimeReading:
    """The regime after it has long been so; the newest reading is at NOW."""
    return list(play([seen] * (hours + 1), start=NOW - hours * HOUR))[-1]


# ---------------------------------------------------------------- levels


@pytest.mark.parametrize(
    ("index", "trend", "day_pct", "expected"),
    [
        (19.9, 0.5, 0.0, Regime.RISK_ON),
        (19.9, 0.0, 0.0, Regime.NEUTRAL),
        (20.0, 0.5, 0.0, Regime.NEUTRAL),
        (29.9, 0.5, 0.0, Regime.NEUTRAL),
        (30.0, 0.5, 0.0, Regime.RISK_OFF),
        (15.0, -0.5, 0.0, Regime.RISK_OFF),
        (40.1, -0.5, -6.0, Regime.PANIC),
        (40.1, 0.5, 3.0, Regime.RISK_OFF),
        (39.9, -0.5, -20.0, Regime.RISK_OFF),
    ],
)
def test_levels_of_the_specification(index: float, trend: float, day_pct: float, expected: Regime) -> None:
    """SPEC 11.1: 20, 30, 40; PANIC needs a sharp decline too. The first reading takes what the levels say."""
    seen = metrics(index=index, trend=trend, day_pct=day_pct)
    assert plain_regime(seen, PARAMS) is expected
    assert next_regime(None, seen, NOW, PARAMS).regime is expected


def test_a_deep_week_is_a_sharp_decline_without_a_bad_day() -> None:
    assert plain_regime(metrics(index=45.0, day_pct=-1.0, below_pct=15.0), PARAMS) is Regime.PANIC


# ---------------------------------------------------------------- hysteresis


def test_a_change_waits_for_confirmation() -> None:
    """Pending at first, entered after three hours without a break."""
    before = settled(CALM_UP)
    readings = list(play([MIXED] * 5, before, NOW + HOUR))
    assert [reading.regime for reading in readings] == [Regime.RISK_ON] * 3 + [Regime.NEUTRAL] * 2
    assert readings[0].pending is Regime.NEUTRAL
    assert readings[3].since == NOW + 4 * HOUR
    assert readings[3].pending is None


def test_a_break_starts_the_confirmation_anew() -> None:
    before = settled(CALM_UP)
    readings = list(play([MIXED, MIXED, CALM_UP, MIXED, MIXED, MIXED], before, NOW + HOUR))
    assert {reading.regime for reading in readings} == {Regime.RISK_ON}
    assert readings[2].pending is None


def test_a_hole_in_the_inputs_starts_the_confirmation_anew() -> None:
    """Hours that nobody saw confirm nothing."""
    pending = list(play([MIXED, MIXED], settled(CALM_UP), NOW + HOUR))[-1]
    later = NOW + 10 * HOUR
    after = next_regime(pending, replace(MIXED, as_of=later), later, PARAMS)
    assert (after.regime, after.pending_since) == (Regime.RISK_ON, later)


def test_a_young_regime_stays_for_its_least_time() -> None:
    """Entered at NOW, asked to change at once: left after twelve hours, not after three."""
    first = next_regime(None, CALM_UP, NOW, PARAMS)
    readings = list(play([MIXED] * 13, first, NOW + HOUR))
    assert [reading.regime for reading in readings].index(Regime.NEUTRAL) == 11


@pytest.mark.parametrize(
    ("held", "inside", "outside"),
    [
        (CALM_UP, metrics(index=21.4, trend=0.5), metrics(index=21.6, trend=0.5)),
        (CALM_UP, metrics(index=15.0, trend=0.01), metrics(index=15.0, trend=-0.01)),
        (SLUMP, metrics(index=28.6, trend=0.0), metrics(index=28.4, trend=0.0)),
        (SLUMP, metrics(index=25.0, trend=-0.26), metrics(index=25.0, trend=-0.24)),
    ],
)
def test_a_regime_is_left_a_margin_beyond_its_level(
    held: RegimeMetrics, inside: RegimeMetrics, outside: RegimeMetrics
) -> None:
    before = settled(held)
    stays = list(play([inside] * 10, before, NOW + HOUR))
    leaves = list(play([outside] * 10, before, NOW + HOUR))
    assert {reading.regime for reading in stays} == {before.regime}
    assert leaves[-1].regime is Regime.NEUTRAL


@settings(max_examples=40, deadline=None)
@given(level=st.sampled_from([20.0, 30.0]), seed=st.integers(0, 10_000))
def test_noise_around_a_level_does_not_flap(level: float, seed: int) -> None:
    """Thirty days of noise of +-1.4 points on a border: at most one switch, where levels alone switch hundredfold."""
    noise = np.random.default_rng(seed).uniform(-1.4, 1.4, 720)
    inputs = [metrics(index=level + float(wobble), trend=0.5) for wobble in noise]
    regimes = [reading.regime for reading in play(inputs)]
    plain = [plain_regime(seen, PARAMS) for seen in inputs]
    assert sum(old is not new for old, new in pairwise(regimes)) <= 1
    assert sum(old is not new for old, new in pairwise(plain)) > 100


wild = st.builds(
    metrics,
    index=st.floats(5, 90),
    trend=st.floats(-1, 1),
    day_pct=st.floats(-30, 20),
    below_pct=st.floats(0, 50),
)


@settings(max_examples=60, deadline=None)
@given(inputs=st.lists(st.lists(wild, min_size=1, max_size=1).map(lambda one: one * 5), min_size=5, max_size=30))
def test_whatever_comes_the_rules_of_change_hold(inputs: list[list[RegimeMetrics]]) -> None:
    """PANIC goes to RECOVERY alone, RECOVERY comes from PANIC alone, least times hold, confidence is in 0..1."""
    readings = list(play([seen for block in inputs for seen in block]))
    for old, new in pairwise(readings):
        assert 0 <= new.confidence <= 1
        if new.regime is old.regime:
            assert new.since == old.since
            continue
        assert (old.regime is Regime.PANIC) == (new.regime is Regime.RECOVERY)
        if new.regime is not Regime.PANIC:
            least = PARAMS.panic_dwell_h if old.regime is Regime.PANIC else PARAMS.dwell_h
            assert new.since - old.since >= timedelta(hours=least)
        if old.regime is Regime.RECOVERY:
            assert new.regime in {Regime.NEUTRAL, Regime.RISK_ON, Regime.PANIC}


# ---------------------------------------------------------------- panic and recovery


@pytest.mark.parametrize("held", [CALM_UP, MIXED, SLUMP])
def test_panic_is_entered_at_once(held: RegimeMetrics) -> None:
    """Neither confirmation nor least time."""
    young = next_regime(None, held, NOW, PARAMS)
    assert next(play([CRASH], young, NOW + HOUR)).regime is Regime.PANIC


def test_panic_ends_in_recovery_and_recovery_in_neutral() -> None:
    """Once the index is below 38.5 or the decline is over, confirmed; then two days of RECOVERY."""
    readings = list(play([replace(MIXED, index=38.0)] * 80, settled(CRASH), NOW + HOUR))
    regimes = [reading.regime for reading in readings]
    assert regimes[:3] == [Regime.PANIC] * 3
    assert regimes[3] is Regime.RECOVERY
    after = regimes.index(Regime.NEUTRAL)
    assert set(regimes[3:after]) == {Regime.RECOVERY}
    assert after >= 3 + 48


def test_a_young_panic_may_end_after_six_hours() -> None:
    """Its own least time, shorter than that of the others."""
    first = next_regime(None, CRASH, NOW, PARAMS)
    readings = list(play([MIXED] * 8, first, NOW + HOUR))
    assert [reading.regime for reading in readings].index(Regime.RECOVERY) == 5


def test_recovery_into_a_calm_rise_ends_in_risk_on() -> None:
    readings = list(play([CALM_UP] * 80, settled(CRASH), NOW + HOUR))
    assert [reading.regime for reading in readings][-1] is Regime.RISK_ON


def test_a_second_crash_in_recovery_is_panic_at_once() -> None:
    recovery = list(play([MIXED] * 5, settled(CRASH), NOW + HOUR))[-1]
    assert recovery.regime is Regime.RECOVERY
    assert next(play([CRASH], recovery, NOW + 6 * HOUR)).regime is Regime.PANIC


def test_panic_goes_on_while_half_of_the_decline_is_there() -> None:
    still = metrics(index=39.0, day_pct=-3.0)
    over = metrics(index=45.0, day_pct=-1.0, below_pct=5.0)
    assert list(play([still] * 20, settled(CRASH), NOW + HOUR))[-1].regime is Regime.PANIC
    assert list(play([over] * 20, settled(CRASH), NOW + HOUR))[-1].regime is Regime.RECOVERY


# ---------------------------------------------------------------- missing inputs, confidence


def test_nothing_known_at_a_start_is_neutral_without_confidence() -> None:
    """And the first inputs then decide at once, without waiting for anything."""
    blind = next_regime(None, replace(MIXED, missing=(reason("no_hourly_candles"),)), NOW, PARAMS)
    assert (blind.regime, blind.confidence) == (Regime.NEUTRAL, 0.0)
    assert next(play([CALM_UP], blind, NOW + HOUR)).regime is Regime.RISK_ON


def test_without_inputs_the_regime_stays_and_confidence_halves_every_six_hours() -> None:
    """However often it is asked in between."""
    known = settled(CALM_UP)
    reading = known
    for minute in range(0, 12 * 60 + 1, 30):
        now = NOW + timedelta(minutes=minute)
        reading = next_regime(reading, replace(CRASH, missing=(reason("gone"),)), now, PARAMS)
    assert (reading.regime, reading.as_of) == (Regime.RISK_ON, NOW)
    assert reading.confidence == pytest.approx(known.confidence / 4)
    assert reading.reasons[0].code == "regime_kept_without_inputs"


def test_a_reading_of_last_week_is_forgotten() -> None:
    """A PANIC from before a downtime of eight days is not carried into a calm market; one of six days is."""
    panic = settled(CRASH)
    for days, expected in ((6, Regime.PANIC), (8, Regime.RISK_ON)):
        later = NOW + timedelta(days=days)
        assert next_regime(panic, replace(CALM_UP, as_of=later), later, PARAMS).regime is expected


def test_stale_and_future_inputs_count_as_missing() -> None:
    known = settled(CALM_UP)
    for as_of in (NOW - 3 * HOUR, NOW + HOUR):
        reading = next_regime(known, replace(CRASH, as_of=as_of), NOW, PARAMS)
        assert reading.regime is Regime.RISK_ON
        assert reading.reasons[1].code == "regime_inputs_stale"


def test_confidence_grows_with_the_distance_from_the_border() -> None:
    sure = [confidence(Regime.RISK_ON, metrics(index=index, trend=0.9), PARAMS) for index in (22, 20, 18, 16, 10)]
    assert sure == sorted(sure)
    assert sure[1] == 0.5
    assert sure[-1] == 1.0


def test_the_reading_carries_its_numbers() -> None:
    reading = next_regime(None, CALM_UP, NOW, PARAMS)
    assert reading.metrics["volatility_index"] == 15.0
    assert reading.metrics["correlation"] == 0.6


def test_contradictory_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="levels must rise"):
        RegimeParams(calm_level=35)
    with pytest.raises(ValueError, match="margin"):
        RegimeParams(level_margin=6)


# ---------------------------------------------------------------- metrics


def test_metrics_of_a_made_up_crash() -> None:
    """A quiet week, then 15 % down in the last ten hours, everything together."""
    quiet = path(1, 200, 0.002)
    crash = np.concatenate((quiet, quiet[-1] * np.linspace(0.985, 0.85, 10)))
    hours = {BTC: bars(crash, Timeframe.H1), ETH: bars(crash**1.2, Timeframe.H1, symbol=ETH)}
    frames = {frame: trending(frame, -1) for frame in (Timeframe.H1, Timeframe.H4, Timeframe.D1)}
    found = regime_metrics(hours, frames, None, NOW, PARAMS)
    assert found.missing == ()
    assert found.return_24h_pct == pytest.approx((0.85 * quiet[-1] / crash[-25] - 1) * 100)
    assert found.drawdown_7d_pct > 14
    assert found.trend < -0.5
    assert found.correlation == pytest.approx(1.0)
    assert found.as_of == NOW
    assert "correlated_moves" in {item.code for item in found.reasons}


def test_bars_that_had_not_closed_are_not_seen() -> None:
    """An hour earlier, without the newest bar, gives the same as with it hidden."""
    closes = path(3, 220, 0.004)
    earlier = NOW - HOUR
    frames = {frame: trending(frame, 1, as_of=earlier) for frame in (Timeframe.H1, Timeframe.H4, Timeframe.D1)}
    seen = regime_metrics({BTC: bars(closes, Timeframe.H1)}, frames, None, earlier, PARAMS)
    cut = regime_metrics({BTC: bars(closes[:-1], Timeframe.H1, end=earlier)}, frames, None, earlier, PARAMS)
    assert seen == cut


def test_what_is_missing_is_named() -> None:
    frames = {Timeframe.H1: trending(Timeframe.H1, 1)}
    few = regime_metrics({BTC: bars(path(1, 60), Timeframe.H1)}, frames, None, NOW, PARAMS)
    assert [dict(item.numbers)["what"] for item in few.missing] == ["volatility_index", "trend", "drawdown_7d"]
    none = regime_metrics({}, frames, None, NOW, PARAMS)
    assert none.missing[0].code == "no_hourly_candles"


def test_the_leaders_trend_does_without_one_light_frame() -> None:
    frames = {frame: trending(frame, 1) for frame in (Timeframe.H4, Timeframe.D1)}
    assert (leader_trend(frames, NOW, PARAMS) or 0) > 0.5
    assert leader_trend({Timeframe.H1: trending(Timeframe.H1, 1)}, NOW, PARAMS) is None
