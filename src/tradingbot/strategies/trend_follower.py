"""TrendFollower: go with a trend that 1 h and 4 h agree on, when 15 m breaks out or comes back to its mean.

Idea: in a calm rising market trends last longer than a random walk's; entering on a break of the 15 m channel or on a
pullback to the fast EMA buys continuation without chasing it. Regime: RISK_ON. Horizon: hours (`horizon_min`).

Entry: trends of 1 h and 4 h of the same sign, both at least `min_trend`; the alignment agrees; 1 h is not
overstretched; funding does not eat the position; then either the 15 m close is beyond the channel of the bars before
it with enough efficiency (continuation), or it is near the fast EMA, the fast EMA still on the right side of the slow
one and RSI cooled off (pullback, 0.8 of the strength). Strength is the mean of both trends.

Exit: a chandelier stop, `trail_atr_1h` ATRs of 1 h below the best return since entry; or the 1 h EMAs cross back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Regime, Timeframe
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.multi_timeframe import frame_trend
from tradingbot.strategies.ideas import an_entry, fresh_frames, leave, no_entry, no_frames, oldest, stay
from tradingbot.strategies.params import StrategyParams, TrendFollowerParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, Held, StrategyView

ENTRY_FRAMES: Final = (Timeframe.M15, Timeframe.H1, Timeframe.H4)
PULLBACK_STRENGTH: Final = 0.8


@dataclass(frozen=True, slots=True)
class TrendFollower:
    """See the module. Pure: same view, same ideas."""

    params: StrategyParams
    name: str = "TrendFollower"
    regimes: frozenset[Regime] = frozenset({Regime.RISK_ON})

    def entry(self, view: StrategyView) -> EntryIdea:
        """Long or short with the trend, or why not."""
        own = self.params.trend_follower
        frames = fresh_frames(view, ENTRY_FRAMES, self.params.max_age_bars)
        if frames is None:
            return no_entry(self.name, no_frames(ENTRY_FRAMES))
        quarter, hour, _ = frames
        trends, seen, as_of, none = _trends(self, *frames)
        if none is not None:
            return none
        direction = Direction.LONG if trends[0] > 0 else Direction.SHORT
        against = _against(view, hour, direction, own)
        if against is not None:
            return no_entry(self.name, against, seen, as_of=as_of)
        trigger = _trigger(quarter, direction, own)
        if trigger is None:
            return no_entry(self.name, reason("no_break_no_pullback", zscore=quarter.zscore), seen, as_of=as_of)
        why, factor = trigger
        strength = factor * (abs(trends[0]) + abs(trends[1])) / 2
        full = own.target_atr_1h * hour.atr_pct / 100
        return an_entry(self.name, direction, strength, full, own.horizon_min, as_of, why, seen)

    def exit(self, view: StrategyView, held: Held) -> ExitIdea:
        """Leave at the chandelier stop or when the 1 h EMAs cross back."""
        own = self.params.trend_follower
        frames = fresh_frames(view, (Timeframe.H1,), self.params.max_age_bars)
        if frames is None:
            return stay(self.name, no_frames((Timeframe.H1,)))
        (hour,) = frames
        given_back, trail = held.peak_fraction - held.return_fraction, own.trail_atr_1h * hour.atr_pct / 100
        if given_back >= trail:
            return leave(self.name, reason("trailing_stop", given_back=given_back, trail=trail))
        gap = (hour.ema_fast - hour.ema_slow) * held.direction.sign
        if gap < 0:
            return leave(self.name, reason("ema_crossed_back", ema_fast=hour.ema_fast, ema_slow=hour.ema_slow))
        return stay(self.name, reason("trend_lasts", given_back=given_back, trail=trail))


@by_identity(512)
def _trends(
    strategy: TrendFollower, quarter: FrameFeatures, hour: FrameFeatures, four: FrameFeatures
) -> tuple[tuple[float, float], Reason, datetime, EntryIdea | None]:
    """(trends of 1 h and 4 h, both as seen, oldest input, no entry where they disagree): the same within 15 minutes."""
    trends = frame_trend(hour), frame_trend(four)
    seen = reason("trends", trend_1h=trends[0], trend_4h=trends[1])
    as_of = oldest(quarter, hour, four)
    if trends[0] * trends[1] <= 0 or min(map(abs, trends)) < strategy.params.trend_follower.min_trend:
        return trends, seen, as_of, no_entry(strategy.name, reason("no_common_trend"), seen, as_of=as_of)
    return trends, seen, as_of, None


def _against(view: StrategyView, hour: FrameFeatures, direction: Direction, own: TrendFollowerParams) -> Reason | None:
    """What forbids to follow the trend now."""
    score = view.mtf.score(direction) if view.mtf else None
    if score is not None and score < own.min_alignment:
        return reason("alignment_too_low", alignment=score)
    if hour.zscore * direction.sign > own.max_zscore:
        return reason("overstretched", zscore_1h=hour.zscore)
    if view.funding_8h is not None and view.funding_8h * direction.sign > own.max_funding_8h:
        return reason("funding_too_dear", funding_8h=view.funding_8h)
    return None


def _trigger(quarter: FrameFeatures, direction: Direction, own: TrendFollowerParams) -> tuple[Reason, float] | None:
    """(why now, factor of the strength), or None."""
    sign = direction.sign
    beyond = quarter.close - quarter.donchian_high if sign > 0 else quarter.donchian_low - quarter.close
    if beyond > 0 and quarter.efficiency >= own.min_efficiency:
        return reason("channel_broken", close=quarter.close, efficiency=quarter.efficiency), 1.0
    away = abs(quarter.close - quarter.ema_fast) / quarter.atr
    cooled = quarter.rsi <= own.pullback_rsi if sign > 0 else quarter.rsi >= 100 - own.pullback_rsi
    if away <= own.pullback_atr and cooled and (quarter.ema_fast - quarter.ema_slow) * sign > 0:
        return reason("pullback_to_ema", away_atr=away, rsi=quarter.rsi), PULLBACK_STRENGTH
    return None
