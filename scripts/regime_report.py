"""Play the regime hour by hour over recorded candles and write what it would have been into the documentation.

    python scripts/regime_report.py --data FOLDER --output docs/regimes.md

FOLDER holds candles_1h_spot_btc_2017_2021.parquet and candles_1h_perp_12sym_2023_2025.parquet with the columns ts (UTC
ms of the open), symbol, open, high, low, close, volume.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from tradingbot.core.types import Regime, Symbol, Timeframe, epoch_ms, utc_from_ms
from tradingbot.market.candles import Candles, resample
from tradingbot.market.frame_features import FrameFeatures, FrameParams, frame_features
from tradingbot.market.regime import RegimeReading, next_regime, plain_regime
from tradingbot.market.regime_metrics import LEADER, RegimeMetrics, regime_metrics
from tradingbot.market.regime_params import RegimeParams

HOUR = timedelta(hours=1)
PERIODS = (
    ("2017-2021, spot BTC alone", "candles_1h_spot_btc_2017_2021.parquet"),
    ("2023-2025, twelve perpetuals", "candles_1h_perp_12sym_2023_2025.parquet"),
)


@dataclass(frozen=True, slots=True)
class Played:
    """One period played: an hour's moment, its metrics, the reading, and the regime that levels alone would give."""

    name: str
    times: list[datetime]
    metrics: list[RegimeMetrics]
    readings: list[RegimeReading]
    plain: list[Regime]

    @property
    def years(self) -> float:
        return len(self.times) / 8766


def candles_of(path: Path) -> dict[Symbol, Candles]:
    """One-hour candles by symbol."""
    table = pd.read_parquet(path)
    found = {}
    for name, rows in table.groupby("symbol", observed=True):
        columns = (rows[column].to_numpy(np.float64).copy() for column in ("open", "high", "low", "close", "volume"))
        found[Symbol(str(name))] = Candles(
            Symbol(str(name)), Timeframe.H1, rows["ts"].to_numpy(np.int64).copy(), *columns
        )
    return found


class Frames:
    """Frame indicators of the leader as they were known at a moment; computed once per closed bar."""

    def __init__(self, hours: Candles) -> None:
        self._series = {frame: hours if frame is Timeframe.H1 else resample(hours, frame) for frame in FRAMES}
        self._closes = {frame: series.open_ms + frame.ms for frame, series in self._series.items()}
        self._known: dict[Timeframe, tuple[int, FrameFeatures | None]] = {}

    def at(self, now: datetime) -> dict[Timeframe, FrameFeatures]:
        found = {}
        for frame, series in self._series.items():
            end = int(np.searchsorted(self._closes[frame], epoch_ms(now), side="right"))
            if self._known.get(frame, (-1, None))[0] != end:
                bars = series._slice(slice(max(0, end - PARAMS.window_bars), end))
                self._known[frame] = (end, frame_features(bars, PARAMS))
            features = self._known[frame][1]
            if features is not None:
                found[frame] = features
        return found


FRAMES = (Timeframe.H1, Timeframe.H4, Timeframe.D1)
PARAMS = FrameParams()
LOOK_BACK = 200


def play(name: str, hours: Mapping[Symbol, Candles], params: RegimeParams) -> Played:
    """Every hour from the first one with all inputs to the last."""
    leader = hours[LEADER]
    frames = Frames(leader)
    played = Played(name, [], [], [], [])
    previous: RegimeReading | None = None
    now = utc_from_ms(int(leader.open_ms[0])) + 24 * PARAMS.min_bars * HOUR
    last = utc_from_ms(leader.last_close_ms or 0)
    ends = dict.fromkeys(hours, 0)
    while now <= last:
        recent = {}
        for symbol, candles in hours.items():
            ends[symbol] = int(np.searchsorted(candles.open_ms, epoch_ms(now) - Timeframe.H1.ms, side="right"))
            recent[symbol] = candles._slice(slice(max(0, ends[symbol] - LOOK_BACK), ends[symbol]))
        metrics = regime_metrics(recent, frames.at(now), None, now, params)
        previous = next_regime(previous, metrics, now, params)
        played.times.append(now)
        played.metrics.append(metrics)
        played.readings.append(previous)
        usable = not metrics.problems_at(now, params.max_age_h)
        played.plain.append(plain_regime(metrics, params) if usable or not played.plain else played.plain[-1])
        now += HOUR
    return played


def switches(regimes: list[Regime]) -> int:
    """How often the regime is another one than an hour before."""
    return sum(1 for old, new in pairwise(regimes) if old is not new)


