"""The figures of one run, and those of buying and holding instead. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.learning.trade_facts import TradeFacts
from tradingbot.research.arrays import Floats, Ints
from tradingbot.research.backtest.model import Benchmark, Metrics
from tradingbot.research.backtest.result import BacktestResult, EquityCurve
from tradingbot.research.performance import DAYS_OF_A_YEAR, EquityDays, deepest_fall, ratios
from tradingbot.research.trade_figures import TradeFigures, figures_of, mean, turnover_per_year

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000


def checked(result: BacktestResult) -> None:
    """Raises ValueError where the run has nothing that a report can be made of."""
    curve = result.equity
    if not result.facts.start_usd > 0:
        raise ValueError(f"{result.facts.name}: a run begins with more than {result.facts.start_usd} USD")
    if not len(curve.time_ms) == len(curve.equity_usd) == len(curve.exposure_usd):
        raise ValueError(f"{result.facts.name}: times, equity and exposure differ in length")
    if not np.isfinite(curve.equity_usd).all():
        place = int(np.flatnonzero(~np.isfinite(curve.equity_usd))[0])
        raise ValueError(f"{result.facts.name}: the equity of {utc_from_ms(curve.time_ms[place])} is not a number")
    for symbol, closes in result.closes.items():
        if len(closes) != len(curve.time_ms):
            raise ValueError(f"{result.facts.name}: {len(closes)} prices of {symbol} for {len(curve.time_ms)} cycles")


def days_of(time_ms: Ints, usd: Floats, start_usd: float) -> EquityDays:
    """Equity at the end of each day. An account that is worth nothing ends the curve: that day is its last, with 0."""
    gone = np.flatnonzero(usd <= 0)
    if len(gone):
        usd, time_ms = np.append(usd[: gone[0]], 0.0), time_ms[: gone[0] + 1]
    return EquityDays.of(time_ms, usd, start_usd)


def returns_of(days: EquityDays) -> Floats:
    """Of each day; -1 on the day of ruin."""
    values = np.array(days.values)
    found: Floats = values[1:] / values[:-1] - 1
    return found


def daily_returns_of(result: BacktestResult) -> Floats:
    """Returns of a run by the day."""
    curve = result.equity
    return returns_of(days_of(curve.time_ms, curve.equity_usd, result.facts.start_usd))


def metrics_of(result: BacktestResult, trades: Sequence[TradeFacts]) -> Metrics:
    """Everything about the whole of a run."""
    curve, start = result.equity, result.facts.start_usd
    days = days_of(curve.time_ms, curve.equity_usd, start)
    count, end = len(days.by_day), float(curve.equity_usd[-1]) if len(curve.equity_usd) else start
    figures, shares = figures_of(trades), exposure_shares(curve)
    time_ms, usd = with_start(result)
    known, elapsed = len(shares) > 0, elapsed_days(curve.time_ms)
    return Metrics(
        days=count,
        start_usd=start,
        end_usd=end,
        change_usd=end - start,
        ratios=ratios(returns_of(days)),
        drawdown=deepest_fall(time_ms, usd),
        longest_under_water_days=longest_under_water_days(time_ms, usd),
        mean_exposure=float(shares.mean()) if known else None,
        max_exposure=float(shares.max()) if known else None,
        time_in_market=float((curve.exposure_usd > 0).mean()) if known else None,
        turnover_per_year=turnover_per_year(trades, sum(days.values) / len(days.values), elapsed) if known else None,
        trades=figures,
        trades_per_day=figures.count / elapsed if known else None,
        open_positions=result.open_positions,
        not_in_trades_usd=end - start - figures.net_usd,
        execution_bps=mean([one.edge_bps for one in trades if one.edge_bps is not None]),
        break_even_fee_factor=_break_even(figures),
        ruined_at=_ruined_at(curve),
    )


def elapsed_days(time_ms: Ints) -> float:
    """From the first cycle to the end of the last one, which takes as long as the one before it."""
    if len(time_ms) < 2:
        return len(time_ms) * MINUTE_MS / DAY_MS
    return float(2 * time_ms[-1] - time_ms[-2] - time_ms[0]) / DAY_MS


def with_start(result: BacktestResult) -> tuple[Ints, Floats]:
    """The curve with what the run began with before it."""
    curve = result.equity
    began = round(result.facts.since.timestamp() * 1000)
    return np.append(began, curve.time_ms), np.append(result.facts.start_usd, curve.equity_usd)


def exposure_shares(curve: EquityCurve) -> Floats:
    """Notional over equity, cycle by cycle; 0 where no equity is left."""
    left = curve.equity_usd > 0
    return np.divide(curve.exposure_usd, curve.equity_usd, out=np.zeros_like(curve.equity_usd), where=left)


def longest_under_water_days(time_ms: Ints, equity: Floats) -> float:
    """The longest time from a highest equity to the next one that is as high, or to the end."""
    tops = time_ms[equity >= np.maximum.accumulate(equity)]
    return float(np.diff(tops, append=time_ms[-1]).max(initial=0)) / DAY_MS


def _break_even(figures: TradeFigures) -> float | None:
    return (figures.gross_usd + figures.funding_usd) / figures.fees_usd if figures.fees_usd > 0 else None


def _ruined_at(curve: EquityCurve) -> datetime | None:
    gone = np.flatnonzero(curve.equity_usd <= 0)
    return utc_from_ms(curve.time_ms[gone[0]]) if len(gone) else None


def held_curve(closes: Mapping[Symbol, Floats], start_usd: float) -> Floats | None:
    """Equity of equal sums held in every symbol from its first known price on; cash before. None: no price is known."""
    grown = [found for values in closes.values() if (found := _growth(values)) is not None]
    return start_usd * np.mean(grown, axis=0) if grown else None


def _growth(closes: Floats) -> Floats | None:
    known = np.isfinite(closes) & (closes > 0)
    if not known.any():
        return None
    first = int(known.argmax())
    newest = np.maximum.accumulate(np.where(known, np.arange(len(closes)), first))
    return np.asarray(closes[newest] / closes[first], dtype=np.float64)


def benchmark_of(result: BacktestResult, held: Floats) -> Benchmark:
    """Figures of the curve of holding, and how ours moves with it."""
    curve, start = result.equity, result.facts.start_usd
    theirs = returns_of(days_of(curve.time_ms, held, start))
    ours = daily_returns_of(result)
    theirs_then = theirs[: len(ours)]
    beta = beta_to(ours, theirs_then)
    return Benchmark(
        symbols=tuple(name for name, values in result.closes.items() if (np.isfinite(values) & (values > 0)).any()),
        end_usd=float(held[-1]),
        ratios=ratios(theirs),
        drawdown=deepest_fall(curve.time_ms, held),
        correlation=correlation(ours, theirs_then),
        beta=beta,
        alpha_per_year=None if beta is None else alpha_to(ours, theirs_then, beta),
    )


def correlation(ours: Floats, theirs: Floats) -> float | None:
    """Of two series of returns; None for fewer than two, or where one does not move."""
    if len(ours) < 2 or not ours.std() > 0 or not theirs.std() > 0:
        return None
    return float(np.corrcoef(ours, theirs)[0, 1])


def beta_to(ours: Floats, theirs: Floats) -> float | None:
    """Covariance over the variance of theirs; None where that is 0."""
    if len(ours) < 2 or not theirs.std() > 0:
        return None
    away = theirs - theirs.mean()
    return float((away * (ours - ours.mean())).mean() / (away**2).mean())


def alpha_to(ours: Floats, theirs: Floats, beta: float) -> float:
    """What our daily return is above beta times theirs on average, compounded over a year."""
    return float((1 + (ours - beta * theirs).mean()) ** DAYS_OF_A_YEAR - 1)
