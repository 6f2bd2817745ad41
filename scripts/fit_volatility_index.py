"""Fit the mapping of realised BTC volatility to the VIX scale and write the page that explains it.

    python scripts/fit_volatility_index.py --data FOLDER --output docs/volatility-index.md

FOLDER holds candles_1h_spot_btc_2017_2021.parquet, candles_1h_perp_12sym_2023_2025.parquet (columns ts, symbol, close)
and vix_daily_1990_2025.parquet (column close). The knots printed are the defaults of `VolatilityIndexParams.knots`.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradingbot.core.types import Symbol, Timeframe, epoch_ms
from tradingbot.market.candles import Candles
from tradingbot.market.volatility_index import (
    Knot,
    VolatilityIndexParams,
    map_to_index,
    realised_volatility_pct,
)

FloatArray = NDArray[np.float64]
QUANTILES = (0.01, 0.05, 0.25, 0.50, 0.75, 0.90, 0.95, 0.975, 0.99, 0.995)
RECORDINGS = ("candles_1h_spot_btc_2017_2021.parquet", "candles_1h_perp_12sym_2023_2025.parquet")
LEADER = Symbol("BTCUSDT")


def hours_of(path: Path) -> Candles:
    """One-hour closes of BTC."""
    table = pd.read_parquet(path)
    rows = table[table["symbol"] == LEADER]
    close = rows["close"].to_numpy(np.float64).copy()
    return Candles(LEADER, Timeframe.H1, rows["ts"].to_numpy(np.int64).copy(), close, close, close, close, close)


def volatilities(hours: Candles, params: VolatilityIndexParams, since: datetime | None) -> FloatArray:
    """Realised volatility at the close of every hour that has enough hours behind it."""
    found = []
    for end in range(params.window_h + 1, len(hours) + 1):
        if since and hours.open_ms[end - 1] < epoch_ms(since):
            continue
        part = hours._slice(slice(end - params.window_h - 1, end))
        value = realised_volatility_pct(part, params)
        if value is not None:
            found.append(value)
    return np.array(found)


def fitted_knots(volatility: FloatArray, vix: FloatArray) -> tuple[Knot, ...]:
    """The same quantiles of both, rounded to a tenth."""
    pairs = zip(np.quantile(volatility, QUANTILES), np.quantile(vix, QUANTILES), strict=True)
    return tuple(Knot(volatility_pct=round(float(own), 1), index=round(float(quoted), 1)) for own, quoted in pairs)


def share_above(values: FloatArray, level: float) -> str:
    """Share of the time that values are above a level."""
    return f"{np.mean(values > level):.1%}" if values.size else "-"


def volatility_at(index: float, knots: tuple[Knot, ...]) -> float:
    """Realised volatility that maps to an index value."""
    grid = np.arange(1.0, 500.0, 0.1)
    mapped = np.array([map_to_index(float(value), knots) for value in grid])
    return float(grid[int(np.searchsorted(mapped, index))])


def page(parts: list[FloatArray], vix: FloatArray, params: VolatilityIndexParams, knots: tuple[Knot, ...]) -> str:
    """The whole page."""
    pooled = np.concatenate(parts)
    indices = [np.array([map_to_index(float(value), knots) for value in part]) for part in (pooled, *parts)]
    mapping = "\n".join(
        f"| {share:.1%} | {knot.volatility_pct:.1f} | {knot.index:.1f} |"
        for share, knot in zip(QUANTILES, knots, strict=True)
    )
    columns = (vix, *indices)
    rows = (
        (str(level), f"{volatility_at(level, knots):.0f}", *(share_above(part, level) for part in columns))
        for level in (20, 30, 40)
    )
    above = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return TEMPLATE.format(
        mapping=mapping,
        above=above,
        hours=f"{pooled.size:,}",
        window=params.window_h,
        days=f"{vix.size:,}",
        divisor=params.dvol_divisor,
        begin=f"{params.correlation_from:.2f}",
        full=f"{params.correlation_full:.2f}",
        lift=f"{params.correlation_raise_pct:g}",
    )


TEMPLATE = """# The volatility index

The regime asks for a volatility on the scale of the VIX, where 20, 30 and 40 mean uneasy, stress and crisis. BTC
moves several times as much as shares, so its volatility must be mapped.

| source | how it becomes the index |
|---|---|
| `vix` | as it is |
| `dvol` (Deribit's index of BTC) | divided by {divisor:g} (`dvol_divisor`), or by a table of its own (`dvol_knots`) |
| none, or a stale one | realised volatility of BTC over {window} one-hour bars, mapped by the table below |

**Realised volatility** is the square root of the sum of squared one-hour log returns over the hours they span, times
sqrt(8760), in per cent. At least 80 % of the window's bars must be there.

**Mapping.** A volatility becomes the VIX value that is as rare: both long-run distributions are cut at the same
quantiles, with straight lines between the knots and a line through zero below and above them. Fitted on {hours} hours
of BTC (August 2017 to December 2021, January 2023 to March 2025) and {days} daily closes of the VIX (January 1990 to
March 2025).

| quantile | realised BTC volatility, % a year | index |
|---|---|---|
{mapping}

**How often.** By construction the index of both periods together is above each level about as often as the VIX. BTC
has grown calmer, so the periods differ: who wants the levels to mean "unusual for the last years" fits the table on
them (`--since`).

| index above | that is a realised volatility of | VIX | index, all | index, 2017-2021 | index, 2023-2025 |
|---|---|---|---|---|---|
{above}

**Correlated moves.** The average pairwise correlation of one-hour returns over seven days raises the index: nothing
up to {begin}, then linearly up to {lift} % of the index at {full}. Among twelve perpetuals in 2023-2025 its median
was 0.68, and a tenth of the time it was above 0.80. The table was fitted without this rise.

Written by `scripts/fit_volatility_index.py`.
"""


def main() -> None:
    """Print the knots; write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the recordings")
    parser.add_argument("--output", type=Path, help="page to write")
    parser.add_argument("--since", type=datetime.fromisoformat, help="fit on BTC from here on, e.g. 2023-01-01T00:00Z")
    options = parser.parse_args()
    params = VolatilityIndexParams()
    parts = [volatilities(hours_of(options.data / name), params, options.since) for name in RECORDINGS]
    vix = pd.read_parquet(options.data / "vix_daily_1990_2025.parquet")
    knots = fitted_knots(np.concatenate(parts), vix["close"].to_numpy(np.float64))
    print("volatility_pct  index")
    for knot in knots:
        print(f"{knot.volatility_pct:14.1f}  {knot.index:5.1f}")
    print("these are the defaults" if knots == params.knots else "these are NOT the defaults of VolatilityIndexParams")
    if options.output:
        if options.since:
            parser.error("the page describes the fit on all years; leave out --since")
        options.output.write_text(page(parts, vix["close"].to_numpy(np.float64), params, knots), encoding="utf-8")


if __name__ == "__main__":
    main()