def spells(played: Played) -> list[tuple[Regime, datetime, int]]:
    """(regime, begin, hours) of every stretch."""
    found: list[tuple[Regime, datetime, int]] = []
    for moment, reading in zip(played.times, played.readings, strict=True):
        if found and found[-1][0] is reading.regime:
            found[-1] = (found[-1][0], found[-1][1], found[-1][2] + 1)
        else:
            found.append((reading.regime, moment, 1))
    return found


def shares(played: Played) -> str:
    """One row per regime."""
    stretches = spells(played)
    total, plain = len(played.times), Counter(played.plain)
    lines = [
        "| regime | share of time | entered per year | mean length | share by the levels alone |",
        "|---|---|---|---|---|",
    ]
    for regime in Regime:
        own = [hours for held, _, hours in stretches if held is regime]
        mean = f"{sum(own) / len(own) / 24:.1f} days" if own else "-"
        cells = (f"{sum(own) / total:.1%}", f"{len(own) / played.years:.1f}", mean, f"{plain[regime] / total:.1%}")
        lines.append(f"| {regime} | {' | '.join(cells)} |")
    return "\n".join(lines)


def panics(played: Played) -> str:
    """The longest PANICs with what BTC did."""
    stretches = sorted((s for s in spells(played) if s[0] is Regime.PANIC), key=lambda s: -s[2])[:8]
    if not stretches:
        return "None: the index never was above the panic level during a sharp decline."
    lines = [
        "| from (UTC) | hours | highest index | deepest 24 h return | deepest below 7-day high |",
        "|---|---|---|---|---|",
    ]
    for _, begin, hours in stretches:
        start = played.times.index(begin)
        part = played.metrics[start : start + hours]
        lines.append(
            f"| {begin:%Y-%m-%d %H:%M} | {hours} | {max(m.index for m in part):.1f} "
            f"| {min(m.return_24h_pct for m in part):.1f} % | {max(m.drawdown_7d_pct for m in part):.1f} % |"
        )
    return "\n".join(lines)


def section(played: Played) -> str:
    """Everything of one period."""
    held = [reading.regime for reading in played.readings]
    usable = [m for m in played.metrics if not m.missing]
    index = np.array([m.index for m in usable])
    raised = np.array([m.correlation or 0.0 for m in usable]) >= RegimeParams().volatility.correlation_from
    stale = sum(1 for r in played.readings if r.reasons[0].code == "regime_kept_without_inputs")
    quantiles = ", ".join(f"{q:.0%}: {np.quantile(index, q):.1f}" for q in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99))
    above = ", ".join(f"above {level}: {np.mean(index > level):.1%}" for level in (20, 30, 40))
    return "\n".join(
        (
            f"## {played.name}",
            "",
            f"{played.times[0]:%Y-%m-%d} to {played.times[-1]:%Y-%m-%d}, {len(played.times):,} hours; in {stale} "
            "of them inputs were missing or stale and the regime was kept.",
            "",
            f"Switches per year: **{switches(held) / played.years:.0f}** (by the levels alone, without hysteresis: "
            f"{switches(played.plain) / played.years:.0f}).",
            "",
            shares(played),
            "",
            f"Volatility index, quantiles: {quantiles}. Share of time {above}. Raised by correlated moves in "
            f"{np.mean(raised):.1%} of the hours.",
            "",
            "Longest PANICs:",
            "",
            panics(played),
            "",
        )
    )


HEAD = """# Regimes on recorded markets

What `market/regime.py` with its default settings would have said, hour by hour, from recorded one-hour candles. The
index is realised volatility mapped to the VIX scale ([volatility-index.md](volatility-index.md)), as the recordings
have no quoted index. Regimes that the levels alone would give, without memory, stand beside it; these know no RECOVERY.

The knots of the index were fitted on the same years, so the share of time above a level is not evidence that it
foretells anything. No setting was chosen by what a strategy would have earned. The index is slow: with a window of
seven days it passes 40 hours to days after a crash began. BTC has been far calmer since 2023 than before: measured
by both periods together it did not reach 30 there, and RISK_OFF came from downtrends alone.

Written by `scripts/regime_report.py`.

"""


def main() -> None:
    """Play both periods and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the recorded candles")
    parser.add_argument("--output", type=Path, help="page to write; without it the page is printed")
    options = parser.parse_args()
    params = RegimeParams()
    parts = [section(play(name, candles_of(options.data / file), params)) for name, file in PERIODS]
    page = HEAD + "\n".join(parts)
    if options.output:
        options.output.write_text(page.rstrip() + "\n", encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
