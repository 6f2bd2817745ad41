"""DefensiveHedge: a small short for a limited time, sold into a rally of a falling market.

Idea: in a downtrend, rallies into resistance fail more often than not, and a short there offsets what is still held.
Regimes: RISK_OFF, PANIC. Horizon: `time_limit_min`. Never long; never stronger than `max_strength`.

Entry: trends of 1 h and 4 h both down; 15 m above its mean and within `resistance_atr` ATRs of a resistance or above
it (its slow EMA, or the fast EMA of 1 h), yet below the slow EMA of 1 h; 1 h not so oversold that the fall is over;
funding does not make the short dear. Strength is the mean of both trends, up to `max_strength`.

Exit: the time limit; or the regime is no longer RISK_OFF or PANIC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Regime, Timeframe
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.multi_timeframe import frame_trend
from tradingbot.strategies.ideas import an_entry, fresh_frames, leave, no_entry, no_frames, oldest, stay
from tradingbot.strategies.params import DefensiveHedgeParams, StrategyParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, Held, StrategyView

FRAMES: Final = (Timeframe.M15, Timeframe.H1, Timeframe.H4)


@dataclass(frozen=True, slots=True)
class DefensiveHedge:
    """See the module. Pure: same view, same ideas."""

    params: StrategyParams
    name: str = "DefensiveHedge"
    regimes: frozenset[Regime] = frozenset({Regime.RISK_OFF, Regime.PANIC})

    def entry(self, view: StrategyView) -> EntryIdea:
        """A small short, or why not."""
        own = self.params.defensive_hedge
        frames = fresh_frames(view, FRAMES, self.params.max_age_bars)
        if frames is None:
            return no_entry(self.name, no_frames(FRAMES))
        quarter, hour, four = frames
        trends = frame_trend(hour), frame_trend(four)
        seen = reason("trends", trend_1h=trends[0], trend_4h=trends[1])
        as_of = oldest(*frames)
        against = _against(view, quarter, hour, max(trends), own)
        if against is not None:
            return no_entry(self.name, against, seen, as_of=as_of)
        strength = min(own.max_strength, -sum(trends) / 2)
        full = own.target_atr_1h * hour.atr_pct / 100
        why = reason("rally_into_resistance", resistance=_resistance(quarter, hour), close=quarter.close)
        return an_entry(self.name, Direction.SHORT, strength, full, own.time_limit_min, as_of, why, seen)

    def exit(self, view: StrategyView, held: Held) -> ExitIdea:
        """Leave at the time limit or with the regime."""
        own = self.params.defensive_hedge
        age_min = (view.as_of - held.entry_time).total_seconds() / 60
        if age_min >= own.time_limit_min:
            return leave(self.name, reason("time_limit", age_min=age_min, limit_min=own.time_limit_min))
        if view.regime.regime not in self.regimes:
            return leave(self.name, reason("regime_over", regime=view.regime.regime.value))
        return stay(self.name, reason("hedge_lasts", age_min=age_min))


def _resistance(quarter: FrameFeatures, hour: FrameFeatures) -> float:
    """The nearer of two averages that a rally in a downtrend meets first, USD."""
    return min(quarter.ema_slow, hour.ema_fast)


def _against(
    view: StrategyView, quarter: FrameFeatures, hour: FrameFeatures, higher_trend: float, own: DefensiveHedgeParams
) -> Reason | None:
    """What forbids to sell now."""
    if higher_trend > -own.min_downtrend:
        return reason("no_common_downtrend")
    if hour.rsi < own.min_rsi_1h:
        return reason("fall_too_old", rsi_1h=hour.rsi)
    if quarter.close >= hour.ema_slow:
        return reason("above_resistance", close=quarter.close, ema_slow_1h=hour.ema_slow)
    below_atr = (_resistance(quarter, hour) - quarter.close) / quarter.atr
    if quarter.zscore < own.min_zscore or below_atr > own.resistance_atr:
        return reason("no_rally", zscore=quarter.zscore, below_resistance_atr=below_atr)
    if view.funding_8h is not None and -view.funding_8h > own.max_funding_8h:
        return reason("funding_too_dear", funding_8h=view.funding_8h)
    return None
