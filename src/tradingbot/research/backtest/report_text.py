"""The report of a backtest as a summary for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from tradingbot.research.backtest import forms
from tradingbot.research.backtest.feedback_table import feedback_tables
from tradingbot.research.backtest.model import BacktestReport
from tradingbot.research.backtest.overview import overview_of, trust_told
from tradingbot.research.backtest.tables import Cell, Table, honesty_tables, signal_tables, trade_tables

STYLES = {"gain": "green", "loss": "red", "": ""}
MOST_ROWS = 15


def render(console: Console, report: BacktestReport) -> None:
    """Warnings and doubts, the figures, and every table; long ones are cut and say so."""
    facts = report.facts
    console.print(f"[bold]{escape(facts.name)}[/], {forms.when(facts.since)} to {forms.when(facts.until)} UTC")
    for said in report.warnings:
        console.print(f"[yellow]warning:[/] {escape(said)}")
    for said in report.trust.doubts:
        console.print(f"[yellow]doubtful:[/] {escape(said)}")
    figures = Grid.grid(padding=(0, 2))
    for one in overview_of(report):
        figures.add_row(
            one.label, f"[{STYLES[one.tone] or 'bold'}]{escape(one.text)}[/]", f"[dim]{escape(one.note)}[/]"
        )
    console.print(figures)
    _months(console, report)
    for table in (*trade_tables(report), *signal_tables(report), *feedback_tables(report), *honesty_tables(report)):
        print_table(console, table)
    trust = Grid.grid(padding=(0, 2))
    for label, said in trust_told(report):
        trust.add_row(label, escape(said))
    console.print(trust)


def print_table(console: Console, table: Table) -> None:
    """One table, unless it is empty."""
    if not table.rows:
        return
    grid = Grid(title=f"{table.title} ({len(table.rows)})", title_justify="left", box=None, padding=(0, 1))
    for place, head in enumerate(table.heads):
        grid.add_column(head, justify="left" if place in table.texts else "right")
    for row in table.rows[:MOST_ROWS]:
        grid.add_row(*(_styled(cell) for cell in row))
    console.print(grid)
    if len(table.rows) > MOST_ROWS:
        console.print(f"[dim]and {len(table.rows) - MOST_ROWS} more[/]")


def _styled(cell: Cell) -> str:
    text = escape(cell.text)
    return f"[{STYLES[cell.tone]}]{text}[/]" if cell.tone else text


def _months(console: Console, report: BacktestReport) -> None:
    grid = Grid(title="By month, %", title_justify="left", box=None, padding=(0, 1))
    for head in ("year", *(f"{month:02}" for month in range(1, 13)), "all"):
        grid.add_column(head, justify="right")
    for year, total in report.years.items():
        found = [report.months.get(f"{year}-{month:02}") for month in range(1, 13)]
        grid.add_row(year, *(_styled(_hundredths(value)) for value in (*found, total)))
    console.print(grid)


def _hundredths(value: float | None) -> Cell:
    return Cell("" if value is None else f"{value * 100:+.1f}", value, forms.tone(value))
