"""What the synthetic market is made of: its assets, its regimes, its volatility scales. Numbers only.

The shapes were fitted to one-minute candles of a large perpetual venue; `docs/synthetic-market.md` compares both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AssetProfile:
    """One asset. `volatility` is its one-minute volatility as a multiple of BTC's, `btc_load` and `alt_load` its
    correlations with BTC and with the factor that the other coins share; volume and open interest in USD.
    """

    price_usd: float
    volatility: float
    btc_load: float
    alt_load: float
    volume_24h_usd: float
    open_interest_usd: float
    spread_bps: float
    depth_usd: float


PROFILES: Final[dict[str, AssetProfile]] = {
    "BTC": AssetProfile(92_000.0, 1.0, 1.0, 0.0, 1.6e9, 6.0e8, 0.6, 9.0e6),
    "ETH": AssetProfile(3_150.0, 1.2, 0.93, 0.14, 9.0e8, 3.0e8, 0.8, 6.0e6),
    "SOL": AssetProfile(137.0, 2.6, 0.80, 0.30, 3.2e8, 1.0e8, 1.5, 2.4e6),
    "XRP": AssetProfile(2.10, 2.5, 0.70, 0.34, 2.6e8, 9.0e7, 1.6, 2.0e6),
    "ADA": AssetProfile(0.395, 2.6, 0.74, 0.40, 6.0e7, 3.0e7, 3.0, 7.0e5),
    "DOT": AssetProfile(2.08, 2.3, 0.75, 0.36, 3.0e7, 1.6e7, 3.5, 4.5e5),
    "LINK": AssetProfile(13.4, 2.4, 0.77, 0.34, 6.0e7, 2.6e7, 2.6, 7.0e5),
    "DOGE": AssetProfile(0.149, 2.7, 0.62, 0.36, 1.2e8, 5.0e7, 2.0, 1.1e6),
    "POL": AssetProfile(0.122, 2.6, 0.80, 0.36, 1.4e7, 7.0e6, 5.0, 2.2e5),
    "AVAX": AssetProfile(13.8, 2.5, 0.78, 0.36, 4.0e7, 1.8e7, 3.0, 5.0e5),
    "LTC": AssetProfile(82.0, 2.0, 0.80, 0.24, 5.0e7, 2.0e7, 2.6, 6.0e5),
    "PEPE": AssetProfile(0.0000066, 3.6, 0.58, 0.40, 2.4e7, 1.0e7, 5.5, 2.5e5),
    "ARB": AssetProfile(0.21, 2.8, 0.76, 0.38, 2.0e7, 9.0e6, 4.5, 2.8e5),
    "BNB": AssetProfile(880.0, 1.5, 0.70, 0.24, 6.0e7, 2.2e7, 2.4, 7.0e5),
    "BCH": AssetProfile(620.0, 2.2, 0.74, 0.28, 3.0e7, 1.3e7, 3.2, 4.0e5),
    "ATOM": AssetProfile(2.2, 2.3, 0.73, 0.36, 1.5e7, 7.0e6, 4.5, 2.4e5),
}
DEFAULT_ASSETS: Final = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LINK", "DOGE", "POL", "AVAX", "LTC", "PEPE")
BTC_MINUTE_VOLATILITY: Final = 2.45e-4
"""Of log returns in a calm, average minute; regimes, clustering, jumps and the time of day come on top."""


@dataclass(frozen=True, slots=True)
class Regime:
    """A mood of the whole market: `drift` in minute volatilities per minute, `reversion` how much of a move is taken
    back within a quarter of an hour, `cascades_per_day` how often forced selling (or buying: `squeeze`) sets in.
    """

    mean_minutes: float
    drift: float
    volatility: float
    reversion: float
    cascades_per_day: float
    squeeze: float
    next: tuple[tuple[str, float], ...]


REGIMES: Final[dict[str, Regime]] = {
    "calm": Regime(420, -0.002, 0.75, 0.45, 0.15, 0.5, (("trend_up", 0.36), ("trend_down", 0.26), ("chop", 0.38))),
    "trend_up": Regime(
        260, 0.044, 1.0, 0.34, 0.5, 0.8, (("calm", 0.34), ("chop", 0.38), ("trend_down", 0.16), ("panic", 0.12))
    ),
    "trend_down": Regime(
        220, -0.050, 1.15, 0.34, 0.7, 0.15, (("calm", 0.26), ("chop", 0.36), ("trend_up", 0.18), ("panic", 0.20))
    ),
    "chop": Regime(
        360, -0.003, 1.0, 0.85, 0.3, 0.5, (("calm", 0.44), ("trend_up", 0.28), ("trend_down", 0.26), ("panic", 0.02))
    ),
    "panic": Regime(50, -0.075, 2.3, 0.35, 16.0, 0.1, (("recovery", 0.62), ("trend_down", 0.26), ("chop", 0.12))),
    "recovery": Regime(170, 0.050, 1.4, 0.35, 1.2, 0.8, (("trend_up", 0.32), ("calm", 0.34), ("chop", 0.34))),
}

VOLATILITY_MINUTES: Final = (3.0, 30.0, 300.0, 4_000.0)
"""Time scales on which volatility clusters."""
VOLATILITY_WEIGHTS: Final = (0.34, 0.34, 0.40, 0.36)
"""Standard deviation of log volatility on each scale."""
SHARED_VOLATILITY: Final = 0.75
"""Share of the variance of log volatility that all assets have in common."""
LEVERAGE: Final = -0.30
"""Correlation of a minute's BTC return with the next minute's fast volatility: falls make it rise."""

HOUR_VOLATILITY: Final = (
    1.05, 1.02, 0.90, 0.78, 0.70, 0.67, 0.70, 0.74, 0.80, 0.82, 0.80, 0.86,
    1.08, 1.28, 1.50, 1.46, 1.40, 1.32, 1.28, 1.18, 1.08, 0.98, 0.86, 0.92,
)  # fmt: skip
"""Volatility by hour of the UTC day, as multiples of the average."""
WEEKEND_VOLATILITY: Final = 0.75
