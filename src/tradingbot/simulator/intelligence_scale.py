"""What one market stands for: how much of "all exchanges" its numbers are, and how that splits among exchanges.

A synthetic market has the size of one mid-sized venue. The factors bring its long-run averages to what all futures
exchanges together show: BTC some 55 billion USD of open interest and of daily volume, about 100 million USD of
liquidations on a usual day and several hundred on a bad one. A recording is taken to be of the largest venue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Scale:
    """Factors from one venue to all. `majors` have a factor of open interest of their own."""

    volume: float
    open_interest: float
    open_interest_majors: float
    liquidations: float

    def interest_of(self, asset: str) -> float:
        """Factor of this asset's open interest."""
        return self.open_interest_majors if asset in MAJORS else self.open_interest


INTEREST_DAMPING: Final = 0.4
"""One venue's open interest swings more than that of all: of its (log) distance from the usual this much is left."""
MAJORS: Final = frozenset({"BTC", "ETH", "SOL", "XRP"})
SYNTHETIC_SCALE: Final = Scale(volume=55.0, open_interest=30.0, open_interest_majors=60.0, liquidations=8.0)
RECORDED_SCALE: Final = Scale(volume=3.5, open_interest=5.0, open_interest_majors=5.0, liquidations=2.0)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A futures exchange: its shares of volume and of open interest, its funding interval, how it names a pair.

    `coin_margin` is the share of its open interest that is margined in coins; 0 hours mean that it has no funding.
    """

    name: str
    volume: float
    interest: float
    funding_hours: int
    pair: str
    coin_margin: float = 0.0


EXCHANGES: Final = (
    Exchange("Binance", 0.31, 0.21, 8, "{}USDT", 0.18),
    Exchange("CME", 0.0, 0.17, 0, "{}"),
    Exchange("Bybit", 0.13, 0.12, 8, "{}USDT", 0.10),
    Exchange("OKX", 0.15, 0.08, 8, "{}-USDT-SWAP", 0.25),
    Exchange("Gate", 0.09, 0.10, 8, "{}_USDT"),
    Exchange("Bitget", 0.10, 0.08, 8, "{}USDT_UMCBL"),
    Exchange("Hyperliquid", 0.06, 0.07, 1, "{}"),
    Exchange("HTX", 0.05, 0.05, 8, "{}-USDT", 0.15),
    Exchange("MEXC", 0.05, 0.05, 8, "{}_USDT"),
    Exchange("KuCoin", 0.02, 0.02, 8, "{}USDTM"),
    Exchange("Deribit", 0.02, 0.03, 8, "{}-PERPETUAL", 1.0),
    Exchange("Kraken", 0.01, 0.01, 1, "PF_{}USD"),
    Exchange("Bitmex", 0.01, 0.01, 8, "{}USDT", 0.6),
)
EXCHANGE_NAMES: Final = tuple(exchange.name for exchange in EXCHANGES)
TRADED: Final = tuple(exchange for exchange in EXCHANGES if exchange.volume > 0)
"""Those that publish their trades; the rest shows open interest alone."""

WALLETS: Final = (
    ("Coinbase", 0.27),
    ("Binance", 0.235),
    ("Bitfinex", 0.15),
    ("Kraken", 0.075),
    ("OKX", 0.055),
    ("Gemini", 0.05),
    ("Bybit", 0.045),
    ("Robinhood", 0.04),
    ("Bitget", 0.025),
    ("Gate", 0.02),
    ("KuCoin", 0.015),
    ("Crypto.com", 0.02),
)
"""Exchanges whose wallets are known, with their shares of all coins on exchanges."""
