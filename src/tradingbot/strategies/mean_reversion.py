"""MeanReversion: fade an extreme of a market that goes nowhere.

Idea: without a trend, distances from the mean close again. Regime: NEUTRAL. Horizon: `horizon_min`.

Entry on 15 m: at least `min_zscore` standard deviations from the mean with RSI as extreme, low efficiency (the way
there was noise), and no trend on 1 h. Strength grows with the distance beyond `min_zscore`. Expected move: `capture`
of the way to the mean.

Exit: 15 m is back at its mean (`exit_zscore`); or it goes against the position efficiently: then it is a trend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Regime, Timeframe
from tradingbot.market.frame_features import BAND_SIGMAS, FrameFeatures
from tradingbot.market.multi_timeframe import frame_trend
from tradingbot.strategies.ideas import fresh_frames, leave, no_entry, no_frames, oldest, stay
from tradingbot.strategies.params import MeanReversionParams, StrategyParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, Held, StrategyView

FRAMES: Final = (Timeframe.M15, Timeframe.H1)
BASE_STRENGTH: Final = 0.4


@dataclass(frozen=True, slots=True)
class MeanReversion:
    """See the module. Pure: same view, same ideas."""

    params: StrategyParams
    name: str = "MeanReversion"
    regimes: frozenset[Regime] = frozenset({Regime.NEUTRAL})

    def entry(self, view: StrategyView) -> EntryIdea:
        """Against the extreme, or why not."""
        frames = fresh_frames(view, FRAMES, self.params.max_age_bars)
        if frames is None:
            return no_entry(self.name, no_frames(FRAMES))
        return _idea(self, *frames)

    def exit(self, view: StrategyView, held: Held) -> ExitIdea:
        """Leave at the mean, or when it has become a trend against the position."""
        own = self.params.mean_reversion
        frames = fresh_frames(view, (Timeframe.M15,), self.params.max_age_bars)
        if frames is None:
            return stay(self.name, no_frames((Timeframe.M15,)))
        (quarter,) = frames
        sign = held.direction.sign
        if quarter.zscore * sign >= -own.exit_zscore:
            return leave(self.name, reason("mean_reached", zscore=quarter.zscore))
        if quarter.efficiency >= own.exit_efficiency and quarter.return_pct * sign < 0:
            return leave(
                self.name, reason("trend_against", efficiency=quarter.efficiency, return_pct=quarter.return_pct)
            )
        return stay(self.name, reason("on_the_way_to_mean", zscore=quarter.zscore))


@by_identity(512)
def _idea(strategy: MeanReversion, quarter: FrameFeatures, hour: FrameFeatures) -> EntryIdea:
    """The same until another bar of 15 m has closed."""
    own = strategy.params.mean_reversion
    seen = reason("extreme", zscore=quarter.zscore, rsi=quarter.rsi, efficiency=quarter.efficiency)
    as_of = oldest(quarter, hour)
    against = _against(quarter, frame_trend(hour), own)
    if against is not None:
        return no_entry(strategy.name, against, seen, as_of=as_of)
    direction = Direction.LONG if quarter.zscore < 0 else Direction.SHORT
    strength = BASE_STRENGTH + (1 - BASE_STRENGTH) * min(1.0, abs(quarter.zscore) - own.min_zscore)
    move_bps = own.capture * _to_mean_fraction(quarter) * 10_000
    why = reason("fade_extreme", to_mean_bps=_to_mean_fraction(quarter) * 10_000)
    return EntryIdea(strategy.name, direction, strength, move_bps, own.horizon_min, as_of, (why, seen))


def _against(quarter: FrameFeatures, trend_1h: float, own: MeanReversionParams) -> Reason | None:
    """What forbids to fade."""
    if abs(quarter.zscore) < own.min_zscore:
        return reason("no_extreme")
    extreme_rsi = quarter.rsi <= own.rsi_low if quarter.zscore < 0 else quarter.rsi >= 100 - own.rsi_low
    if not extreme_rsi:
        return reason("rsi_not_extreme")
    if quarter.efficiency > own.max_efficiency:
        return reason("too_efficient")
    return reason("trend_on_1h", trend_1h=trend_1h) if abs(trend_1h) > own.max_trend_1h else None


def _to_mean_fraction(quarter: FrameFeatures) -> float:
    """Distance from the close to the mean as a fraction of the close.

    Band width w = 4 sigma / mean and z = (close - mean) / sigma give |mean / close - 1| = |z w / 4| / (1 + z w / 4).
    """
    part = quarter.zscore * quarter.band_width_pct / 100 / (2 * BAND_SIGMAS)
    return abs(part) / (1 + part)
