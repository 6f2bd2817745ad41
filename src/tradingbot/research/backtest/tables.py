"""The tables of a report, for a page and for a terminal alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tradingbot.research.backtest import forms
from tradingbot.research.backtest.model import BacktestReport, Interval, RegimeRow, RunRow, WindowRow
from tradingbot.research.trade_figures import TradeFigures


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, what it is sorted by (a number, or nothing), and ``gain``, ``loss`` or nothing."""

    text: str
    value: float | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the first column is text and names the row, columns in `texts` are text as well."""

    key: str
    title: str
    note: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    texts: tuple[int, ...] = (0,)


def count_cell(value: int) -> Cell:
    """A whole number."""
    return Cell(f"{value:,}", value)


def _share(value: float | None, digits: int = 1) -> Cell:
    return Cell(forms.share(value, digits), value)


def _pct(value: float | None) -> Cell:
    return Cell(forms.pct(value), value, forms.tone(value))


def _usd(value: float | None) -> Cell:
    return Cell(forms.usd(value), value, forms.tone(value))


def plain_cell(value: float | None, digits: int = 2) -> Cell:
    """A number without a sign."""
    return Cell(forms.number(value, digits), value)


def bps_cell(value: float | None) -> Cell:
    """A signed number with its tone."""
    return Cell(forms.signed(value), value, forms.tone(value))


TRADE_HEADS: Final = (
    "trades",
    "won",
    "net USD",
    "gross USD",
    "fees USD",
    "funding USD",
    "per trade, USD",
    "per trade, bps",
    "profit factor",
    "held",
)


def trade_cells(found: TradeFigures) -> tuple[Cell, ...]:
    """Figures of some trades under `TRADE_HEADS`."""
    return (
        count_cell(found.count),
        _share(found.win_rate),
        _usd(found.net_usd),
        _usd(found.gross_usd),
        plain_cell(found.fees_usd),
        _usd(found.funding_usd),
        _usd(found.expectancy_usd),
        bps_cell(found.expectancy_bps),
        plain_cell(found.profit_factor),
        Cell(forms.minutes(found.mean_held_min), found.mean_held_min),
    )


def _trades_by(key: str, title: str, first: str, groups: Mapping[str, TradeFigures]) -> Table:
    rows = tuple((Cell(name), *trade_cells(found)) for name, found in groups.items())
    return Table(key, title, "", (first, *TRADE_HEADS), rows)


def trade_tables(report: BacktestReport) -> list[Table]:
    """Trades by what they have in common."""
    found = report.breakdown
    return [
        _trades_by("symbols", "By symbol", "symbol", found.symbols),
        _trades_by("directions", "By direction", "direction", found.directions),
        _trades_by("exit-rules", "By exit rule", "rule", found.exit_rules),
        _trades_by("strategies", "By strategy", "strategy", found.strategies),
        _trades_by("convictions", "By conviction", "conviction", found.convictions),
        _regimes(found.regimes),
    ]


def _regimes(found: Sequence[RegimeRow]) -> Table:
    note = "The regime at the entry. Time is that of the whole run."
    heads = ("regime", "time", "share of time", *TRADE_HEADS)
    rows = tuple(
        (Cell(one.regime), Cell(forms.minutes(one.minutes), one.minutes), _share(one.share), *trade_cells(one.trades))
        for one in found
    )
    return Table("regimes", "By regime", note, heads, rows)


def signal_tables(report: BacktestReport) -> list[Table]:
    """What became of the signals, and what gates and components said."""
    return [_stages(report), _gates(report), _components(report)]


def _stages(report: BacktestReport) -> Table:
    found = report.breakdown
    note = f"{found.signals:,} signals, {found.signals_with_side:,} of them with a side. Each ended at one stage."
    rows = tuple(
        (
            Cell(one.stage),
            count_cell(one.ended),
            _share(one.share, 2),
            Cell(", ".join(f"{code} {count:,}" for code, count in one.reasons)),
        )
        for one in found.stages
    )
    return Table("stages", "Where signals ended", note, ("stage", "ended", "share", "why"), rows, (0, 3))


def _gates(report: BacktestReport) -> Table:
    note = "Every gate speaks on every signal with a side, also where an earlier one has ended it."
    heads = ("gate", "let pass", "held back", "pass rate", "mean size factor", "ended there")
    rows = tuple(
        (
            Cell(one.gate),
            count_cell(one.passed),
            count_cell(one.blocked),
            _share(one.pass_share),
            plain_cell(one.mean_multiplier, 3),
            count_cell(one.ended),
        )
        for one in report.breakdown.gates
    )
    return Table("gates", "By gate", note, heads, rows)


def _components(report: BacktestReport) -> Table:
    note = "Opinions of all signals and how often the price then moved that way; trades that the component agreed with."
    heads = (
        "component",
        "live",
        "long",
        "short",
        "came true",
        "move, bps",
        "trades",
        "won",
        "net USD",
        "per trade, bps",
    )
    rows = tuple(
        (
            Cell(one.component),
            count_cell(one.live),
            count_cell(one.long),
            count_cell(one.short),
            _share(one.hit_rate),
            bps_cell(one.mean_move_bps),
            count_cell(one.trades.count),
            _share(one.trades.win_rate),
            _usd(one.trades.net_usd),
            bps_cell(one.trades.expectancy_bps),
        )
        for one in report.breakdown.components
    )
    return Table("components", "By component", note, heads, rows)


INTERVALS: Final = {
    "total_return": ("return", forms.pct),
    "sharpe": ("Sharpe ratio a year", forms.number),
    "max_drawdown": ("deepest fall by the day", forms.pct),
    "expectancy_usd": ("per trade, USD", forms.usd),
    "expectancy_bps": ("per trade, bps", forms.signed),
}


def honesty_tables(report: BacktestReport) -> list[Table]:
    """How far the figures can be believed; tables without a row are left out."""
    found = report.honesty
    variants = runs_table(found.variants, "The variants that were tried", "variants")
    tables = [_intervals(report.trust.intervals), _windows(found.windows), runs_table(found.stress), variants]
    return [one for one in tables if one.rows]


def _intervals(found: Mapping[str, Interval]) -> Table:
    note = "95 % of what the stationary bootstrap drew out of the same days, or trades, lies between the bounds."
    rows = tuple(
        (Cell(label), *(Cell(form(one), one, forms.tone(one)) for one in _of(found[name])))
        for name, (label, form) in INTERVALS.items()
        if name in found
    )
    return Table("intervals", "Could have come out otherwise", note, ("figure", "value", "from", "to"), rows)


def _of(one: Interval) -> Iterable[float]:
    return one.value, one.low, one.high


def _windows(found: Sequence[WindowRow]) -> Table:
    note = "Each window was traded with settings that were chosen before it began."
    heads = (
        "window", "from", "to", "return", "Sharpe", "Sharpe in training", "deepest fall", "trades", "net USD",
        "settings",
    )  # fmt: skip
    rows = tuple(
        (
            Cell(str(one.number)),
            Cell(forms.when(one.since)),
            Cell(forms.when(one.until)),
            _pct(one.total_return),
            plain_cell(one.sharpe),
            plain_cell(one.train_sharpe),
            _pct(one.max_drawdown),
            count_cell(one.trades),
            _usd(one.net_usd),
            Cell(one.chosen),
        )
        for one in found
    )
    return Table("windows", "Walk-forward, out of sample", note, heads, rows, (0, 1, 2, 9))


def runs_table(found: Sequence[RunRow], title: str = "The same run at other costs", key: str = "runs") -> Table:
    """Runs side by side, as `compare` gives them."""
    heads = (
        "run", "return", "Sharpe", "Sortino", "deepest fall", "trades", "won", "profit factor", "per trade, bps",
        "fees USD", "net USD", "mean exposure", "turnover a year",
    )  # fmt: skip
    rows = tuple(
        (
            Cell(one.name),
            _pct(one.total_return),
            plain_cell(one.sharpe),
            plain_cell(one.sortino),
            _pct(one.max_drawdown),
            count_cell(one.trades),
            _share(one.win_rate),
            plain_cell(one.profit_factor),
            bps_cell(one.expectancy_bps),
            plain_cell(one.fees_usd),
            _usd(one.net_usd),
            _share(one.mean_exposure),
            plain_cell(one.turnover_per_year, 1),
        )
        for one in found
    )
    return Table(key, title, "", heads, rows)
