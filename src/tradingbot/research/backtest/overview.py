"""The figures that stand above everything else, and what is said of how far they can be believed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tradingbot.research.backtest import forms
from tradingbot.research.backtest.model import BacktestReport, Metrics
from tradingbot.research.performance import Drawdown


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, what it is called, and what belongs to it."""

    label: str
    text: str
    note: str = ""
    tone: str = ""


def overview_of(report: BacktestReport) -> list[Figure]:
    """Return, risk, trades and costs."""
    return [*_returns(report), *_risk(report), *_trades(report.metrics), *_use(report.metrics)]


def _returns(report: BacktestReport) -> Iterator[Figure]:
    found, ratios, held = report.metrics, report.metrics.ratios, report.benchmark
    total = found.end_usd / found.start_usd - 1
    money = f"{found.start_usd:,.2f} to {found.end_usd:,.2f} USD"
    yield Figure("Return", forms.pct(total), money, forms.tone(total))
    yield Figure("Return a year", forms.pct(ratios.return_per_year), f"compounded, of {found.days} days")
    if held is not None:
        against = total - (held.end_usd / found.start_usd - 1)
        note = f"Sharpe {forms.number(held.ratios.sharpe)}; the run {forms.pct(against)} against it"
        yield Figure("Buy and hold", forms.pct(held.end_usd / found.start_usd - 1), note)
        note = f"beta {forms.number(held.beta)}, correlation {forms.number(held.correlation)}"
        yield Figure("Alpha a year", forms.pct(held.alpha_per_year), note)


def _risk(report: BacktestReport) -> Iterator[Figure]:
    found, ratios, sharpe = report.metrics, report.metrics.ratios, report.trust.intervals.get("sharpe")
    bounds = "" if sharpe is None else f"95 % within {sharpe.low:.2f} to {sharpe.high:.2f}"
    yield Figure("Sharpe ratio", forms.number(ratios.sharpe), bounds)
    yield Figure("Sortino ratio", forms.number(ratios.sortino))
    yield Figure("Calmar ratio", forms.number(ratios.calmar))
    fall = found.drawdown
    if fall is None:
        yield Figure("Deepest fall", "none")
    else:
        yield Figure("Deepest fall", forms.pct(fall.depth), fall_told(fall), "loss")
    yield Figure(
        "Longest under water", f"{found.longest_under_water_days:,.1f} days", "from one highest equity to the next"
    )
    yield Figure("Volatility a year", forms.share(ratios.volatility_per_year), "of daily returns")
    worst = f"worst 1 %: {forms.pct(ratios.tail_loss_99)}, worst day {forms.pct(ratios.worst_day)}"
    yield Figure("Worst 5 % of days", forms.pct(ratios.tail_loss_95), worst)


def fall_told(fall: Drawdown) -> str:
    """From when to when, and whether it was made good."""
    end = "not made good yet" if fall.recovered_at is None else f"made good {forms.when(fall.recovered_at)}"
    return f"{forms.when(fall.peak_at)} to {forms.when(fall.trough_at)}, {end}"


def _trades(found: Metrics) -> Iterator[Figure]:
    trades = found.trades
    yield Figure(
        "Trades",
        f"{trades.count:,}",
        f"{forms.number(found.trades_per_day, 1)} a day, {found.open_positions} left open",
    )
    yield Figure("Won", forms.share(trades.win_rate), f"held {forms.minutes(trades.mean_held_min)} on average")
    note = f"mean gain {forms.usd(trades.mean_win_usd)}, mean loss {forms.usd(trades.mean_loss_usd)} USD"
    yield Figure("Profit factor", forms.number(trades.profit_factor), note)
    bps = f"{forms.signed(trades.expectancy_bps)} bps of the notional"
    yield Figure("Per trade", f"{forms.usd(trades.expectancy_usd)} USD", bps, forms.tone(trades.expectancy_usd))


def _use(found: Metrics) -> Iterator[Figure]:
    trades = found.trades
    share = f"{forms.pct(trades.net_usd / found.start_usd)} of the start, after fees and funding"
    yield Figure("Trades together", f"{forms.usd(trades.net_usd)} USD", share, forms.tone(trades.net_usd))
    yield Figure("Fees", f"{trades.fees_usd:,.2f} USD", _even(found.break_even_fee_factor))
    execution = "a trade, against the prices that were decided on"
    yield Figure("Execution", f"{forms.signed(found.execution_bps)} bps", execution)
    yield Figure("Funding", f"{forms.usd(trades.funding_usd)} USD", "above 0 it was earned")
    note = f"at most {forms.share(found.max_exposure)}, in the market {forms.share(found.time_in_market)} of the time"
    yield Figure("Mean exposure", forms.share(found.mean_exposure), note)
    yield Figure(
        "Turnover a year", f"{forms.number(found.turnover_per_year, 1)} x", "notional in and out over the mean equity"
    )
    yield Figure(
        "Not in trades", f"{forms.usd(found.not_in_trades_usd)} USD", "open positions, worth of wallets in coins"
    )


def _even(factor: float | None) -> str:
    if factor is None:
        return ""
    return f"nothing would be left at {factor:,.2f} times as much" if factor > 0 else "nothing was gained before them"


def trust_told(report: BacktestReport) -> list[tuple[str, str]]:
    """What was done to see how far the run can be believed, and what came of it; also what was not done."""
    trust, done = report.trust, report.honesty
    tried = "the only one tried" if trust.trials == 1 else f"the best of {trust.trials:,} tried"
    return [
        ("Sharpe ratio's error", forms.number(trust.sharpe_error)),
        ("Chance that it is above 0", forms.share(trust.probability_above_zero)),
        (f"Chance that it is not luck, {tried}", forms.share(trust.probability_not_luck)),
        ("Look ahead", _look_ahead(done.look_ahead)),
        ("Warm-up", _warm_up(report)),
        ("Choice among variants", _overfitting(report)),
    ]


def _look_ahead(found: tuple[str, ...] | None) -> str:
    if found is None:
        return "not looked for in this run"
    return forms.knowing(len(found)) if found else "looked for, nothing found"


def _warm_up(report: BacktestReport) -> str:
    found = report.honesty.warm_up
    if found is None:
        return "not compared with a longer one"
    return f"all {found.compared} trades are the same after a longer one" if found.equal else found.first_difference


def _overfitting(report: BacktestReport) -> str:
    found = report.honesty.overfitting
    if found is None:
        return "not examined"
    chance = f"{forms.share(found.probability)} chance that the best of {found.variants} is below the median elsewhere"
    return f"{chance}, {forms.share(found.probability_of_loss)} that it loses there ({found.splits:,} splits)"
