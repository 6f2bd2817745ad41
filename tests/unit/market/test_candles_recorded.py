"""Higher candles built from recorded minutes are the recorded higher candles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.shared_data import recorded
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.candles import Candles, disagreeing, resample


def load(file: str, symbol: str, frame: Timeframe, rows: int) -> Candles:
    """The first rows of one symbol of a recording."""
    table = pd.read_parquet(recorded(f"market/{file}"))
    table = table[table["symbol"].str.startswith(symbol)].head(rows)
    columns = (table[name].to_numpy(dtype=np.float64) for name in ("open", "high", "low", "close", "volume"))
    return Candles(Symbol(f"{symbol}USDT"), frame, table["ts"].to_numpy(dtype=np.int64), *columns)


@pytest.mark.recorded
@pytest.mark.parametrize("symbol", ["BTC", "ETH", "SOL"])
def test_five_minutes_of_minutes_are_the_five_minute_bar(symbol: str) -> None:
    """Thousands of real bars, prices to the last digit."""
    minutes = load("candles_1m_perp_2023.parquet", symbol, Timeframe.M1, 60_000)
    told = load("candles_5m_perp_2023.parquet", symbol, Timeframe.M5, 12_000)
    built = resample(minutes, Timeframe.M5)
    both = np.intersect1d(built.open_ms, told.open_ms)
    assert len(both) > 3_000
    assert disagreeing(built, told, 0.0).tolist() == []
