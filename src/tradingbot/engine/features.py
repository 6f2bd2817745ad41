"""Keeps every symbol's features: one-minute ones carried along, those of higher timeframes made when a bar closes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.candles import Candles
from tradingbot.market.frame_features import FrameFeatures, FrameParams, frame_features
from tradingbot.market.minute_features import FeatureWindows, MinuteFeatures
from tradingbot.market.minute_tracker import MinuteTracker


@dataclass(slots=True)
class _Known:
    tracker: MinuteTracker
    frames: dict[Timeframe, FrameFeatures] = field(default_factory=dict)
    closes_ms: dict[Timeframe, tuple[int, int]] = field(default_factory=dict)


class FeatureKeeper:
    """Features of all symbols, equal to what would be computed anew from the same candles."""

    def __init__(self, windows: FeatureWindows, frames: FrameParams, symbols: Iterable[Symbol]) -> None:
        self._frame_params = frames
        self._leader = Symbol(windows.leader)
        self._known = {symbol: _Known(MinuteTracker(windows)) for symbol in symbols}

    def minute(self, symbol: Symbol, minutes: Mapping[Symbol, Candles]) -> MinuteFeatures | None:
        """One-minute features of a symbol; `minutes` has every symbol's candles."""
        leader = minutes.get(self._leader) if symbol != self._leader else None
        return self._known[symbol].tracker.update(minutes[symbol], leader)

    def frames(self, symbol: Symbol, series: Iterable[Candles]) -> Mapping[Timeframe, FrameFeatures]:
        """Features of every timeframe that has enough bars; each is made again only when its bars have changed."""
        known = self._known[symbol]
        for candles in series:
            if not len(candles):
                continue
            frame, state = candles.timeframe, (int(candles.open_ms[-1]), len(candles))
            if known.closes_ms.get(frame) == state and float(candles.close[-1]) == _close(known.frames.get(frame)):
                continue
            known.closes_ms[frame] = state
            made = frame_features(candles, self._frame_params)
            if made is not None:
                known.frames[frame] = made
            else:
                known.frames.pop(frame, None)
        return dict(known.frames)

    def resume(self, symbol: Symbol, frames: Mapping[Timeframe, FrameFeatures], series: Iterable[Candles]) -> None:
        """Go on from the features that a symbol had of these very candles."""
        known = self._known[symbol]
        known.frames = dict(frames)
        known.closes_ms = {one.timeframe: (int(one.open_ms[-1]), len(one)) for one in series if len(one)}


def _close(features: FrameFeatures | None) -> float | None:
    return None if features is None else features.close
