"""Results that are too good: named as what they most often are, a mistake. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LEAST_DAYS: Final = 30
LEAST_TRADES: Final = 30
HIGHEST_SHARPE: Final = 4.0
HIGHEST_PROFIT_FACTOR: Final = 4.0
HIGHEST_WIN_RATE: Final = 0.9


def doubts(ratios: Mapping[str, Any], trades: Mapping[str, Any], days: int) -> list[str]:
    """Why these figures are not to be believed as they stand; empty when nothing stands out."""
    found = []
    if days < LEAST_DAYS:
        found.append(f"{days} days are too few for a ratio to mean anything (at least {LEAST_DAYS})")
    if trades["count"] < LEAST_TRADES:
        found.append(f"{trades['count']} trades are too few to tell skill from luck (at least {LEAST_TRADES})")
    sharpe, factor, won = ratios["sharpe"], trades["profit_factor"], trades["win_rate"]
    if sharpe is not None and sharpe > HIGHEST_SHARPE:
        found.append(f"a Sharpe ratio of {sharpe:.1f} is a mistake until shown otherwise: look for data of the future")
    if trades["count"] >= LEAST_TRADES and factor is not None and factor > HIGHEST_PROFIT_FACTOR:
        found.append(f"a profit factor of {factor:.1f} is a mistake until shown otherwise: look at costs and fills")
    if trades["count"] >= LEAST_TRADES and won is not None and won > HIGHEST_WIN_RATE:
        found.append(f"{won:.0%} of trades won: look for losses that are never taken")
    return found
