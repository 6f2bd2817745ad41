"""``tradingbot performance``."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tradingbot.app.cli.shared import MomentType, console_of, print_json
from tradingbot.app.home import home_folder


@click.command("performance")
@click.option("--home", help="Folder of state and logs. Default: TRADINGBOT_HOME, else the checkout.")
@click.option("--since", type=MomentType(), help="From this date or time on, UTC.")
@click.option("--until", type=MomentType(), help="Only before this date or time, UTC.")
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many variants of settings were tried before these were chosen.",
)
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def command(home: str | None, since: datetime | None, until: datetime | None, trials: int, as_json: bool) -> None:
    """Show return, risk and their ratios by the day, and how far they can be trusted.

    Reads files only, of a running or a stopped daemon. Deposits and withdrawals count as change. The first day begins
    with the first equity that is known, the last one ends with the newest.
    """
    from tradingbot.app.performance import performance_facts

    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since must be before --until")
    facts = performance_facts(home_folder(home, os.environ), since, until, trials)
    if as_json:
        print_json(facts)
        return
    _print(console_of(110), facts)


def _print(console: Console, facts: dict[str, Any]) -> None:
    table = Table.grid(padding=(0, 2))
    for row in (*_money(facts), *_risk(facts), *_trades(facts["trades"])):
        table.add_row(*row)
    table.add_row("months", "  ".join(f"{month} {_pct(value)}" for month, value in facts["months"].items()))
    console.print(table)
    for doubt in facts["doubts"]:
        console.print(f"[yellow]doubtful:[/] {doubt}")


def _money(facts: dict[str, Any]) -> list[tuple[str, str]]:
    found, trust = facts["ratios"], facts["trust"]
    chances = (_share(trust["probability_above_zero"]), _share(trust["probability_not_luck"]))
    return [
        ("from, to", f"{_when(facts['first'])} to {_when(facts['last'])}, {facts['days']} days"),
        ("equity", f"{facts['start_usd']:,.2f} to {facts['end_usd']:,.2f} USD, {facts['change_usd']:+,.2f}"),
        ("return", f"{_pct(found['total_return'])}, a year {_pct(found['return_per_year'])}"),
        ("volatility a year", _pct(found["volatility_per_year"]).lstrip("+")),
        ("Sharpe, Sortino, Calmar", "  ".join(_number(found[one]) for one in ("sharpe", "sortino", "calmar"))),
        ("Sharpe's error", f"{_number(trust['sharpe_error'])}, 95 % within {_interval(trust['sharpe_interval_95'])}"),
        ("above zero, not luck", f"{chances[0]}, {chances[1]} when {trust['trials']} were tried"),
    ]


def _risk(facts: dict[str, Any]) -> list[tuple[str, str]]:
    found, fall = facts["ratios"], facts["drawdown"]
    tails = f"{_pct(found['tail_loss_95'])}  {_pct(found['tail_loss_99'])} on average"
    best = f"best {_pct(found['best_day'])}, worst {_pct(found['worst_day'])}"
    return [
        ("deepest fall", "none" if fall is None else f"{_pct(fall['depth'])} {_span(fall)}"),
        ("worst 5 % and 1 % of days", tails),
        ("days", f"{found['days_up']} up, {found['days_down']} down, {best}"),
    ]


def _trades(trades: dict[str, Any]) -> list[tuple[str, str]]:
    usd, bps = _number(trades["expectancy_usd"], "+.2f"), _number(trades["expectancy_bps"], "+.1f")
    factor = f"profit factor {_number(trades['profit_factor'])}"
    return [
        ("trades", f"{trades['count']}, won {_share(trades['win_rate'])}, {factor}"),
        ("per trade", f"{usd} USD, {bps} bps"),
        ("turnover a year", f"{trades['turnover_per_year']:,.1f} times the equity"),
    ]


def _span(fall: dict[str, Any]) -> str:
    end = "not made good yet" if fall["recovered_at"] is None else f"made good {_when(fall['recovered_at'])}"
    return f"from {_when(fall['peak_at'])} to {_when(fall['trough_at'])}, {end}"


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _pct(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:+.2f} %"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else f"{value:{form}}"


def _interval(bounds: list[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.2f} to {bounds[1]:.2f}"
