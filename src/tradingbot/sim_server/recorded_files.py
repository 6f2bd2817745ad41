"""Reading recorded candles from parquet or CSV files, with one clear error for each way a file can be wrong.

Columns: ``ts`` (UTC epoch milliseconds of the bar's open), ``symbol``, ``open``, ``high``, ``low``, ``close`` (USD) and
``volume`` (base units). A file, or a folder whose files together hold the recording.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tradingbot.core.errors import ConfigurationError
from tradingbot.simulator.recorded_track import RecordedColumns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RecordedColumns", "asset_of", "columns_of", "read_frame", "read_recording"]

COLUMNS: Final = ("ts", "symbol", "open", "high", "low", "close", "volume")
SUFFIXES: Final = (".parquet", ".csv")
_ALIASES: Final = {"XBT": "BTC", "MATIC": "POL", "XDG": "DOGE"}
_QUOTES: Final = ("USDT", "USDC", "USD", "PERP")
_MINUTE_MS: Final = 60_000


def asset_of(symbol: str) -> str:
    """The canonical asset of a recorded symbol: BTC of ``BTC``, ``BTCUSDT``, ``PF_XBTUSD``, ``BTC/USDT:USDT``."""
    name = symbol.strip().upper().split(":")[0]
    name = re.sub(r"^(PF|PI|FI|FF)_", "", name)
    parts = [part for part in re.split(r"[/\-_]", name) if part]
    name = parts[0] if parts else ""
    for quote in _QUOTES:
        if name.endswith(quote) and len(name) > len(quote):
            name = name.removesuffix(quote)
            break
    return _ALIASES.get(name, name)


def read_recording(path: Path, assets: Sequence[str] | None = None) -> Mapping[str, RecordedColumns]:
    """Columns per asset; only of `assets`, when given. Raises ConfigurationError naming the file and the remedy."""
    files = _files(path)
    frames = [_checked(read_frame(file), file) for file in files]
    found: dict[str, list[tuple[Path, pd.DataFrame]]] = {}
    for file, frame in zip(files, frames, strict=True):
        for symbol, rows in frame.groupby("symbol", sort=True, observed=True):
            asset = asset_of(str(symbol))
            if assets is None or asset in assets:
                found.setdefault(asset, []).append((file, rows))
    if missing := [asset for asset in assets or () if asset not in found]:
        present = sorted({asset_of(str(symbol)) for frame in frames for symbol in frame["symbol"].unique()})
        raise ConfigurationError(f"{path}: no rows for {', '.join(missing)}; it has {', '.join(present) or 'none'}")
    return {asset: _columns(path, asset, pieces) for asset, pieces in found.items()}


def columns_of(file: Path, asset: str, rows: pd.DataFrame) -> RecordedColumns:
    """One asset's checked columns. Raises ConfigurationError naming the row and the remedy."""
    return _columns(file, asset, [(file, _checked(rows, file))])


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
        if not files:
            raise ConfigurationError(f"{path}: this folder holds no .parquet or .csv file")
        return files
    if not path.exists():
        raise ConfigurationError(f"{path}: no such file or folder")
    return [path]


def read_frame(file: Path) -> pd.DataFrame:
    """A file as it is. Raises ConfigurationError."""
    import pandas as pd

    if file.suffix not in SUFFIXES:
        raise ConfigurationError(f"{file}: unknown kind of file {file.suffix!r}; recordings are .parquet or .csv")
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        return pd.read_csv(file)
    except (OSError, ValueError, UnicodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ConfigurationError(f"{file}: cannot be read as {file.suffix[1:]}: {error}") from error


def _checked(frame: pd.DataFrame, file: Path) -> pd.DataFrame:
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise ConfigurationError(
            f"{file}: column {', '.join(missing)} is missing; needed are {', '.join(COLUMNS)}, "
            f"there are {', '.join(map(str, frame.columns))}"
        )
    frame = frame.loc[:, list(COLUMNS)]
    if frame.empty:
        raise ConfigurationError(f"{file}: there are no rows")
    for name in (name for name in COLUMNS if name != "symbol"):
        if frame[name].dtype.kind not in "iuf":
            raise ConfigurationError(f"{file}: column {name} holds {frame[name].dtype}, not numbers")
        _refuse(file, frame, frame[name].isna() | np.isinf(frame[name]), f"{name} is not a finite number")
    _refuse(file, frame, frame["symbol"].isna(), "symbol is empty")
    _refuse(file, frame, frame["ts"] < 10**11, "ts is not in milliseconds since 1970 (UTC)")
    _refuse(file, frame, (frame[["open", "high", "low", "close"]] <= 0).any(axis=1), "a price is not above 0")
    _refuse(file, frame, frame["volume"] < 0, "volume is negative")
    _refuse(file, frame, frame["high"] < frame["low"], "high is below low")
    outside = (frame[["open", "close"]].max(axis=1) > frame["high"]) | (
        frame[["open", "close"]].min(axis=1) < frame["low"]
    )
    _refuse(file, frame, outside, "open or close lies outside low..high")
    return frame


def _refuse(file: Path, frame: pd.DataFrame, bad: pd.Series[bool], why: str) -> None:
    if bad.any():
        place = int(np.flatnonzero(bad.to_numpy())[0])
        row = {name: frame[name].iloc[place] for name in COLUMNS}
        raise ConfigurationError(f"{file}: row {place + 1}: {why} ({_text(row)})")


def _text(row: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _columns(path: Path, asset: str, pieces: list[tuple[Path, pd.DataFrame]]) -> RecordedColumns:
    symbols = sorted({str(symbol) for _, rows in pieces for symbol in rows["symbol"].unique()})
    if len(symbols) > 1:
        raise ConfigurationError(f"{path}: {' and '.join(symbols)} are both {asset}; keep one of them")
    pieces = sorted(pieces, key=lambda piece: int(piece[1]["ts"].iloc[0]))
    ts = np.concatenate([rows["ts"].to_numpy(dtype=np.int64) for _, rows in pieces])
    steps = np.diff(ts)
    if (steps <= 0).any():
        place = int(np.flatnonzero(steps <= 0)[0])
        what = "appears twice" if steps[place] == 0 else "comes after a later time: the rows are not sorted"
        files = ", ".join(sorted({file.name for file, _ in pieces}))
        raise ConfigurationError(f"{path}: {asset}: time {ts[place + 1]} {what} ({files})")
    step_ms = int(steps.min()) if len(steps) else _MINUTE_MS
    if step_ms % _MINUTE_MS:
        raise ConfigurationError(f"{path}: {asset}: bars are {step_ms / 1000:g} s long; whole minutes are needed")
    if (off := np.flatnonzero((ts - ts[0]) % step_ms | ts % _MINUTE_MS)).size:
        raise ConfigurationError(
            f"{path}: {asset}: time {ts[off[0]]} does not lie on the grid of {step_ms // _MINUTE_MS} minute bars"
        )
    open_, high, low, close, volume = (_values(pieces, name) for name in COLUMNS[2:])
    return RecordedColumns(ts, open_, high, low, close, volume, step_ms)


def _values(pieces: Iterable[tuple[Path, pd.DataFrame]], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.concatenate([rows[name].to_numpy(dtype=np.float64) for _, rows in pieces])
