"""Recovery: buy after a capitulation, once the turn can be seen.

Idea: after a panic, forced sellers are done and prices recover part of the fall while volatility drains. Regime:
RECOVERY (on the way from PANIC to NEUTRAL). Horizon: `horizon_min`. Long only.

Entry: 15 m trends up with its close above both EMAs, 1 h has at least stopped falling (`min_trend_1h`, close above its
fast EMA), the range of 15 m is small against that of 1 h (volatility falls), and 15 m is not overbought.

Exit: the price makes a new low of the 1 h channel; or the return reaches `target_atr_1h` ATRs of 1 h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Regime, Timeframe
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.multi_timeframe import frame_trend
from tradingbot.strategies.ideas import an_entry, fresh_frames, leave, no_entry, no_frames, oldest, stay
from tradingbot.strategies.params import RecoveryParams, StrategyParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, Held, StrategyView

FRAMES: Final = (Timeframe.M15, Timeframe.H1)
ROOT_OF_BARS: Final = 2.0
"""Ranges grow with the root of time; an hour has four bars of 15 minutes."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """See the module. Pure: same view, same ideas."""

    params: StrategyParams
    name: str = "Recovery"
    regimes: frozenset[Regime] = frozenset({Regime.RECOVERY})

    def entry(self, view: StrategyView) -> EntryIdea:
        """Long after the turn, or why not."""
        frames = fresh_frames(view, FRAMES, self.params.max_age_bars)
        if frames is None:
            return no_entry(self.name, no_frames(FRAMES))
        return _idea(self, *frames)

    def exit(self, view: StrategyView, held: Held) -> ExitIdea:
        """Leave on a new low or at the target."""
        own = self.params.recovery
        frames = fresh_frames(view, (Timeframe.H1,), self.params.max_age_bars)
        if frames is None:
            return stay(self.name, no_frames((Timeframe.H1,)))
        (hour,) = frames
        if min(view.mark, hour.close) < hour.donchian_low:
            return leave(self.name, reason("new_low", mark=view.mark, low=hour.donchian_low))
        target = own.target_atr_1h * hour.atr_pct / 100
        if held.return_fraction >= target:
            return leave(self.name, reason("target_reached", gain=held.return_fraction, target=target))
        return stay(self.name, reason("recovery_lasts", gain=held.return_fraction, target=target))


@by_identity(512)
def _idea(strategy: Recovery, quarter: FrameFeatures, hour: FrameFeatures) -> EntryIdea:
    """The same until another bar of 15 m has closed."""
    own, name = strategy.params.recovery, strategy.name
    trend_15m, trend_1h = frame_trend(quarter), frame_trend(hour)
    seen = reason("trends", trend_15m=trend_15m, trend_1h=trend_1h)
    as_of = oldest(quarter, hour)
    against = _not_turned(quarter, hour, trend_15m, trend_1h, own) or _not_calm(quarter, hour, own)
    if against is not None:
        return no_entry(name, against, seen, as_of=as_of)
    strength = 0.5 * trend_15m + 0.5 * max(0.0, trend_1h)
    full = own.target_atr_1h * hour.atr_pct / 100
    return an_entry(name, Direction.LONG, strength, full, own.horizon_min, as_of, reason("turned_after_panic"), seen)


def _not_turned(
    quarter: FrameFeatures, hour: FrameFeatures, trend_15m: float, trend_1h: float, own: RecoveryParams
) -> Reason | None:
    if trend_15m < own.min_trend_15m or quarter.close <= max(quarter.ema_fast, quarter.ema_slow):
        return reason("not_turned_15m", close=quarter.close)
    if trend_1h < own.min_trend_1h or hour.close <= hour.ema_fast:
        return reason("not_turned_1h", close=hour.close)
    return None


def _not_calm(quarter: FrameFeatures, hour: FrameFeatures, own: RecoveryParams) -> Reason | None:
    ratio = ROOT_OF_BARS * quarter.atr_pct / hour.atr_pct
    if ratio > own.max_volatility_ratio:
        return reason("volatility_not_falling", ratio=ratio)
    return reason("overbought", rsi=quarter.rsi) if quarter.rsi > own.max_rsi_15m else None
