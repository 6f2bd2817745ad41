"""How far the figures of a run can be told from luck, and from mistakes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np

from tradingbot.learning.trade_facts import TradeFacts
from tradingbot.research.arrays import Floats
from tradingbot.research.backtest import forms
from tradingbot.research.backtest.model import Honesty, Interval, Metrics, Trust
from tradingbot.research.bootstrap import interval, redrawn
from tradingbot.research.performance import YEAR_ROOT
from tradingbot.research.sanity import doubts
from tradingbot.research.sharpe import bootstrap, deflated, probability_above, sharpe_of, standard_error

RESAMPLES_OF_TRADES: Final = 1_000
LEAST: Final = 10
"""Days, or trades, from which on drawing from them says anything."""
UNEXPLAINED: Final = 0.01
"""Share of the start above which it is said that the equity changed by more than the trades came to."""


def trust_of(returns: Floats, trades: Sequence[TradeFacts], metrics: Metrics, trials: int, honesty: Honesty) -> Trust:
    """Errors, chances and intervals. Raises ValueError for fewer than one trial."""
    error = standard_error(returns)
    return Trust(
        sharpe_error=None if error is None else error * YEAR_ROOT,
        probability_above_zero=probability_above(returns),
        trials=trials,
        probability_not_luck=deflated(returns, trials, honesty.trial_spread),
        intervals={**_of_days(returns, honesty.seed), **_of_trades(trades, honesty.seed)},
        doubts=_doubts(metrics, honesty),
    )


def _of_days(returns: Floats, seed: int) -> dict[str, Interval]:
    if len(returns) < LEAST:
        return {}
    found = {
        "total_return": _interval(returns, total_returns, seed),
        "max_drawdown": _interval(returns, deepest_falls, seed),
    }
    ratio, bounds = sharpe_of(returns), bootstrap(returns, seed)
    if ratio is not None and bounds is not None:
        found["sharpe"] = Interval(ratio * YEAR_ROOT, bounds[0] * YEAR_ROOT, bounds[1] * YEAR_ROOT)
    return found


def _of_trades(trades: Sequence[TradeFacts], seed: int) -> dict[str, Interval]:
    """Trades follow each other as they ended, so the blocks keep what happened at the same time together."""
    if len(trades) < LEAST:
        return {}
    usd, bps = np.array([one.net_usd for one in trades]), np.array([one.net_bps for one in trades])
    return {
        "expectancy_usd": _interval(usd, means, seed, RESAMPLES_OF_TRADES),
        "expectancy_bps": _interval(bps, means, seed, RESAMPLES_OF_TRADES),
    }


def _interval(series: Floats, figure: Callable[[Floats], Floats], seed: int, resamples: int = 2_000) -> Interval:
    low, high = interval(redrawn(series, figure, seed, resamples))
    return Interval(float(figure(series[None, :])[0]), low, high)


def total_returns(drawn: Floats) -> Floats:
    """Of each row of daily returns."""
    return np.asarray(np.prod(1 + drawn, axis=1) - 1, dtype=np.float64)


def deepest_falls(drawn: Floats) -> Floats:
    """Of each row of daily returns, from the highest so far, the start included."""
    grown = np.cumprod(1 + drawn, axis=1)
    peaks = np.maximum(np.maximum.accumulate(grown, axis=1), 1.0)
    return np.asarray(np.minimum((grown / peaks - 1).min(axis=1), 0.0), dtype=np.float64)


def means(drawn: Floats) -> Floats:
    """Of each row."""
    return np.asarray(drawn.mean(axis=1), dtype=np.float64)


def _doubts(metrics: Metrics, honesty: Honesty) -> tuple[str, ...]:
    found = []
    if metrics.ruined_at is not None:
        found.append(f"the account was worth nothing at {metrics.ruined_at:%Y-%m-%d %H:%M} UTC; ratios end there")
    if honesty.look_ahead:
        found.append(f"{forms.knowing(len(honesty.look_ahead))}; nothing here is to be believed")
    if honesty.warm_up is not None and not honesty.warm_up.equal:
        found.append(f"a longer warm-up gives other trades: {honesty.warm_up.first_difference}")
    if honesty.overfitting is not None and honesty.overfitting.probability > 0.5:
        found.append(f"the choice among {honesty.overfitting.variants} variants is worse than drawing lots")
    if abs(metrics.not_in_trades_usd) > UNEXPLAINED * metrics.start_usd:
        found.append(
            f"{metrics.not_in_trades_usd:+,.2f} USD of the change are not of finished trades but of open positions, or "
            "of what wallets in coins are worth: ratios measure that too"
        )
    return (*found, *doubts(asdict(metrics.ratios), asdict(metrics.trades), metrics.days))
