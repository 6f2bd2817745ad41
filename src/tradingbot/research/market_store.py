"""Candles and funding on disk: one parquet file per asset and kind, of a fixed schema, replaced whole and durably.

``<folder>/candles_1m/BTC.parquet`` has what every recording has (``ts`` in UTC milliseconds of the bar's open,
``symbol``, ``open``, ``high``, ``low``, ``close``, ``volume`` in base units), so that the simulated venue can play the
folder; ``<folder>/funding_1h/BTC.parquet`` has ``ts`` of the hour's begin, ``symbol``, ``relative_rate`` (fraction of
the notional per hour). What the rows do not say stands in the file's metadata: where they came from, and for which
spans of time the source was asked. A gap within those is the source's own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from tradingbot.core.errors import ConfigurationError
from tradingbot.research.spans import Span, joined
from tradingbot.storage.files import replace_file

SCHEMA_VERSION: Final = 1
METADATA: Final = b"tradingbot"
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
REMEDY: Final = "move it away and download or import it anew"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file holds: its values by name, and the time from row to row."""

    name: str
    step_ms: int
    values: tuple[str, ...]


FUNDING: Final = Kind("funding_1h", HOUR_MS, ("relative_rate",))


def candles_of(step_ms: int) -> Kind:
    """Candles of this length: ``candles_1m``, ``candles_4h``."""
    minutes = step_ms // MINUTE_MS
    length = f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
    return Kind(f"candles_{length}", step_ms, ("open", "high", "low", "close", "volume"))


@dataclass(frozen=True, slots=True)
class Series:
    """One asset's rows of one kind, `ts` strictly rising. `symbol` is the source's name of it."""

    asset: str
    symbol: str
    source: str
    ts: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    asked: tuple[Span, ...] = ()

    def __len__(self) -> int:
        return len(self.ts)


def merged(*series: Series) -> Series:
    """All of them; where they overlap the later one wins. Raises ConfigurationError for those of different sources."""
    older, newer = series[0], series[-1]
    for what in ("source", "symbol"):
        if getattr(older, what) != getattr(newer, what):
            raise ConfigurationError(
                f"{newer.asset}: the stored rows have the {what} {getattr(older, what)}, the new ones "
                f"{getattr(newer, what)}; do not splice them: use another folder"
            )
    latest_first = series[::-1]  # of equal times the first one stays
    ts, chosen = np.unique(np.concatenate([one.ts for one in latest_first]), return_index=True)
    values = {name: np.concatenate([one.values[name] for one in latest_first])[chosen] for name in newer.values}
    return replace(newer, ts=ts, values=values, asked=joined(span for one in series for span in one.asked))


class MarketStore:
    """The files of one folder. Reading and writing block: for a thread, or a command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, kind: Kind, asset: str) -> Path:
        """Where an asset's rows lie."""
        return self.folder / kind.name / f"{asset}.parquet"

    def load(self, kind: Kind, asset: str) -> Series | None:
        """What is stored; None without a file. Raises ConfigurationError for a file that cannot be used."""
        path = self.path(kind, asset)
        if not path.exists():
            return None
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
            facts = orjson.loads((table.schema.metadata or {})[METADATA])
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise ConfigurationError(f"{path}: cannot be read as stored data ({error}); {REMEDY}") from error
        if facts["schema_version"] != SCHEMA_VERSION:
            raise ConfigurationError(f"{path}: schema {facts['schema_version']} is not known here; update the program")
        return _series(path, kind, asset, table, facts)

    def save(self, kind: Kind, series: Series) -> Path:
        """Put the rows in place of what was stored. Raises OSError."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        facts = {"schema_version": SCHEMA_VERSION, "kind": kind.name, "source": series.source, "asked": series.asked}
        columns: dict[str, Any] = {"ts": series.ts, "symbol": pa.array([series.symbol] * len(series), pa.string())}
        table = pa.table({**columns, **{name: series.values[name] for name in kind.values}})
        table = table.replace_schema_metadata({METADATA: orjson.dumps(facts), b"symbol": series.symbol.encode()})
        packed = io.BytesIO()
        pq.write_table(table, packed, compression="zstd")
        path = self.path(kind, series.asset)
        replace_file(path, packed.getvalue())
        return path


def _series(path: Path, kind: Kind, asset: str, table: Any, facts: Mapping[str, Any]) -> Series:
    wanted = ("ts", "symbol", *kind.values)
    if tuple(table.column_names) != wanted:
        raise ConfigurationError(
            f"{path}: columns are {', '.join(table.column_names)}, not {', '.join(wanted)}; {REMEDY}"
        )
    ts = table["ts"].to_numpy().astype(np.int64)
    if (np.diff(ts) <= 0).any() or (ts % kind.step_ms).any():
        raise ConfigurationError(f"{path}: times are not rising in steps of {kind.step_ms // MINUTE_MS} min; {REMEDY}")
    values = {name: table[name].to_numpy().astype(np.float64) for name in kind.values}
    symbol = (table.schema.metadata or {}).get(b"symbol", b"").decode()
    asked = tuple((int(begin), int(end)) for begin, end in facts["asked"])
    return Series(asset, symbol, str(facts["source"]), ts, values, asked)
