"""How fast the synthetic market is made: fast-forward over weeks, and minute by minute."""

from __future__ import annotations

import statistics
import time

from benchmarks.harness import Result
from tradingbot.simulator.synthetic_market import SyntheticMarket

DAYS = 20
TARGET_PER_S = 50_000.0


def _fast_forward() -> float:
    market = SyntheticMarket(seed=1, history_minutes=1440)
    start_s = time.perf_counter()
    market.minute(market.start_ms + DAYS * 86_400_000)
    return (DAYS + 2) * 1440 / (time.perf_counter() - start_s)


def run() -> list[Result]:
    """Median of five, twelve assets."""
    value = statistics.median(_fast_forward() for _ in range(5))
    return [
        Result(
            "synthetic market, fast-forward, 12 assets",
            value,
            "minutes/s",
            TARGET_PER_S,
            value / TARGET_PER_S,
            ">= 50,000 minutes/s",
            value >= TARGET_PER_S,
        )
    ]


if __name__ == "__main__":
    for result in run():
        print(result)
