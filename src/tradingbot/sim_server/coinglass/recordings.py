"""Reading what was recorded beside candles: fear & greed, funding, coins on exchanges, open interest.

A folder may hold any of these files; what is absent is derived from the market:

- ``fear_greed_daily*.parquet``: ``ts`` (the day it stands for, from whose 00:00 UTC on it is known), ``value``.
- ``funding_8h*.parquet``: ``ts`` (when it was settled), ``symbol``, ``funding_rate`` (fraction per 8 hours) and perhaps
  ``venue``; without one it is taken to be of Binance.
- ``onchain_daily_btc*.parquet``: ``ts`` (the day), ``metric``, ``value``; ``exchange_reserves`` are coins,
  ``open_interest`` USD. A day's figures are known some time after its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tradingbot.core.errors import ConfigurationError
from tradingbot.sim_server.recorded_files import asset_of
from tradingbot.simulator.coinglass_params import PublicationDelays
from tradingbot.simulator.intelligence_columns import DAY_MS
from tradingbot.simulator.intelligence_scale import EXCHANGE_NAMES
from tradingbot.simulator.intelligence_world import Recordings, Series

if TYPE_CHECKING:
    import pandas as pd

_NAMES: Final = {name.lower(): name for name in EXCHANGE_NAMES}


def read_recordings(folder: Path, delays: PublicationDelays | None = None) -> Recordings:
    """Everything of the folder that is known. Raises ConfigurationError naming a file that cannot be read.

    `delays` says when the chain's daily figures were known; mood and funding have the delays of what is made.
    """
    delays = delays or PublicationDelays()
    daily_ms = DAY_MS + round(delays.recorded_daily_s * 1000)
    reserves, interest = None, None
    for file in _found(folder, "onchain_daily_btc"):
        frame = _read(file, ("ts", "metric", "value"))
        reserves = _series(frame[frame["metric"] == "exchange_reserves"], "value", daily_ms)
        interest = _series(frame[frame["metric"] == "open_interest"], "value", daily_ms)
    mood = None
    for file in _found(folder, "fear_greed_daily"):
        mood = _series(_read(file, ("ts", "value")), "value", 0)
    return Recordings(
        fear_greed=mood,
        funding=_funding(_found(folder, "funding_8h")),
        reserves={"BTC": reserves} if reserves else {},
        interest_usd={"BTC": interest} if interest else {},
    )


def _found(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}*.parquet")) if folder.is_dir() else []


def _funding(files: Iterable[Path]) -> dict[str, dict[str, Series]]:
    """By asset and exchange; where two files tell of the same, the later one's rows win."""
    import pandas as pd

    parts: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for file in files:
        frame = _read(file, ("ts", "symbol", "funding_rate"))
        if "venue" not in frame.columns:
            frame = frame.assign(venue="binance")
        for (symbol, venue), rows in frame.groupby(["symbol", "venue"], sort=True, observed=True):
            exchange = _NAMES.get(str(venue).lower(), str(venue))
            parts.setdefault((asset_of(str(symbol)), exchange), []).append(rows)
    table: dict[str, dict[str, Series]] = {}
    for (asset, exchange), pieces in parts.items():
        series = _series(pd.concat(pieces), "funding_rate", 0)
        if series is not None:
            table.setdefault(asset, {})[exchange] = series
    return table


def _series(frame: pd.DataFrame, column: str, delay_ms: int) -> Series | None:
    frame = frame.dropna(subset=[column]).drop_duplicates("ts", keep="last").sort_values("ts")
    if frame.empty:
        return None
    times = frame["ts"].to_numpy(dtype=np.int64)
    return Series(times, times + delay_ms, frame[column].to_numpy(dtype=np.float64))


def _read(file: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: cannot be read as parquet: {error}") from error
    if missing := [name for name in columns if name not in frame.columns]:
        raise ConfigurationError(f"{file}: column {', '.join(missing)} is missing; needed are {', '.join(columns)}")
    return frame
