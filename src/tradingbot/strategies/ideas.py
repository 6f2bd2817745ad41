"""What all strategies need: fresh frames, and ideas put into words once."""

from __future__ import annotations

from datetime import datetime

from tradingbot.core.opinions import Opinion
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Timeframe
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.multi_timeframe import is_fresh
from tradingbot.strategies.params import OpinionParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, StrategyView


def fresh_frames(
    view: StrategyView, frames: tuple[Timeframe, ...], max_age_bars: float
) -> tuple[FrameFeatures, ...] | None:
    """The frames asked for, in their order; None when one is missing, stale, from the future or without any range."""
    found = []
    for frame in frames:
        features = view.frames.get(frame)
        if features is None or not features.atr > 0 or not is_fresh(features, view.as_of, max_age_bars):
            return None
        found.append(features)
    return tuple(found)


def no_frames(frames: tuple[Timeframe, ...]) -> Reason:
    """Why nothing can be said."""
    return reason("frames_missing_or_stale", needed=",".join(frames))


def no_entry(strategy: str, *why: Reason, as_of: datetime | None = None) -> EntryIdea:
    """NEUTRAL, and why."""
    return EntryIdea(strategy, Direction.NEUTRAL, 0.0, 0.0, 0.0, as_of, why)


def an_entry(
    strategy: str,
    direction: Direction,
    strength: float,
    full_move_fraction: float,
    horizon_min: float,
    as_of: datetime,
    *why: Reason,
) -> EntryIdea:
    """An idea whose expected move is the move at full strength times the strength."""
    clipped = min(1.0, max(0.0, strength))
    if clipped == 0.0:
        return no_entry(strategy, *why, as_of=as_of)
    return EntryIdea(strategy, direction, clipped, clipped * full_move_fraction * 10_000, horizon_min, as_of, why)


def stay(strategy: str, why: Reason) -> ExitIdea:
    """No exit, and why."""
    return ExitIdea(strategy, exit_now=False, why=why)


def leave(strategy: str, why: Reason) -> ExitIdea:
    """Exit now, and why."""
    return ExitIdea(strategy, exit_now=True, why=why)


def oldest(*frames: FrameFeatures) -> datetime:
    """When the oldest of the inputs was true."""
    return min(features.as_of for features in frames)


STRATEGY_SOURCE = "strategy"


def opinion_of(idea: EntryIdea, share: float, params: OpinionParams) -> Opinion:
    """An idea as one voice of the ensemble; `share` of the active strategies' capital, 0..1.

    The probability that the price is higher is 0.5 plus or minus strength x `full_strength_tilt`; NEUTRAL is 0.5.
    """
    sign = idea.direction.sign
    return Opinion(
        source=f"{STRATEGY_SOURCE}:{idea.strategy}",
        direction=idea.direction,
        probability=0.5 + sign * idea.strength * params.full_strength_tilt,
        expected_move_bps=sign * idea.expected_move_bps,
        horizon_min=idea.horizon_min,
        weight=share,
        as_of=idea.as_of,
        reasons=idea.reasons,
    )
