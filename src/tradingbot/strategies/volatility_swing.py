"""VolatilitySwing: after a squeeze, go with the break.

Idea: volatility comes in clusters; a band that is narrow for its own recent past is followed by a wide one, and the
first wide bar out of the channel often shows the side. Regimes: RISK_ON, NEUTRAL. Horizon: `horizon_min`.

Entry on 15 m: band width of the bars before at most `max_squeeze` of its mean, the newest bar's range at least
`min_range_atr` ATRs, its close beyond the channel of the bars before. Strength grows with the tightness of the squeeze
and the size of the bar.

Exit: the return reaches `target_atr_15m` ATRs; or momentum stalls: the 15 m close is back on the wrong side of the fast
EMA and RSI on the wrong side of 50.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import reason
from tradingbot.core.types import Direction, Regime, Timeframe
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.strategies.ideas import an_entry, fresh_frames, leave, no_entry, no_frames, stay
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, Held, StrategyView

FRAMES: Final = (Timeframe.M15,)
BASE_STRENGTH: Final = 0.4


@dataclass(frozen=True, slots=True)
class VolatilitySwing:
    """See the module. Pure: same view, same ideas."""

    params: StrategyParams
    name: str = "VolatilitySwing"
    regimes: frozenset[Regime] = frozenset({Regime.RISK_ON, Regime.NEUTRAL})

    def entry(self, view: StrategyView) -> EntryIdea:
        """With the break, or why not."""
        frames = fresh_frames(view, FRAMES, self.params.max_age_bars)
        if frames is None:
            return no_entry(self.name, no_frames(FRAMES))
        return _idea(self, *frames)

    def exit(self, view: StrategyView, held: Held) -> ExitIdea:
        """Leave at the target or when momentum stalls."""
        own = self.params.volatility_swing
        frames = fresh_frames(view, FRAMES, self.params.max_age_bars)
        if frames is None:
            return stay(self.name, no_frames(FRAMES))
        (quarter,) = frames
        target = own.target_atr_15m * quarter.atr_pct / 100
        if held.return_fraction >= target:
            return leave(self.name, reason("target_reached", gain=held.return_fraction, target=target))
        sign = held.direction.sign
        if (quarter.close - quarter.ema_fast) * sign < 0 and (quarter.rsi - 50) * sign < 0:
            return leave(self.name, reason("momentum_stalled", rsi=quarter.rsi, ema_fast=quarter.ema_fast))
        return stay(self.name, reason("swing_lasts", gain=held.return_fraction, target=target))


@by_identity(512)
def _idea(strategy: VolatilitySwing, quarter: FrameFeatures) -> EntryIdea:
    """The same until another bar of 15 m has closed."""
    own = strategy.params.volatility_swing
    seen = reason("squeeze_and_range", squeeze=quarter.squeeze, range_atr=quarter.range_atr)
    if quarter.squeeze > own.max_squeeze:
        return no_entry(strategy.name, reason("no_squeeze"), seen, as_of=quarter.as_of)
    if quarter.range_atr < own.min_range_atr:
        return no_entry(strategy.name, reason("no_wide_bar"), seen, as_of=quarter.as_of)
    if quarter.donchian_low <= quarter.close <= quarter.donchian_high:
        return no_entry(strategy.name, reason("inside_channel", close=quarter.close), seen, as_of=quarter.as_of)
    direction = Direction.LONG if quarter.close > quarter.donchian_high else Direction.SHORT
    tight = (own.max_squeeze - quarter.squeeze) / own.max_squeeze
    wide = min(1.0, (quarter.range_atr - own.min_range_atr) / own.min_range_atr)
    strength = BASE_STRENGTH + (1 - BASE_STRENGTH) * (tight + wide) / 2
    full = own.target_atr_15m * quarter.atr_pct / 100
    why = reason("break_after_squeeze", direction=direction.value)
    return an_entry(strategy.name, direction, strength, full, own.horizon_min, quarter.as_of, why, seen)
