"""Candles of other programs' files, in our form: CSV or parquet, under the column names that are usual.

Times may be epoch seconds, milliseconds, microseconds or nanoseconds, or texts with a zone (without one they are UTC).
A file without a column of symbols is of the one symbol that was named, or else that its name begins with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.errors import ConfigurationError
from tradingbot.research.market_store import Series
from tradingbot.sim_server.recorded_files import asset_of, columns_of, read_frame
from tradingbot.simulator.recorded_track import RecordedColumns

if TYPE_CHECKING:
    import pandas as pd

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "ts": ("ts", "timestamp", "time", "date", "datetime", "open_time", "opentime"),
    "symbol": ("symbol", "pair", "instrument", "tradeable", "market"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "base_volume"),
}
SOURCE: Final = "imported"
EPOCHS: Final = ((10**10, 1_000), (10**13, 1), (10**16, 1e-3), (10**19, 1e-6))
"""Numbers below the first are seconds, below the next milliseconds and so on; with the factor to milliseconds."""


def imported(file: Path, symbol: str = "") -> list[tuple[Series, RecordedColumns]]:
    """Every asset of a file, checked. Raises ConfigurationError naming the file, the row and the remedy."""
    frame = _renamed(file, read_frame(file), symbol)
    frame["ts"] = _milliseconds(file, frame["ts"])
    found = []
    for name, rows in frame.groupby("symbol", sort=True, observed=True):
        asset = asset_of(str(name))
        columns = columns_of(file, asset, rows.sort_values("ts", kind="stable"))
        values = {one: getattr(columns, one) for one in ("open", "high", "low", "close", "volume")}
        span = (int(columns.open_ms[0]), int(columns.open_ms[-1]) + columns.step_ms)
        found.append((Series(asset, str(name), SOURCE, columns.open_ms, values, (span,)), columns))
    return found


def _renamed(file: Path, frame: pd.DataFrame, symbol: str) -> pd.DataFrame:
    present = {str(name).strip().lower(): name for name in frame.columns}
    chosen = {wanted: next((present[n] for n in names if n in present), None) for wanted, names in NAMES.items()}
    if symbol:
        chosen["symbol"] = None
    lacking = [wanted for wanted, name in chosen.items() if name is None and wanted != "symbol"]
    if lacking:
        known = "; ".join(f"{wanted}: {', '.join(NAMES[wanted])}" for wanted in lacking)
        raise ConfigurationError(
            f"{file}: there is no column for {', '.join(lacking)} (names that are known: {known}); "
            f"it has {', '.join(map(str, frame.columns))}"
        )
    result = frame[[name for name in chosen.values() if name is not None]].copy()
    result.columns = [wanted for wanted, name in chosen.items() if name is not None]
    if chosen["symbol"] is None:
        result["symbol"] = symbol or _named_by(file)
    return result


def _named_by(file: Path) -> str:
    """``BTC`` of ``BTC_USDT-1m.parquet``, ``XBTUSD`` of ``XBTUSD_60.csv``."""
    found = re.match(r"[A-Za-z0-9]+", file.stem)
    if found is None or found[0].isdecimal():
        raise ConfigurationError(f"{file}: there is no column of symbols; say which one it is with --symbol")
    return found[0]


def _milliseconds(file: Path, column: pd.Series[Any]) -> NDArray[np.int64]:
    import pandas as pd

    if column.dtype.kind in "iuf":
        if not len(column) or not np.isfinite(column.to_numpy(dtype=np.float64)).all():
            raise ConfigurationError(f"{file}: there are times that are no numbers, or no rows at all")
        newest = float(column.max())
        factor = next((factor for limit, factor in EPOCHS if newest < limit), None)
        if factor is None or float(column.min()) <= 0:
            raise ConfigurationError(f"{file}: times from {column.min()} to {newest:g} are no times since 1970")
        numbers = column.to_numpy()
        return np.round(numbers * factor).astype(np.int64) if factor < 1 else numbers.astype(np.int64) * int(factor)
    try:
        moments = pd.to_datetime(column, utc=True)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{file}: times cannot be read: {error}") from error
    if moments.isna().any():
        raise ConfigurationError(f"{file}: row {int(np.flatnonzero(moments.isna())[0]) + 1}: there is no time")
    return np.asarray(moments.dt.as_unit("ms").astype("int64"), dtype=np.int64)
