"""Compare the synthetic market with recorded one-minute candles and write the table into the documentation.

    python scripts/compare_markets.py candles_1m.parquet --days 45 --seed 7 --output docs/synthetic-market.md

The recording has the columns ts (UTC ms), symbol, open, high, low, close, volume. The same code measures both markets.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tradingbot.sim_server.recorded_files import RecordedColumns, read_recording
from tradingbot.simulator.synthetic_block import FIELDS
from tradingbot.simulator.synthetic_market import SyntheticMarket

FloatArray = NDArray[np.float64]
ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA")
LAGS = (1, 5, 15, 60, 240, 720, 1440)
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True, slots=True)
class Series:
    """One asset's minutes; `volume` in base units."""

    ts: NDArray[np.int64]
    close: FloatArray
    high: FloatArray
    low: FloatArray
    volume: FloatArray

    @property
    def returns(self) -> FloatArray:
        """Log returns from close to close."""
        return np.diff(np.log(self.close))


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's."""
    return float(np.corrcoef(first, second)[0, 1])


def kurtosis(values: FloatArray) -> float:
    """Fourth standardised moment: 3 for a normal distribution."""
    centred = values - values.mean()
    return float((centred**4).mean() / centred.var() ** 2)


def measures(series: Series, btc: Series) -> dict[str, float]:
    """What is compared, per asset."""
    returns, size = series.returns, np.abs(series.returns)
    hours = np.add.reduceat(returns, np.arange(0, len(returns) // 60 * 60, 60))
    table = {
        "std of 1 m returns, bps": float(returns.std() * 1e4),
        "std relative to BTC": float(returns.std() / btc.returns.std()),
        "kurtosis, 1 m": kurtosis(returns),
        "kurtosis, 1 h": kurtosis(hours),
        "99 % quantile of abs. return / std": float(np.quantile(size, 0.99) / returns.std()),
        "99.9 % quantile of abs. return / std": float(np.quantile(size, 0.999) / returns.std()),
        "variance ratio 1 h / (60 x 1 m)": float(hours.var() / (60 * returns.var())),
    }
    for lag in (1, 2, 3):
        table[f"autocorrelation of returns, lag {lag}"] = correlation(returns[lag:], returns[:-lag])
    for lag in LAGS:
        table[f"autocorrelation of abs. returns, lag {lag}"] = correlation(size[lag:], size[:-lag])
    volume = series.volume[1:]
    table["leverage: return with abs. return 1 m later"] = correlation(returns[:-1], size[1:])
    table["leverage: return with abs. return 5 m later"] = correlation(returns[:-5], size[5:])
    table["volume with abs. return"] = correlation(volume, size)
    log_volume = np.log(volume + 1e-9 + volume.mean() * 1e-3)
    for lag in (1, 60, 1440):
        table[f"autocorrelation of log volume, lag {lag}"] = correlation(log_volume[lag:], log_volume[:-lag])
    table["high-low range / abs. return"] = float(np.log(series.high / series.low).mean() / size.mean())
    return table | _with_btc(series, btc)


def _with_btc(series: Series, btc: Series) -> dict[str, float]:
    if series is btc:
        return {}
    _, mine, its = np.intersect1d(series.ts[1:], btc.ts[1:], return_indices=True)
    ours, theirs = series.returns[mine], btc.returns[its]
    whole = np.arange(0, len(ours) // 60 * 60, 60)
    return {
        "correlation with BTC, 1 m": correlation(ours, theirs),
        "correlation with BTC, 1 h": correlation(np.add.reduceat(ours, whole), np.add.reduceat(theirs, whole)),
        "correlation with BTC 1 m before": correlation(ours[1:], theirs[:-1]),
        "correlation with BTC 2 m before": correlation(ours[2:], theirs[:-2]),
    }


def recorded_series(columns: RecordedColumns) -> Series:
    """A recording as a series."""
    return Series(columns.open_ms, columns.close, columns.high, columns.low, columns.volume)


def synthetic_series(seed: int, days: int, volatility: float) -> dict[str, Series]:
    """The synthetic market over some days."""
    market = SyntheticMarket(seed, ASSETS, history_minutes=1440, volatility=volatility)
    first_ms = market.start_ms // 86_400_000 * 86_400_000
    bars = np.concatenate([market.day(first_ms + day * 86_400_000) for day in range(days)])
    ts = first_ms + np.arange(len(bars), dtype=np.int64) * 60_000
    field = {name: place for place, name in enumerate(FIELDS)}
    return {
        asset: Series(
            ts,
            bars[:, place, field["close"]],
            bars[:, place, field["high"]],
            bars[:, place, field["low"]],
            bars[:, place, field["volume_base"]],
        )
        for place, asset in enumerate(ASSETS)
    }


def table(real: dict[str, Series], runs: Sequence[dict[str, Series]]) -> str:
    """Markdown: per asset the recording, then the median of the synthetic runs."""
    lines = [
        "| measure | " + " | ".join(f"{asset} real | {asset} synthetic" for asset in ASSETS) + " |",
        "|---|" + "---|" * (2 * len(ASSETS)),
    ]
    real_measures = {asset: measures(real[asset], real["BTC"]) for asset in ASSETS}
    run_measures = [{asset: measures(run[asset], run["BTC"]) for asset in ASSETS} for run in runs]
    for name in real_measures["ETH"]:
        cells = []
        for asset in ASSETS:
            cells.append(_cell(real_measures[asset].get(name)))
            found = [run[asset][name] for run in run_measures if name in run[asset]]
            cells.append(_cell(statistics.median(found) if found else None))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def hourly(series: Sequence[Series], what: Callable[[Series], FloatArray]) -> str:
    """Mean by hour of the UTC day, as multiples of the average."""
    profile = np.zeros(24)
    for one in series:
        hours = one.ts[1:] // 3_600_000 % 24
        values = what(one)
        profile += np.array([values[hours == hour].mean() for hour in range(24)]) / values.mean() / len(series)
    return " ".join(f"{value:.2f}" for value in profile)


def report(path: Path, days: int, seeds: Sequence[int]) -> str:
    """The measured part of the page."""
    recording = read_recording(path, ASSETS)
    real = {asset: recorded_series(recording[asset]) for asset in ASSETS}
    runs = [synthetic_series(seed, days, volatility=1.0) for seed in seeds]
    size: Callable[[Series], FloatArray] = lambda one: np.abs(one.returns)  # noqa: E731
    return "\n".join(
        [
            BEGIN,
            f"Recording: {len(real['BTC'].ts):,} minutes of BTC. Synthetic: {days} days at `volatility` 1, median of "
            f"the seeds {', '.join(map(str, seeds))}.",
            "",
            table(real, runs),
            "",
            "BTC volatility by hour of the UTC day, as multiples of the average:",
            "",
            "```",
            f"real      {hourly([real['BTC']], size)}",
            f"synthetic {hourly([run['BTC'] for run in runs], size)}",
            "```",
            END,
        ]
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--days", type=int, default=45)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--output", type=Path, help="page whose measured part is replaced; default: print")
    arguments = parser.parse_args()
    text = report(arguments.recording, arguments.days, arguments.seeds)
    if arguments.output is None:
        print(text)
        return
    page = arguments.output.read_text(encoding="utf-8")
    parts = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    arguments.output.write_text(parts.sub(lambda _: text, page), encoding="utf-8")


if __name__ == "__main__":
    main()
