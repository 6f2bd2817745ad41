"""What is read out of a snapshot before anything is decided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support import BTC, NOW, a_snapshot, a_stamp, a_symbol, candles_of
from tradingbot.core.records import reason
from tradingbot.core.types import Timeframe
from tradingbot.market.candles import Candles
from tradingbot.market.frame_features import FrameParams, frame_features
from tradingbot.market.intelligence import FearGreed, Feed, MarketIntel, VolatilityReading
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.reading import ReadingParams, read_market

HOURS = (Timeframe.H1, Timeframe.H4, Timeframe.D1)


def market(problems: dict[Feed, str]) -> MarketSnapshot:
    """BTC with its higher timeframes, a quoted volatility index, and feeds that are out."""
    higher = {frame: _series(frame) for frame in HOURS}
    frames = {frame: made for frame, one in higher.items() if (made := frame_features(one, FrameParams())) is not None}
    quoted = VolatilityReading(a_stamp(), "dvol", 96.0)
    out = {feed: (reason(code),) for feed, code in problems.items()}
    intel = MarketIntel(FearGreed(a_stamp(), 50.0), quoted, out)
    return replace(a_snapshot(a_symbol(BTC, higher=higher, frames=frames)), intel=intel)


def _series(frame: Timeframe) -> Candles:
    walk = 2000 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.002, 300)))
    newest_ms = int(NOW.timestamp()) * 1000 // frame.ms * frame.ms
    minutes = candles_of(walk, BTC)
    times = newest_ms - frame.ms * np.arange(300, 0, -1, dtype=np.int64)
    return replace(minutes, timeframe=frame, open_ms=times)


@pytest.mark.parametrize(
    ("problems", "kind"),
    [
        ({}, "dvol"),
        ({Feed.FEAR_GREED: "stale"}, "dvol"),
        ({Feed.VOLATILITY_INDEX: "stale"}, "realised"),
    ],
)
def test_the_quoted_index_counts_unless_it_is_out_itself(problems: dict[Feed, str], kind: str) -> None:
    """Trouble of another feed takes nothing from it (SPEC 3.6: a breach quarantines that feed only)."""
    regime = read_market(market(problems), ReadingParams()).regime
    (index,) = [dict(why.numbers) for why in regime.reasons if why.code == "volatility_index"]
    assert index["kind"] == kind
