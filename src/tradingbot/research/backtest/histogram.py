"""How many trades came to what, in bars of equal width with 0 between two of them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

BARS: Final = 48
WIDTHS_BPS: Final = (0.5, 1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1_000)
OUTSIDE_PCT: Final = 0.5
"""Percent of the trades on each side that the outermost bar holds, so that one of them does not hide the rest."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Height in percent of the highest one."""

    height: float
    tone: str
    told: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars from the lowest to the highest, what the axis says, and the whole in one sentence."""

    bars: tuple[Bar, ...]
    low: str
    middle: str
    high: str
    told: str


def histogram_of(bps: Sequence[float]) -> Histogram | None:
    """Of what trades came to; None of none."""
    if not bps:
        return None
    values = np.array(bps)
    low, high = np.percentile(values, [OUTSIDE_PCT, 100 - OUTSIDE_PCT])
    span = float(max(high, 0) - min(low, 0))
    width = next((one for one in WIDTHS_BPS if span / one <= BARS), span / BARS)
    first, last = math.floor(min(low, 0) / width), max(1, math.ceil(max(high, 0) / width))
    places = np.clip(np.floor(values / width).astype(int), first, last - 1)
    counts = np.bincount(places - first, minlength=last - first)
    bars = tuple(
        Bar(
            height=round(100 * count / int(counts.max()), 1),
            tone="gain" if place >= 0 else "loss",
            told=f"{place * width:+g} to {(place + 1) * width:+g} bps: {count:,} trades",
        )
        for place, count in enumerate(counts.tolist(), first)
    )
    middle = float(np.median(values))
    return Histogram(
        bars=bars,
        low=f"{first * width:+g} bps",
        middle=f"median {middle:+.1f} bps, a bar is {width:g} bps wide",
        high=f"{last * width:+g} bps",
        told=f"{len(values):,} trades: median {middle:+.1f} bps, 90 % between "
        f"{np.percentile(values, 5):+.1f} and {np.percentile(values, 95):+.1f} bps",
    )
