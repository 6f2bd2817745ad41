"""The report of a backtest as plain values. Fractions where no unit is named; None where nothing can be said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from tradingbot.core.types import Symbol
from tradingbot.research.backtest.counterfactual import Counterfactual
from tradingbot.research.backtest.result import RunFacts
from tradingbot.research.performance import Drawdown, Ratios
from tradingbot.research.trade_figures import TradeFigures

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Buying every symbol for the same sum at its first known price and holding it, without costs.

    `beta` is the slope of our daily returns over its, `alpha_per_year` what is left of ours, compounded.
    """

    symbols: tuple[Symbol, ...]
    end_usd: float
    ratios: Ratios
    drawdown: Drawdown | None
    correlation: float | None
    beta: float | None
    alpha_per_year: float | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The run in figures. Ratios are of daily values, `drawdown` and exposure of every cycle.

    Exposure is the notional of all positions over the equity. `not_in_trades_usd`: the part of the change that finished
    trades do not explain: open positions, and the worth of wallets that are not USD. `break_even_fee_factor`: times the
    fees at which the trades would have come to nothing. `execution_bps`: what fills gave on average beyond the
    prices that entry and exit of a trade were decided on; below 0 it cost something.
    """

    days: int
    start_usd: float
    end_usd: float
    change_usd: float
    ratios: Ratios
    drawdown: Drawdown | None
    longest_under_water_days: float
    mean_exposure: float | None
    max_exposure: float | None
    time_in_market: float | None
    turnover_per_year: float | None
    trades: TradeFigures
    trades_per_day: float | None
    open_positions: int
    not_in_trades_usd: float
    execution_bps: float | None
    break_even_fee_factor: float | None
    ruined_at: datetime | None


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and the bounds that hold 95 % of what the bootstrap drew."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trust:
    """How far the figures can be told from luck. Sharpe ratios are per year.

    `probability_above_zero` that the true Sharpe ratio is above 0; `probability_not_luck` that it is more than the best
    of `trials` worthless variants would show.
    """

    sharpe_error: float | None
    probability_above_zero: float | None
    trials: int
    probability_not_luck: float | None
    intervals: Mapping[str, Interval]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageRow:
    """Signals that ended at one stage, and the most frequent reasons."""

    stage: str
    ended: int
    share: float
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class GateRow:
    """What one gate said of all signals with a side; `mean_multiplier` of the size, over those that it let pass."""

    gate: str
    passed: int
    blocked: int
    pass_share: float | None
    mean_multiplier: float | None
    ended: int


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """What one component said, how often that came true, and the trades that it agreed with."""

    component: str
    live: int
    long: int
    short: int
    judged: int
    hit_rate: float | None
    mean_move_bps: float | None
    trades: TradeFigures


@dataclass(frozen=True, slots=True)
class RegimeRow:
    """One regime of the market: how long it lasted, and the trades that were opened in it."""

    regime: str
    minutes: int
    share: float | None
    trades: TradeFigures


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The trades by what they have in common, and the signals by where they ended."""

    symbols: Mapping[str, TradeFigures]
    directions: Mapping[str, TradeFigures]
    strategies: Mapping[str, TradeFigures]
    convictions: Mapping[str, TradeFigures]
    exit_rules: Mapping[str, TradeFigures]
    regimes: tuple[RegimeRow, ...]
    components: tuple[ComponentRow, ...]
    gates: tuple[GateRow, ...]
    stages: tuple[StageRow, ...]
    signals: int
    signals_with_side: int


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One finished trade. `components` are those that spoke for its direction."""

    number: int
    trade_id: str
    symbol: str
    direction: str
    strategy: str
    conviction: str
    regime: str
    entry_time: datetime
    exit_time: datetime
    held_min: float
    size: str
    entry_price: str
    exit_price: str
    leverage: str
    notional_usd: float
    gross_usd: float
    fees_usd: float
    funding_usd: float
    net_usd: float
    net_bps: float
    return_bps: float
    peak_bps: float | None
    trough_bps: float | None
    exit_rule: str
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayRow:
    """The end of one UTC day."""

    day: date
    equity_usd: float
    day_return: float
    benchmark_usd: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Every cycle, or of a long run the extremes of equal stretches. `time_s` are UTC seconds."""

    time_s: tuple[int, ...]
    equity_usd: tuple[float, ...]
    benchmark_usd: tuple[float, ...]
    drawdown_pct: tuple[float, ...]
    exposure_pct: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PriceBars:
    """Mark prices of one symbol, `step_s` seconds to a bar that begins at `time_s`."""

    step_s: int
    time_s: tuple[int, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of several, in the figures that they are compared by."""

    name: str
    total_return: float
    return_per_year: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    trades: int
    win_rate: float | None
    profit_factor: float | None
    expectancy_bps: float | None
    fees_usd: float
    funding_usd: float
    net_usd: float
    mean_exposure: float | None
    turnover_per_year: float | None


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Two runs that differ in their warm-up alone, compared over the trades of the time that both traded in.

    `first_difference` is empty when all `compared` trades are equal.
    """

    shorter: str
    longer: str
    compared: int
    first_difference: str

    @property
    def equal(self) -> bool:
        """Whether the shorter warm-up was enough."""
        return not self.first_difference


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado and Zhu 2015).

    `probability` that the variant that is best in one half of the time is below the median in the other half;
    `probability_of_loss` that its Sharpe ratio is below 0 there; `slope` of its ratio there over the one here: below 0
    the better it looked, the worse it did.
    """

    variants: int
    days: int
    splits: int
    probability: float
    probability_of_loss: float
    slope: float | None
    median_rank: float


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One window of a walk-forward, out of sample.

    `train_sharpe` is the ratio that the chosen settings had in training, `chosen` says which they are.
    """

    number: int
    since: datetime
    until: datetime
    total_return: float
    sharpe: float | None
    max_drawdown: float
    trades: int
    net_usd: float
    train_sharpe: float | None = None
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Honesty:
    """What was done beside the run to see how far it can be believed. None, or empty: it was not done.

    `look_ahead` lists what was found to know its future: an empty tuple says that it was looked for and nothing found.
    `stress` has runs that differ in their costs, `variants` those that were tried and of which the best is reported.
    `trial_spread`: standard deviation of the Sharpe ratio per day over these variants.
    """

    look_ahead: tuple[str, ...] | None = None
    stress: tuple[RunRow, ...] = ()
    warm_up: WarmUp | None = None
    overfitting: Overfitting | None = None
    windows: tuple[WindowRow, ...] = ()
    trial_spread: float | None = None
    seed: int = 1
    variants: tuple[RunRow, ...] = ()


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """Everything that can be said of one run."""

    facts: RunFacts
    warnings: tuple[str, ...]
    metrics: Metrics
    benchmark: Benchmark | None
    months: Mapping[str, float]
    years: Mapping[str, float]
    benchmark_months: Mapping[str, float]
    trust: Trust
    honesty: Honesty
    breakdown: Breakdown
    costs: Mapping[str, float]
    timings_s: Mapping[str, float]
    digest: str
    daily: tuple[DayRow, ...]
    curve: Curve
    prices: Mapping[str, PriceBars]
    trades: Sequence[TradeRow] = field(default_factory=tuple)
    counterfactual: Counterfactual | None = None
